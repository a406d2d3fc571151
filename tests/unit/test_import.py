"""Sets of other programs: read, judged, and written back."""

import json
from dataclasses import replace

import pandas as pd
import pytest
import torch

from dd import distill
from dd import load as load_set
from dd.api.distilled_set import DistilledSet
from dd.baselines.gradient_descent import RATES
from dd.data.batches import normalise
from dd.data.prepared import load
from dd.data.whitening import WHITENINGS
from dd.evaluation.held_out import evaluate
from dd.runtime.errors import UserError
from dd.runtime.files import sha256
from dd.sets.foreign import open_foreign
from dd.sets.formats import FORMATS
from dd.sets.imports import import_set
from dd.sets.pixels import NORMALISATIONS, statistics
from dd.sets.raw import nearest_probabilities
from dd.sets.set_format import Asked
from tests.unit.foreign_sets import NEEDS, PIXELS, WRITERS, datm, dc, mtt, pictures, plain, wang


@pytest.fixture(scope="module")
def dataset(digits):
    return load(digits)


def read(written, dataset, **changed):
    options = {"asked": written.asked, "normalisation": written.normalisation} | changed
    return import_set(written.path, dataset, **options)


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_is_recognised_and_read(name, dataset, tmp_path):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    written = WRITERS[name](tmp_path)
    imported = read(written, dataset)
    distilled = imported.distilled
    assert distilled.info["imported_from"]["format"] == name.split()[0]
    expected = written.images
    if name in PIXELS:
        expected = (expected - dataset.mean) / dataset.std
    torch.testing.assert_close(distilled.images, expected.float())
    torch.testing.assert_close(distilled.labels, written.labels)
    assert distilled.labels.dtype == written.labels.dtype
    assert torch.equal(distilled.lrs, written.lrs)
    assert imported.warnings == [] or "whitening" in distilled.info  # these images were never whitened
    distilled.save(tmp_path / "set.safetensors")
    assert load_set(tmp_path / "set.safetensors").digest == distilled.digest


def test_every_format_has_a_writer_here_and_every_normalisation_its_line_of_help(dd):
    assert {name.split()[0] for name in WRITERS} | {"dd"} == set(FORMATS)
    told = dd("import", "--help").stdout
    assert all(f"      {name} " in told.replace("    ", "      ") for name in (*NORMALISATIONS, *FORMATS))


def test_metadata_say_where_it_comes_from(dataset, tmp_path):
    written = dc(tmp_path)
    info = read(written, dataset, net="MLP").distilled.info
    assert info["imported_from"] == {
        "format": "dc",
        "file": "res.pt",
        "sha256": sha256(written.path),
        "experiment": 2,
        "accuracies": {
            "ConvNet": {"accuracy": 91.0, "nets": 2, "accuracy_std": pytest.approx(1.4142)},
            "MLP": {"accuracy": 50.0, "nets": 1},
        },
    }
    assert info["config"]["net"] == "MLP"
    assert info["dataset"] == dataset.origin
    pair = read(datm(tmp_path), dataset).distilled.info["imported_from"]
    assert pair["others"] == {name: sha256(tmp_path / name) for name in ("labels_best.pt", "lr_best.pt")}
    assert pair["lr"] == pytest.approx(0.03)


def judge(dd, tmp_path, digits, *options):
    out = tmp_path / "out.csv"
    common = ("--set", tmp_path / "set.safetensors", "--data", digits, "--net", "MLP", "--nets", "1", "--out", out)
    return dd("evaluate", *common, *options), out


def test_without_rates_native_says_what_to_use_before_anything_is_trained(dd, digits, dataset, tmp_path):
    imported = read(datm(tmp_path), dataset).distilled
    imported.save(tmp_path / "set.safetensors")
    with pytest.raises(UserError, match="no native protocol"):
        DistilledSet.of(imported).train("MLP")
    done, out = judge(dd, tmp_path, digits, "--protocol", "dc", "--protocol", "native")
    assert done.stderr == (
        "error: the set of images_best.pt has no learning rates of its own, so it has no native protocol; use another "
        "(--protocol dc), or import it with --epochs, for its rate 0.03\n"
    )
    assert done.returncode == 1
    assert not out.exists()
    done, out = judge(dd, tmp_path, digits, "--protocol", "dc")
    assert done.returncode == 0, done.stderr
    assert "lr_first_epoch" not in pd.read_csv(out)
    assert dd("figure", "--set", tmp_path / "set.safetensors", "--out", tmp_path / "set.png").returncode == 0


def test_with_epochs_native_is_gradient_descent_at_the_rate_of_the_file(dataset, tmp_path):
    distilled = DistilledSet.of(read(datm(tmp_path), dataset, epochs=3, net="MLP").distilled)
    assert torch.equal(distilled.lrs, torch.full((3, 1), 0.03))
    net, ours = distilled.net(0), distilled.train(distilled.net(0))
    sgd = torch.optim.SGD(net.parameters(), lr=0.03)
    for _ in range(3):
        sgd.zero_grad()
        torch.nn.functional.cross_entropy(net(distilled.images[0]), distilled.labels[0]).backward()
        sgd.step()
    for own, plainly in zip(ours.parameters(), net.parameters(), strict=True):
        torch.testing.assert_close(own, plainly)
    with pytest.raises(UserError, match=r"--epochs: .* has no learned rate"):
        read(plain(tmp_path), dataset, epochs=3)


