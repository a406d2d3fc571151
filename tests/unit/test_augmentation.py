"""Random crops and flips of real images, and that everything that trains on a dataset has them."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from dd.data.augmentation import AUGMENTATIONS, crop_flip, resized_crop_flip
from dd.data.batches import RealBatches, TrainingImages
from dd.data.obtain import prepare
from dd.data.prepared import load
from dd.data.variants import vary
from dd.distill.experiment import Experiment
from dd.distill.settings import DistillConfig
from dd.runtime.errors import UserError
from dd.runtime.seeds import generator
from tests.unit.test_plan import planned

PIXELS = torch.randint(0, 256, (40, 3, 16, 16), generator=generator(0, "test"), dtype=torch.uint8)


@pytest.mark.parametrize("x", [PIXELS, PIXELS.contiguous(memory_format=torch.channels_last), PIXELS.float()])
def test_every_crop_is_one_of_the_padded_image_or_of_its_mirror_image(x):
    augmented = crop_flip(x, generator(0, "draw"))
    assert augmented.dtype == x.dtype
    padded = nn.functional.pad(x.float(), (2, 2, 2, 2), mode="reflect")
    windows = padded.unfold(2, 16, 1).unfold(3, 16, 1).permute(2, 3, 0, 1, 4, 5).flatten(0, 1)  # 25 places
    candidates = torch.cat([windows, windows.flip(-1)])
    found = (candidates == augmented.float()).flatten(2).all(2)
    assert torch.equal(found.sum(0), torch.ones(40, dtype=torch.long))
    mirrored = found[25:].any(0).float().mean()
    assert 0.2 < mirrored < 0.8
    assert len(found.nonzero()[:, 0].unique()) > 15  # of fifty


def test_every_place_and_both_directions_are_equally_likely():
    one = torch.arange(256, dtype=torch.int32).view(1, 1, 16, 16).expand(20_000, -1, -1, -1)
    corners = crop_flip(one, generator(0, "draw"))[:, 0, [8, 8], [7, 8]]
    counts = torch.tensor(list({tuple(pair): 0 for pair in corners.tolist()}))
    assert len(counts) == 50
    shares = [(corners == pair).all(1).float().mean().item() for pair in counts]
    assert shares == pytest.approx([1 / 50] * 50, abs=4 * (1 / 50 / 20_000) ** 0.5)


def test_resized_crops_show_a_window_of_the_stated_size():
    """In an image of coordinates, a crop's pixels say which window they come from."""
    size = 64
    ramp = torch.arange(size).float()
    image = torch.stack([ramp.view(-1, 1).expand(size, size), ramp.expand(size, size)])
    crops = resized_crop_flip(image.expand(300, -1, -1, -1), generator(0, "draw"))
    height = (crops[:, 0, 48, 32] - crops[:, 0, 16, 32]) * 2
    width = (crops[:, 1, 32, 48] - crops[:, 1, 32, 16]) * 2
    assert 0.3 < (width < 0).float().mean() < 0.7
    area, ratio = height * width.abs() / size**2, width.abs() / height
    assert 0.07 < area.min() < 0.15
    assert 0.9 < area.max() < 1.01
    assert 0.72 < ratio.min() < 0.8  # sides are whole pixels
    assert 1.25 < ratio.max() < 1.4
    assert 0.4 < area.mean() < (0.08 + 1) / 2  # large ones with long sides do not fit, and are drawn again


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_a_batch_depends_on_its_number_alone_and_leaves_the_images_as_they_are(name):
    pixels = PIXELS.clone()
    images = TrainingImages(pixels, torch.arange(40), torch.full((3,), 0.5), torch.full((3,), 0.25), name)
    state = torch.get_rng_state()
    first = [RealBatches(images, batch_size=8, seed=3).batch(number)[0] for number in range(12)]
    again = RealBatches(images, batch_size=8, seed=3)
    for number in (11, 0, 5):
        assert torch.equal(again.batch(number)[0], first[number])
    plain = [RealBatches(images._replace(augmentation="none"), batch_size=8, seed=3).batch(n)[0] for n in range(12)]
    assert all(torch.equal(a, b) for a, b in zip(first, plain, strict=True)) == (name == "none")
    assert torch.equal(pixels, PIXELS)
    assert torch.equal(state, torch.get_rng_state())


