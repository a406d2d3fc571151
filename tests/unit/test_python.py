"""`dd.distill` and what it returns: inputs and networks of any kind, copies, and the same digits as the command."""

import copy
import multiprocessing
import os
import pickle
import signal

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import dd
from dd.data.prepared import load
from dd.distill.session import _code
from dd.runtime.errors import UserError
from tests.conftest import TinyNet

FAST = {
    **{"steps": 2, "epochs": 2, "nets": 1, "real_batch": 32, "validation_images": 10, "validation_nets": 1},
    **{"meta_steps": 2, "validate_every": 1, "progress": False},
}


class Table(nn.Module):
    """A network for tables, which asks for the shape of an input."""

    def __init__(self, shape, classes):
        super().__init__()
        self.out = nn.Linear(shape[0], classes)

    def forward(self, x):
        return self.out(x)


@pytest.fixture
def dd_command(request):
    """The fixture `dd`, beside the module of that name."""
    return request.getfixturevalue("dd")


@pytest.fixture(scope="module")
def table():
    """Floats `[N, 5]` of two classes, of very different scales."""
    x = torch.randn(80, 5, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 10, 100, 1, 1])
    return x, (x[:, 0] > 0).long()


@pytest.fixture(scope="module")
def distilled(table):
    return dd.distill(*table, Table, **FAST)


def test_a_protocol_that_does_not_fit_is_refused(distilled, table):
    with pytest.raises(UserError, match="--protocol soft: is for learned labels"):
        distilled.evaluate(*table, protocol="soft")
    with pytest.raises(UserError, match=r"--protocol dsa: changes square images, not inputs \[5\]"):
        distilled.evaluate(*table, protocol="dsa")


@pytest.mark.parametrize("nets", [0, -1, "3", 1.5])
def test_a_number_of_networks_is_a_whole_one_from_1(distilled, table, nets):
    with pytest.raises(UserError, match=f"nets: {nets!r} is no number of networks; give a whole one from 1"):
        distilled.evaluate(*table, nets=nets)


def test_a_set_of_a_table_is_trained_on_judged_and_saved(distilled, table, tmp_path):
    x, y = table
    assert distilled.images.shape == (2, 2, 5)
    torch.testing.assert_close(distilled.normalise(x).mean(0), torch.zeros(5), atol=1e-5, rtol=0)
    torch.testing.assert_close(distilled.normalise(x).std(0, correction=0), torch.ones(5))
    net = distilled.train(distilled.net())
    assert net(distilled.normalise(x)).shape == (80, 2)
    judged = distilled.evaluate(x, y, nets=2)
    assert list(judged["stage"]) == ["before", "after"] * 2
    assert "high_frequencies" not in judged
    distilled.save(tmp_path / "set.safetensors")
    again = dd.load(tmp_path / "set.safetensors")
    assert again.evaluate(x, y, nets=2).equals(judged)
    with pytest.raises(UserError, match="takes float32 tensors"):
        again.normalise(x.byte())
    with pytest.raises(UserError, match="holds bytes, but the set was distilled from floats"):
        again.evaluate(x.byte(), y)
    with pytest.raises(UserError, match="no pictures"):
        again.plot()


def test_a_lambda_a_class_and_a_copy_make_the_same_set(distilled, table):
    for net in (lambda: Table((5,), 2), Table((5,), 2)):
        other = dd.distill(*table, net, **FAST)
        assert torch.equal(other.images, distilled.images)
        assert torch.equal(other.lrs, distilled.lrs)
        assert other.train(other.net(0)).out.weight.equal(distilled.train(distilled.net(0)).out.weight)


class Bent(Table):
    """One whose layers do not tell how it differs."""

    def __init__(self, bend, scale):
        super().__init__((5,), 2)
        self.bend = bend
        torch.nn.init.constant_(self.out.weight, scale)

    def forward(self, x):
        return super().forward(self.bend(x))


@pytest.mark.parametrize("more", [{"bend": torch.sin}, {"scale": 2.0}])
def test_functions_and_attributes_tell_networks_apart(table, tmp_path, more):
    """Both networks have the same layers; a function has taken the scale along."""
    made = {}

    def maker(bend, scale):
        return lambda: Bent(bend, scale)

    options = {"progress": False, "init_scheme": "default", **FAST}
    first = {"bend": torch.relu, "scale": 1.0}
    for name, kind in (("one", first), ("other", first | more)):
        made[name] = dd.distill(*table, maker(**kind), **options | {"work": tmp_path / name})
    one, other = (distilled.net().eval().requires_grad_(False) for distilled in made.values())
    assert (one.bend, float(one.out.weight[0, 0])) == (torch.relu, 1.0)
    assert (other.bend, float(other.out.weight[0, 0])) == tuple((first | more).values())