@pytest.mark.parametrize(("make", "name"), [(dc, "dc"), (mtt, "mtt"), (datm, "datm"), (wang, "wang")])
def test_what_is_imported_is_exported_as_it_was(make, name, dd, dataset, tmp_path):
    written = make(tmp_path)
    distilled = read(written, dataset).distilled
    distilled.save(tmp_path / "set.safetensors")
    (tmp_path / "out").mkdir()
    out = tmp_path / "out" / written.path.name
    done = dd("export", "--set", tmp_path / "set.safetensors", "--format", name, "--out", out)
    assert done.returncode == 0, done.stderr
    known = done.stdout.split("--normalisation ")[1].strip()
    if name == "dc":
        theirs, ours = (open_foreign(path).content["data"] for path in (written.path, out))
        assert all(torch.equal(a, b) for a, b in zip(theirs[2], ours[0], strict=True))
        written = replace(written, asked=Asked())
    elif name == "wang":
        theirs, ours = (torch.load(path, weights_only=True) for path in (written.path, out))
        for one, other in zip(theirs, ours, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    else:
        assert torch.equal(torch.load(out), torch.load(written.path))
        labels, theirs = (torch.load(path.with_name("labels_best.pt")) for path in (out, written.path))
        torch.testing.assert_close(labels.float().softmax(-1), theirs.float().softmax(-1))
    again = read(replace(written, path=out), dataset, normalisation=known).distilled
    for part in ("images", "labels", "lrs", "mean", "std"):
        torch.testing.assert_close(getattr(again, part), getattr(distilled, part))


@pytest.mark.parametrize("ending", ["pt", "npz"])
def test_our_own_exports_come_back_whole(ending, dd, dataset, tmp_path):
    ours = read(wang(tmp_path), dataset).distilled
    ours = replace(ours, fixed_weights=torch.rand(5), buffers={"norm.mean": torch.rand(2)})
    ours.save(tmp_path / "set.safetensors")
    file, back = tmp_path / f"set.{ending}", tmp_path / "back.safetensors"
    assert dd("export", "--set", tmp_path / "set.safetensors", "--out", file).returncode == 0
    done = dd("import", file, "--out", back)
    assert done.returncode == 0, done.stderr
    again = load_set(back)
    assert again.digest == ours.digest
    assert again.info == json.loads(json.dumps(ours.info))


def test_a_set_of_tables_comes_back_but_not_by_formats_of_images(dd, tmp_path):
    x, y = torch.randn(60, 5), torch.arange(60) % 3
    made = distill(x, y, "MLP", meta_steps=1, nets=1, real_batch=20, validation_images=6, validation_nets=1)
    made.save(tmp_path / "set.safetensors")
    for file in ("set.npz", "set.pt"):
        assert dd("export", "--set", tmp_path / "set.safetensors", "--out", tmp_path / file).returncode == 0
        assert dd("import", tmp_path / file, "--out", tmp_path / "back.safetensors").returncode == 0
        assert load_set(tmp_path / "back.safetensors").digest == made.digest
    done = dd("export", "--set", tmp_path / "set.safetensors", "--format", "dc", "--out", tmp_path / "dc.pt")
    assert "this format has images [C, H, W], and this set inputs [5]; export to .npz or .pt" in done.stderr
    assert not (tmp_path / "dc.pt").exists()


def test_exports_that_would_lose_labels_are_refused(dd, dataset, tmp_path):
    read(datm(tmp_path), dataset).distilled.save(tmp_path / "soft.safetensors")
    read(plain(tmp_path), dataset).distilled.save(tmp_path / "hard.safetensors")
    for kind, name, told in (("soft", "mtt", "--format datm"), ("hard", "datm", "--format mtt")):
        out = tmp_path / f"images_{kind}.pt"
        done = dd("export", "--set", tmp_path / f"{kind}.safetensors", "--format", name, "--out", out)
        assert done.returncode == 1
        assert told in done.stderr
        assert not out.exists()


@pytest.mark.parametrize(
    ("images", "normalisation", "told"),
    [
        (torch.rand(10, 1, 28, 28), "dataset", "look like pixels of 0 to 1 (--normalisation pixels)"),
        (255 * torch.rand(10, 1, 28, 28), "dataset", "check --normalisation"),
        (pictures(), "pixels", "normalised already"),
        (pictures(), "0.5/0.01", "check --normalisation"),
        (pictures(), "0.5/0.5", "real images of digits normalised like that have"),
        (torch.rand(10, 1, 28, 28), "kornia-zca", "look like pixels of 0 to 1"),
        (3 * pictures(), "unit-norm-zca", "check --normalisation"),
        (3 * pictures(), "kornia-zca", "check --normalisation"),
        (pictures(), "dataset", ""),
        (torch.rand(10, 1, 28, 28), "pixels", ""),
        (0.3 * pictures(), "unit-norm-zca", ""),
    ],
)
def test_pixels_that_do_not_fit_are_warned_of(images, normalisation, told, dataset, tmp_path):
    torch.save({"images": images, "labels": torch.arange(10)}, tmp_path / "set.pt")
    warnings = import_set(tmp_path / "set.pt", dataset, asked=Asked(), normalisation=normalisation).warnings
    assert [told in warning for warning in warnings] == ([True] if told else [])


@pytest.mark.parametrize("kind", WHITENINGS)
@pytest.mark.parametrize("count", [200, 1200])  # fewer and more than an image has pixels
def test_the_spread_of_whitened_images_is_told_without_whitening_them(kind, count, dataset):
    whitening = WHITENINGS[kind]
    mean, std = statistics("none", dataset)
    x = dataset.x_train[:count]
    made = whitening.fit(x, mean, std)(normalise(x, mean, std))
    assert whitening.spread(x, mean, std) == pytest.approx(made.std().item(), rel=0.02)


def test_probabilities_beside_images_are_not_taken_for_logits(dataset, tmp_path):
    torch.save(pictures(), tmp_path / "images.pt")
    torch.save(torch.eye(10), tmp_path / "labels.pt")
    imported = import_set(tmp_path / "images.pt", dataset, asked=Asked(), normalisation="dataset")
    assert torch.equal(imported.distilled.labels, torch.eye(10)[None])


def test_a_learned_rate_is_told(dataset, tmp_path):
    written = WRITERS["datm"](tmp_path)
    told = import_set(written.path, dataset, asked=Asked(), normalisation="dataset").told
    assert "a learned rate: 0.03; --epochs N makes N passes at it the native protocol" in told


@pytest.mark.parametrize("kind", WHITENINGS)
def test_a_whitened_set_is_judged_on_real_images_whitened_alike(kind, dataset, tmp_path):
    """The accuracy is that of nets tested, by hand, on test images that were whitened."""
    dataset = replace(dataset, name="mnist")
    torch.save(0.3 * pictures(), tmp_path / "images.pt")
    torch.save(torch.arange(10), tmp_path / "labels.pt")
    torch.save(torch.tensor(0.05), tmp_path / "lr.pt")
    options = {"asked": Asked(), "normalisation": kind, "net": "MLP", "epochs": 5}
    distilled = DistilledSet.of(import_set(tmp_path / "images.pt", dataset, **options).distilled)
    assert distilled.info["whitening"] == {"kind": kind, "data": dataset.info["sha256"]}
    table = evaluate(distilled, dataset, distilled.initial(), 1)
    net, whitening = distilled.train(distilled.net(0)), distilled.whitening(dataset)
    right = net(distilled.normalise(dataset.x_test, whitening)).argmax(1) == dataset.y_test
    assert table["accuracy"].iloc[1] == pytest.approx(100 * right.float().mean().item(), abs=0.21)
    with pytest.raises(UserError, match="whitened"):
        distilled.normalise(dataset.x_test)
    with pytest.raises(UserError, match="only `dd evaluate`"):
        distilled.check(dataset)
    other = replace(dataset, info=dataset.info | {"sha256": "0" * 64})
    with pytest.raises(UserError, match="whitened by other images"):
        evaluate(distilled, other, distilled.initial(), 1)


def test_pictures_of_a_whitened_set_are_refused(dd, dataset, tmp_path):
    read(plain(tmp_path), dataset, normalisation="kornia-zca").distilled.save(tmp_path / "set.safetensors")
    done = dd("export", "--set", tmp_path / "set.safetensors", "--out", tmp_path / "set.png")
    assert "the set is whitened, so its images are no pictures" in done.stderr


def test_targets_become_the_nearest_probabilities():
    """Compared with a search over a grid; and numbers added to a row change nothing."""
    real = torch.tensor([[0.9, 0.3, -0.4], [5.0, 1.0, 1.0], [0.2, 0.2, 0.2]])
    steps = torch.arange(0, 101) / 100
    grid = torch.cartesian_prod(steps, steps)
    grid = torch.cat([grid, 1 - grid.sum(1, keepdim=True)], 1)
    grid = grid[grid[:, 2] >= -1e-6]
    best = grid[torch.cdist(real, grid).argmin(1)]
    torch.testing.assert_close(nearest_probabilities(real), best, atol=0.01, rtol=0)
    torch.testing.assert_close(nearest_probabilities(real + 7), nearest_probabilities(real), atol=1e-5, rtol=0)


def test_baselines_of_a_set_without_rates_try_all_others(dd, digits, dataset, tmp_path):
    read(plain(tmp_path), dataset, net="MLP").distilled.save(tmp_path / "set.safetensors")
    options = ("--draws=1", "--nets=1", "--test-nets=1", "--choose-on=test")
    common = ("--set", tmp_path / "set.safetensors", "--data", digits, "--out", tmp_path / "random.csv")
    done = dd("baseline", "random", *common, *options)
    assert done.returncode == 0, done.stderr
    tried = pd.read_csv(tmp_path / "random.csv")
    assert set(tried[tried["stage"] == "choice"]["lr"]) == set(RATES) - {"learned"}