def test_distillation_sees_augmented_images_and_a_checkpoint_knows(digits):
    config = DistillConfig(steps=1, nets=1, real_batch=64, validation_images=100, meta_steps=2)
    plain = load(digits)
    augmented = replace(plain, info=plain.info | {"augmentation": "crop_flip"})
    one, other = (Experiment(config, dataset) for dataset in (plain, augmented))
    assert not torch.equal(one.trainer.real.batch(0)[0], other.trainer.real.batch(0)[0])
    assert torch.equal(one.validation[0], other.validation[0])
    assert {key for key in one.identity() if one.identity()[key] != other.identity()[key]} == {"augmentation"}
    last = {"accuracy": 50.0, "accuracy_std": 1.0, "nets": 2}
    assert other.distilled(last).info["dataset"]["augmentation"] == "crop_flip"


@pytest.fixture
def small_cifar10(tmp_path):
    """A mirror with twenty images in the form of CIFAR-10."""
    x, y = PIXELS[:20].repeat(1, 1, 2, 2).permute(0, 2, 3, 1).numpy(), np.arange(20, dtype=np.uint8) % 10
    np.savez(tmp_path / "cifar10.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    return tmp_path


def test_a_prepared_dataset_says_how_it_is_augmented_and_its_variant_too(small_cifar10, tmp_path):
    told = {}
    for augment in (None, "none", "resized_crop_flip"):
        prepare("cifar10", tmp_path / "a.npz", small_cifar10, augment=augment)
        vary(tmp_path / "a.npz", tmp_path / "b.npz", channels=1)
        told[augment] = [load(tmp_path / f"{name}.npz").augmentation for name in "ab"]
    assert told == {None: ["crop_flip"] * 2, "none": ["none"] * 2, "resized_crop_flip": ["resized_crop_flip"] * 2}


def test_metadata_of_earlier_versions_mean_no_augmentation_and_unknown_names_are_refused(small_cifar10, tmp_path):
    prepare("cifar10", tmp_path / "a.npz", small_cifar10)
    info = json.loads((tmp_path / "a.json").read_text())
    for changed, augmentation in ((info | {"augmentation": "mixup"}, ""), (info, "crop_flip"), (dict(info), "none")):
        if augmentation == "none":
            del changed["augmentation"]
        (tmp_path / "a.json").write_text(json.dumps(changed))
        if augmentation:
            assert load(tmp_path / "a.npz").augmentation == augmentation
        else:
            with pytest.raises(UserError, match=r"a\.json: not the metadata of a dataset .*augmentation mixup"):
                load(tmp_path / "a.npz")


def test_the_command_tells_the_augmentation(dd, small_cifar10, tmp_path):
    words = ("data", "prepare", "cifar10", "--mirror", small_cifar10, "--out", tmp_path / "c.npz")
    for more, told in (([], "crop_flip"), (["--augment", "none"], "none")):
        assert f"augmentation: {told}" in dd(*words, *more).stdout


def test_the_config_sets_the_augmentation_of_a_dataset():
    plan = planned({"data": {"augment": {"cifar10": "none"}}})
    assert plan.data.options("cifar10") == "--augment none"
    assert plan.data.options("mnist") == ""
    mistakes = {
        "cifar": "data.augment: 'cifar' is not one of .*; did you mean cifar10",
        "usps_28": "data.augment.usps_28: a variant has the augmentation of its original",
    }
    for name, message in mistakes.items():
        with pytest.raises(UserError, match=message):
            _ = planned({"data": {"augment": {name: "none"}}}).data.options("mnist")
    for value, where in itertools.product(["mixup", 1], ["cifar10"]):
        with pytest.raises(UserError, match=f"data.augment.{where}"):
            planned({"data": {"augment": {where: value}}})
    with pytest.raises(UserError, match=r"baselines: unknown key 'augment'; did you mean data\.augment"):
        planned({"baselines": {"augment": True}})