def test_code_is_told_alike_whatever_the_order_of_a_set_in_it():
    """The order depends on the session: of these two sets it differs in one."""
    written = (lambda mode: mode in {0, 8}).__code__
    (place,) = (i for i, each in enumerate(written.co_consts) if isinstance(each, frozenset))
    codes = []
    for order in ([0, 8], [8, 0]):
        constants = [*written.co_consts]
        constants[place] = frozenset(order)
        codes.append(written.replace(co_consts=tuple(constants)))
    assert len({repr(code.co_consts[place]) for code in codes}) == 2
    assert len({_code(code) for code in codes}) == 1


def test_a_lambda_of_an_ended_session_says_so(table):
    made = dd.distill(*table, lambda: Table((5,), 2), **FAST)
    made.info["config"]["net"] = "dd.distill.session:lambda_00000000"
    with pytest.raises(UserError, match=r"lambda: was made by a function in the session .* give it again as net="):
        made.net()
    assert len(made.evaluate(*table, nets=1, net=Table)) == 2


def test_python_and_the_command_make_the_same_set(dd_command, digits, tmp_path):
    settings = ["--steps=2", "--epochs=2", "--nets=1", "--real-batch=32", "--validation-images=10", "--net=MLP"]
    settings += ["--validation-nets=1", "--meta-steps=2", "--validate-every=1"]
    done = dd_command("distill", "--data", digits, "--out", tmp_path / "set.safetensors", *settings)
    assert done.returncode == 0, done.stderr
    theirs, data = dd.load(tmp_path / "set.safetensors"), load(digits)
    pairs = TensorDataset(data.x_train, data.y_train)
    for given in ((digits,), (data.x_train, data.y_train), (pairs,)):
        ours = dd.distill(*given, net="MLP", **FAST)
        assert ours.digest == theirs.digest
    done = dd_command(
        *("distill", "--data", digits, "--from", tmp_path / "set.safetensors", "--meta-steps", 1),
        *("--out", tmp_path / "further.safetensors"),
    )
    assert done.returncode == 0, done.stderr
    further = dd.distill(digits, start=theirs, meta_steps=1, progress=False)
    with pytest.raises(UserError, match="mnist_rendom: no such file, and no published set of this name"):
        dd.distill(digits, start="mnist_rendom")
    assert dd.load(tmp_path / "further.safetensors").digest == further.digest
    assert further.info["begun"] == theirs.digest
    assert not further.images.equal(theirs.images)
    assert (further.images - theirs.images).abs().max() < 0.02  # one update of Adam away


def test_a_finished_set_of_another_form_is_refused(distilled, table):
    for key, value in {"steps": 3, "images_per_class": 2, "epochs": 1, "soft_labels": True}.items():
        with pytest.raises(UserError, match=f"{key}: the finished set has .* leave it out"):
            dd.distill(*table, start=distilled, **{key: value})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": torch.zeros(80)}, r"inputs are \[80\]; they must be \[N, ...\]"),
        ({"x": torch.zeros(80, 5, dtype=torch.long)}, "inputs are torch.int64; they must be uint8, or floats"),
        ({"x": torch.full((80, 5), torch.nan)}, "some inputs are not finite"),
        ({"y": torch.zeros(80)}, "labels are torch.float32"),
        ({"y": torch.full((80,), 3)}, "class 0 has no inputs"),
        ({"y": -torch.ones(80).long()}, "has label -1"),
        ({"y": None}, "labels: are missing"),
        ({"y": torch.zeros(80).long()}, r"has 1 class\(es\); a network must have two at least to tell apart"),
        ({"dsa_real": True}, "dsa_real: needs a dsa to change real images by"),
        ({"net": 5}, "neither a name nor a class or function"),
        ({"net": "LeNet"}, r"net LeNet: takes square images \[N, C, S, S\], not inputs \[N, 5\]"),
        ({"net": lambda: 3}, "makes a int; must be a torch.nn.Module"),
        ({"net": lambda: nn.Linear(4, 2)}, "mat1 and mat2 shapes"),
        ({"net": lambda: nn.Linear(5, 3)}, r"returns \[2, 3\] for 2 images of 2 classes"),
        ({"stepz": 3}, "unknown key 'stepz'; did you mean steps"),
        ({"steps": 0}, "steps: 0 must be at least 1"),
        ({"dsa": "flip"}, r"dsa: changes square images \[C, S, S\], not inputs \[5\]"),
    ],
)
def test_what_cannot_be_distilled_is_refused_in_one_line(table, change, message):
    given = {"x": table[0], "y": table[1], "net": Table, **FAST, **change}
    with pytest.raises(UserError, match=message) as refused:
        dd.distill(given.pop("x"), given.pop("y"), given.pop("net"), **given)
    assert "\n" not in str(refused.value)


