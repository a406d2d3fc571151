"""How networks are trained on distilled images, as the settings say: in a meta-step, and on the finished set."""

import torch
from torch import Tensor

from dd.distill.differentiable_augmentation import augmentation_of
from dd.distill.distilled_data import DistilledData
from dd.distill.inner_steps import Steps, in_order, minibatches, shuffled
from dd.distill.optimisers import Adam, GradientDescent, Momentum, Optimiser
from dd.distill.settings import DistillConfig
from dd.distill.unroll import Augment, UnrollOptions
from dd.runtime.seeds import generator


def optimiser_of(config: DistillConfig) -> Optimiser:
    """What the GD steps are."""
    if config.optimiser == "adam":
        return Adam()
    return Momentum(config.momentum) if config.momentum else GradientDescent()


def native(config: DistillConfig, data: DistilledData) -> UnrollOptions:
    """The training that a set is made for: all its steps in order, or minibatches, which the seed draws once for all.

    Args:
        config: the settings of the set.
        data: its data.
    """
    steps, augment = native_steps(config, data), augment_of(config, "native")
    return UnrollOptions(steps=steps, optimiser=optimiser_of(config), augment=augment)


def native_steps(config: DistillConfig, data: DistilledData) -> Steps:
    """The steps of `native`; so many epochs as `data` has rates for."""
    if config.batch_per_class:
        return _minibatches(config, data, generator(config.seed, "minibatches"))
    return in_order(data)


def of_meta_step(
    config: DistillConfig, data: DistilledData, meta_step: int, *, reverse_over_forward: bool
) -> UnrollOptions:
    """The training of meta-step `meta_step` (counted from 0), which ends with the last step of its window.

    A window of M of T steps ends after N steps, each N from M to T being equally likely. So the meta-gradient goes back
    through M steps anywhere, from the loss of theta_N (RaT-BPTT, Feng et al. 2023).
    """
    steps, draw = in_order(data), generator(config.seed, "order", meta_step)
    if config.shuffle_steps:
        steps = shuffled(data, draw)
    if config.batch_per_class:
        steps = _minibatches(config, data, draw)
    if config.window:
        draw = generator(config.seed, "window", meta_step)
        steps = steps[: int(torch.randint(config.window, len(steps) + 1, (), generator=draw))]
    return UnrollOptions(
        steps=steps,
        optimiser=optimiser_of(config),
        window=config.window,
        reverse_over_forward=reverse_over_forward,
        clip=config.clip_adjoint_at(meta_step),
        augment=augment_of(config, meta_step),
    )


def augment_of(config: DistillConfig, *training: int | str) -> Augment | None:
    """How the GD steps of one training change their images; None if not at all.

    Each step draws from the seed, `training` and its number.
    """
    change = augmentation_of(config.dsa, config.dsa_crop)
    if change is None:
        return None

    def augment(images: Tensor, number: int) -> Tensor:
        return change(images, generator(config.seed, "dsa", *training, number))

    return augment


def _minibatches(config: DistillConfig, data: DistilledData, draw: torch.Generator) -> Steps:
    classes = data.images.shape[1] // config.images_per_class
    return minibatches(data, classes=classes, per_class=config.batch_per_class, draw=draw)
