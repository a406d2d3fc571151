"""What every baseline is tried on: the data, network and initial weights of the distilled set that it replaces."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from dd.baselines.baseline import Baseline
from dd.baselines.real_images import RealImages
from dd.baselines.settings import BaselineSettings
from dd.data.prepared import Dataset
from dd.distill.distilled_set import DistilledSet
from dd.distill.initial_weights import Initial
from dd.distill.loss import poisoned
from dd.distill.metrics import sample_std
from dd.runtime.errors import UserError

if TYPE_CHECKING:
    from dd.baselines.grid import Classifier


class LabelledImages(NamedTuple):
    """Images to classify."""

    x: Tensor
    """uint8 `[n, C, H, W]`."""
    y: Tensor
    """int64 `[n]`."""

    def rows(self, chosen: Tensor) -> "LabelledImages":
        """The images and labels at the rows `chosen`, integers `[m]`."""
        return LabelledImages(self.x[chosen], self.y[chosen])


class BaselineTrial:
    """A baseline in place of a distilled set: same network, steps, number of images, initial weights.

    Its labels are the images' classes; for poisoning, those that the attacker wants.
    """

    real: RealImages
    """The images to make sets from. Training images that choose the best combination are not among them."""
    choice: LabelledImages
    """The images that choose the best combination."""
    choice_stream: str
    """The stream of the nets that choose it: see `dd.distill.initial_weights.Initial`."""
    test: LabelledImages
    """The images that the best combination is tested on."""

    def __init__(
        self,
        distilled: DistilledSet,
        dataset: Dataset,
        initial: Initial,
        settings: BaselineSettings,
        *,
        networks: "Callable[[BaselineTrial], Classifier] | None" = None,
        device: str = "cpu",
    ) -> None:
        """`initial` gives the initial weights. `on_progress` is called `Baseline.progress_steps` times.

        `networks` trains networks on a set in one way, so that nothing is chosen and no training image held out; by
        default they are trained by GD steps in several combinations.

        Raises:
            UserError: the images or classes of the dataset are not those of the set, or images that distillation was
                trained on would be held out from the baselines alone.
        """
        distilled.check(dataset)
        self.distilled, self.dataset, self.initial = distilled, dataset, initial
        self.settings, self.networks, self.device = settings, networks, device
        self.on_progress: Callable[[], object] = lambda: None
        config = distilled.info["config"]
        self.test = LabelledImages(dataset.x_test, dataset.y_test)
        train = dataset.training_images()._replace(mean=distilled.mean, std=distilled.std)
        if networks or settings.choose_on == "test":
            self.choice_stream, self.choice = "held-out", self.test
        else:
            if config.get("train_on_all"):
                raise UserError(
                    "choose_on: held-out would take images from the baselines that this set was distilled from "
                    "(train_on_all); use test"
                )
            left, kept = dataset.split(config["validation_images"], config["seed"])
            self.choice_stream = "choice"
            self.choice = LabelledImages(dataset.x_train, dataset.y_train).rows(kept)
            train = train._replace(x=train.x[left], y=train.y[left])
        self.real = RealImages(
            train,
            classes=len(dataset.classes),
            steps=len(distilled.images),
            per_step=config["images_per_class"],
            seed=config["seed"],
        )

    def check(self, baseline: Baseline) -> None:
        """Refuse a baseline that cannot be made, before anything is tried.

        Raises:
            UserError: too few images of a class, or too few candidates.
        """
        if "candidates" in baseline.settings:
            self.settings.check_candidates()
        for label in range(self.real.classes):
            self.real.of_class(label, self.real.per_class if "draws" in baseline.settings else 1)

    def labels(self, images: Tensor) -> Tensor:
        """Labels `[steps, n]` of a set `[steps, n, ...]`, classes in order; for poisoning those the attacker wants."""
        classes, config = self.real.classes, self.distilled.info["config"]
        labels = torch.arange(classes).repeat_interleave(images.shape[1] // classes).expand(len(images), -1)
        if self.distilled.attacks:
            return poisoned(labels, attack_class=config["attack_class"], target_class=config["target_class"])
        return labels


def joined(parts: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Measurements of all nets, by name, of those of some nets each."""
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def summary(measured: dict[str, Tensor]) -> dict[str, Any]:
    """Mean and standard deviation over nets of measurements `[nets]` by name, and how many nets there are."""
    row: dict[str, Any] = {}
    for name, values in measured.items():
        row |= {name: values.mean().item(), f"{name}_std": sample_std(values), "nets": len(values)}
    return row