def test_iteration_goes_through_the_whole_training(distilled):
    """A loop as a user would write it trains as `train` does."""
    net, ours = distilled.net(0), distilled.train(distilled.net(0))
    for images, labels, lr in distilled:
        loss = nn.functional.cross_entropy(net(images), labels)
        gradients = torch.autograd.grad(loss, list(net.parameters()))
        with torch.no_grad():
            for weights, gradient in zip(net.parameters(), gradients, strict=True):
                weights -= lr * gradient
    assert len(distilled) == 4
    torch.testing.assert_close(net.out.weight, ours.out.weight)


def _sum(distilled):
    return distilled.images.double().sum().item()


def test_copies_pickles_and_workers(distilled):
    for other in (copy.deepcopy(distilled), pickle.loads(pickle.dumps(distilled)), distilled.to("cpu")):  # noqa: S301
        assert other.digest == distilled.digest
        assert other.info == distilled.info
        assert type(other) is dd.DistilledSet
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.map(_sum, [distilled]) == [_sum(distilled)]
    batches = list(DataLoader(distilled.as_dataset(), batch_size=3, num_workers=1))
    assert torch.cat([images for images, _ in batches]).equal(distilled.images.flatten(0, 1))
    assert torch.cat([labels for _, labels in batches]).equal(distilled.labels.flatten())


class Interrupt:
    """Interrupts the process, as Ctrl-C does, at a row of the history."""

    def __init__(self, at):
        self.at, self.rows = at, []

    def __call__(self, row):
        self.rows.append(row["meta_step"])
        if row["meta_step"] == self.at:
            os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupted_call_goes_on_to_the_same_set(distilled, table, tmp_path):
    work = tmp_path / "work"
    first, second = Interrupt(1), Interrupt(None)
    with pytest.raises(KeyboardInterrupt, match="stopped at meta-step 1 of 2"):
        dd.distill(*table, Table, work=work, callback=first, **FAST)
    with pytest.raises(UserError, match="made with other settings"):
        dd.distill(*table, Table, work=work, **FAST | {"meta_lr": 0.5})
    again = dd.distill(*table, Table, work=work, callback=second, **FAST)
    assert again.digest == distilled.digest
    assert (first.rows, second.rows) == ([0, 1], [1, 2])
    assert not work.exists()
    with pytest.raises(KeyboardInterrupt, match="give a folder as work="):
        dd.distill(*table, Table, callback=Interrupt(1), **FAST)


def test_a_class_that_takes_nothing_and_pictures_that_are_no_squares():
    images = torch.randint(0, 256, (60, 1, 6, 8), dtype=torch.uint8)
    labels = torch.arange(60) % 2
    made = dd.distill(images, labels, lambda: nn.Sequential(nn.Flatten(), nn.Linear(48, 2)), **FAST)
    assert made.images.shape == (2, 2, 1, 6, 8)
    assert made.plot().axes
    assert made.evaluate(images, labels, nets=1)["accuracy"].notna().all()
    square = dd.distill(images[..., :6], labels, lambda: TinyNet(size=6, classes=2), **FAST)
    assert square.images.shape == (2, 2, 1, 6, 6)


def test_a_name_makes_the_network_that_is_trained_and_mlp_takes_any_inputs(distilled, table):
    net = distilled.train("MLP")
    assert net(distilled.normalise(table[0])).shape == (80, 2)
    made = dd.distill(*table, "MLP", **FAST)
    assert made.evaluate(*table, nets=2)["accuracy"].between(0, 100).all()
    with pytest.raises(UserError, match=r"net LeNet: takes square images .*; use MLP, or one of your own"):
        distilled.train("LeNet")
