"""Adaptation: few-shot adversarial domain adaptation (FADA; Motiian et al. 2017), the baseline of Table 2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dd.adaptation.adaptation import Adaptation, AdaptationTask
from dd.runtime.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

    from dd.pools.settings import TrainConfig


def few_shot(task: AdaptationTask, theta: Tensor, config: TrainConfig) -> Tensor:
    """Nets `theta [nets, P]` after FADA with as many images of a class as the distilled set has.

    The images and all other random numbers are drawn by `config.seed`.

    Raises:
        UserError: the source is not what the nets were trained on; see also `dd.adaptation.fada_training.fada` and
            `few`.
    """
    from dd.adaptation.fada_training import FadaConfig, fada, few
    from dd.nets.stacked import StackedNet

    distilled, dataset, source = task.distilled, task.dataset, task.source
    if source is None:
        raise ValueError("FADA needs the images of the source")
    trained_on = distilled.info.get("pretrained", {}).get("dataset")
    if trained_on and trained_on["sha256"] != source.info["sha256"]:
        raise UserError(f"--source: is {source.name}, but these nets were trained on {trained_on['name']}; give that")
    classes = len(dataset.classes)
    per_class = distilled.images.shape[:2].numel() // classes
    shots = few(dataset.training_images(), classes, per_class, config.seed)
    return fada(
        StackedNet(distilled.make()).to(theta.device),
        theta,
        source=source.training_images(),
        target=shots._replace(mean=distilled.mean, std=distilled.std),
        config=FadaConfig(),
        seed=config.seed,
        progress=task.progress,
    )


ADAPTATION = Adaptation(
    name="fada",
    order=2,
    label="FADA (Motiian et al. 2017)",
    description="few-shot adversarial domain adaptation (Motiian et al. 2017) with as many target images as the set "
    "has; of the training settings it takes --seed alone",
    adapt=few_shot,
    needs_source=True,
    settings=("seed",),
    module=__name__,
)
