"""The minutes that jobs ask a cluster for, from what they compute.

A job asks for `MARGIN` times what it would take the GPU that the rates here were measured on, and `START` for its
beginning. A job that can resume asks for a day at most, since a later attempt goes on; another for a week.
benchmarks/cost.py estimates all of the paper in the same way.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dd.baselines import BASELINES
from dd.config.model import Config
from dd.config.sections import ExperimentEntry
from dd.data.datasets import DATASETS
from dd.data.named_dataset import NamedDataset
from dd.distill.init_kinds import INITS
from dd.evaluation.protocols import NATIVE, SGD
from dd.nets import NETWORKS

SPEED = 6.4e6
"""Millions of operations a second: an H100 in meta-steps of AlexCifarNet (benchmarks/README.md)."""
GD_STEP = 1 / 960
"""Seconds that a GD step with its backward pass takes there at least, and a step of plain training."""
CPU = 60
"""Times as long on a CPU of two cores."""
MARGIN = 3
"""For slower GPUs, validation and reading."""
START = 10
"""Minutes."""
DAY = 24 * 60
STEPS_OF = 10
"""Minutes that a job asks for are rounded up to a multiple of this."""
BACKWARD = 2.5
"""A distilled image costs as many times a real one: it is passed again on the way back, with second derivatives."""
TEST_IMAGES = 10_000
"""Of a dataset, which is not read to plan."""
CLASSES = 10
COMBINATIONS = 21
"""Seven rates and three numbers of epochs that a baseline is tried with."""
TEST = 1 / 3
"""Testing on an image, as a share of training on it."""
FADA_STEPS, FADA_IMAGES = 1200, 400
"""Steps of FADA, warm-up included, and images in each: about those of `FadaConfig`, which imports torch."""
OTHERS_IMAGES = 500
"""Images of another program's set, which is not read to plan."""


@dataclass(frozen=True)
class Work:
    """What a job computes."""

    operations: float
    """Millions."""
    steps: float = 0
    """Steps of training, one after the other."""

    def seconds(self) -> float:
        """On the GPU that the rates are of."""
        return max(self.operations / SPEED, self.steps * GD_STEP)

    def minutes(self, *, gpu: bool, attempt: int, resumes: bool) -> int:
        """Minutes to ask for; twice as many at the second attempt, and so on."""
        wanted = START + MARGIN * (1 if gpu else CPU) * self.seconds() / 60
        return min(attempt * STEPS_OF * math.ceil(wanted / STEPS_OF), DAY if resumes else 7 * DAY)


def of_image(net: str) -> float:
    """Millions of operations to train a network on one real image; of a user's network, those of a middling one."""
    return NETWORKS[net].image_mflop if net in NETWORKS else NETWORKS["AlexCifarNet"].image_mflop


class WallTime:
    """The `Work` of jobs by what they make."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def distillation(self, experiment: str) -> Work:
        """Of `dd distill`."""
        entry = self.config.all_experiments[experiment]
        steps = _gd_steps(entry)
        images = entry.nets * (entry.real_batch + BACKWARD * steps * _step_images(entry))
        return Work(entry.meta_steps * images * of_image(entry.net), entry.meta_steps * steps)

    def shard(self, pool: str) -> Work:
        """Of `dd pool train`."""
        entry = self.config.pools[pool]
        passes = entry.epochs * self._training_images(entry.dataset)
        return Work(entry.shard * passes * of_image(entry.net), passes / entry.batch)

    def evaluation(self, experiment: str, nets: int) -> Work:
        """Of `dd evaluate`."""
        entry = self.config.all_experiments[experiment]
        images = _nets(entry, nets) * (
            _gd_steps(entry) * _step_images(entry) + 2 * TEST_IMAGES * TEST
        )  # before and after
        return Work(images * of_image(entry.net), _gd_steps(entry))

    def baseline(self, experiment: str, name: str) -> Work:
        """Of `dd baseline`."""
        common = self.config.baselines
        settings = common.experiments.get(experiment, common)
        entry = self.config.all_experiments[experiment]
        if not BASELINES[name].gpu:  # nearest neighbours: minutes of a CPU
            return Work(0)
        tried = settings.draws * (COMBINATIONS * _nets(entry, settings.nets) + _nets(entry, settings.test_nets))
        images = tried * (_gd_steps(entry) * _step_images(entry) + TEST_IMAGES * TEST)
        return Work(images * of_image(entry.net), settings.draws * COMBINATIONS * _gd_steps(entry))

    def adaptation(self, experiment: str, method: str) -> Work:
        """Of `dd adapt`."""
        settings = getattr(self.config.adapt.experiments.get(experiment, self.config.adapt), method)
        entry = self.config.all_experiments[experiment]
        if not hasattr(settings, "epochs"):
            return Work(settings.nets * FADA_STEPS * FADA_IMAGES * of_image(entry.net), FADA_STEPS)
        passes = settings.epochs * self._training_images(entry.dataset)
        return Work(settings.nets * passes * of_image(entry.net), passes / settings.batch)

    def transfer(self, experiment: str) -> Work:
        """Of `dd evaluate` on other networks."""
        section = self.config.transfer
        return _by_protocols([self._images(experiment)], section.nets, len(section.protocols) * section.held_out)

    def judgement(self) -> Work:
        """Of `dd judge`."""
        section = self.config.judge
        sets = [self._images(name) for name in section.experiments] + [OTHERS_IMAGES] * len(section.sets)
        rank = 2 if section.rank else 1  # as many random real images as each set has, under the same training
        trainings = rank * section.held_out
        field = [protocol for protocol in section.protocols if protocol != NATIVE]
        judged = _by_protocols(sets, section.nets, len(field) * trainings)
        images, steps = 0.0, 0
        for name in section.experiments if NATIVE in section.protocols else []:
            entry = self.config.all_experiments[name]
            lengths = section.epochs or [entry.epochs]
            native = sum(lengths) * entry.epoch_steps
            images += trainings * (native * _step_images(entry) + len(lengths) * TEST_IMAGES * TEST)
            steps += trainings * native
        dataset = self.config.all_experiments[section.experiments[0]].dataset
        whole = section.whole * section.held_out * self._training_images(dataset)
        operations = judged.operations + (images + whole) * sum(map(of_image, section.nets))
        return Work(operations, judged.steps + len(section.nets) * (steps + whole / SGD.batch))

    def _training_images(self, dataset: str) -> int:
        """About as many as a dataset has; a user's own counts as a large one."""
        of = self.config.original(dataset)
        return DATASETS[of].training_images if of in DATASETS else NamedDataset.training_images

    def _images(self, experiment: str) -> int:
        entry = self.config.all_experiments[experiment]
        return entry.steps * entry.images_per_class * CLASSES


def _by_protocols(sets: Sequence[int], nets: Sequence[str], trainings: int) -> Work:
    """Networks that are trained on sets of so many images, each so often, for as many epochs as the field's."""
    images = sum(SGD.augmented_epochs * count + TEST_IMAGES * TEST for count in sets)
    steps = sum(SGD.augmented_epochs * -(-count // SGD.batch) for count in sets)
    return Work(trainings * images * sum(map(of_image, nets)), trainings * len(nets) * steps)


def _nets(entry: ExperimentEntry, nets: int) -> int:
    """Of so many networks, those that differ."""
    return 1 if INITS[entry.init].one_net else nets


def _gd_steps(entry: ExperimentEntry) -> int:
    return entry.epochs * entry.epoch_steps


def _step_images(entry: ExperimentEntry) -> int:
    return CLASSES * (entry.batch_per_class or entry.images_per_class)
