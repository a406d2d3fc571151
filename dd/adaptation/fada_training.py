"""Few-shot adversarial domain adaptation (FADA; Motiian et al. 2017), the baseline of Table 2.

A network is an encoder, which computes features, and a last linear layer, which classifies them. A discriminator takes
the features of two images and predicts which of four groups the pair belongs to:

1. both from the source and of one class;
2. one from each domain and of one class;
3. both from the source and of two classes;
4. one from each domain and of two classes.

The encoder learns features by which the discriminator mistakes pairs of group 2 for group 1, and of group 4 for
group 3.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from dd.adaptation.fada_discriminators import Discriminators, draw_pairs, groups_of
from dd.data.batches import RealBatches, TrainingImages, normalise, rows_of_each_class
from dd.distill.light_adam import LightAdam
from dd.distill.loss import cross_entropy
from dd.nets.stacked import StackedNet, net_batches
from dd.nets.stacked_layers import linear
from dd.runtime.errors import UserError
from dd.runtime.memory import ran_out
from dd.runtime.progress import silent
from dd.runtime.seeds import derive, generator


class LabelledBatch(NamedTuple):
    """Labelled images."""

    x: Tensor
    """`[n, C, H, W]`."""
    y: Tensor
    """int64 `[n]`."""


@dataclass(frozen=True)
class FadaConfig:
    """The settings of the method. Lengths and batches were tried only on training images of MNIST and USPS."""

    warm_up: int = 200
    """Steps of the discriminators before the networks are trained too."""
    steps: int = 1000
    """Steps of the networks, each followed by a step of the discriminators."""
    real_batch: int = 128
    """Source images in a step; every step has all target images."""
    pairs: int = 64
    """Pairs of each group in a step."""
    hidden: int = 64
    """Units in each of the discriminator's two hidden layers."""
    lr: float = 1e-3
    """Adam's rate for networks and discriminators."""
    adversarial: float = 0.2
    """Weight of the adversarial term beside the cross entropies on the source and on the target."""


def few(images: TrainingImages, classes: int, per_class: int, seed: int) -> TrainingImages:
    """`per_class` of the images of each class, classes in order, drawn by `seed`.

    Raises:
        UserError: a class has fewer images.
    """
    draw = generator(seed, "few", 0)
    rows = rows_of_each_class(images.y, classes, per_class, draw, "the number of images").flatten()
    return images._replace(x=images.x[rows], y=images.y[rows])


def fada(
    net: StackedNet,
    theta: Tensor,
    *,
    source: TrainingImages,
    target: TrainingImages,
    config: FadaConfig,
    seed: int,
    progress: Callable[..., tqdm] = silent,
) -> Tensor:
    """Adapt networks trained on the source to a target domain by a few labelled images of it.

    Each network has its own discriminator and pairs, so its result does not depend on how many others there are. All
    networks see the same source images.

    Args:
        net: the architecture.
        theta: weights `[nets, P]`, trained on the source.
        source: the training images of the source.
        target: the few training images of the target, which are not augmented.
        config: the settings.
        seed: every random number comes from it.
        progress: makes the bar.

    Returns:
        Adapted weights `[nets, P]`, those after the last step.

    Raises:
        UserError: the last layer is not linear, or there are too few images or classes for a batch or for pairs.
    """
    device = theta.device
    few_images = LabelledBatch(normalise(target.x.to(device), target.mean, target.std), target.y.to(device))
    stream = derive(seed, "fada", "source")
    batches = RealBatches(source.to(device), batch_size=config.real_batch, seed=stream)
    halves = Halves(net)
    halves.try_out(theta[:1], few_images.x[:2])
    first = 0
    adapted = []
    parts = net_batches(theta)
    with progress(len(parts) * (config.warm_up + config.steps)) as bar:
        for part in parts:
            rngs = [generator(seed, "fada", number) for number in range(first, first + len(part))]
            adapted.append(_adapt(halves, part, batches, few_images, config=config, rngs=rngs, on_step=bar.update))
            first += len(part)
    return torch.cat(adapted)


class Halves:
    """Networks split into encoder and classifier, for every architecture whose last layer is linear.

    If that layer is replaced by the identity, a network's logits are its features.
    """

    def __init__(self, net: StackedNet) -> None:
        """`net` is the architecture.

        Raises:
            UserError: the last two parameters are not the weights and biases of a linear layer.
        """
        if [len(shape) for shape in net.shapes[-2:]] != [2, 1]:
            raise _not_linear(net)
        self.net, self.encoder = net, copy.copy(net)
        classes, features = net.shapes[-2]
        self.encoder.shapes = [*net.shapes[:-2], torch.Size((features, features)), torch.Size((features,))]
        self.encoder.sizes = [*net.sizes[:-2], features**2, features]
        self.features, self.last = features, classes * (features + 1)

    def encode(self, theta: Tensor, *images: Tensor) -> Tensor:
        """Features `[nets, n, f]` of all `images`, each `[n, C, H, W]`, of one or of several sizes."""
        identity = torch.eye(
            self.features + 1, self.features, device=theta.device
        ).flatten()  # the last row is the bias, 0
        theta = torch.cat([theta[:, : -self.last], identity.expand(len(theta), -1)], 1)
        if len({x.shape[1:] for x in images}) == 1:  # together, which is faster
            return self.encoder.logits(theta, torch.cat(images))
        return torch.cat([self.encoder.logits(theta, x) for x in images], 1)

    def classify(self, theta: Tensor, features: Tensor) -> Tensor:
        """Logits `[nets, n, classes]` of `features [nets, n, f]`."""
        weight, bias = list(self.net.named(theta).values())[-2:]
        return linear(features, weight, bias)

    def try_out(self, theta: Tensor, x: Tensor) -> None:
        """Compare encoder and classifier with the whole network on images `x [n, C, H, W]`, under `theta [1, P]`.

        Raises:
            UserError: their logits differ.
        """
        with torch.no_grad():
            try:
                halves, whole = self.classify(theta, self.encode(theta, x)), self.net.logits(theta, x)
            except RuntimeError as error:
                if ran_out(error):
                    raise
                raise _not_linear(self.net) from error
        if halves.shape != whole.shape or not torch.allclose(halves, whole, rtol=1e-3, atol=1e-4):
            raise _not_linear(self.net)


def _not_linear(net: StackedNet) -> UserError:
    name = type(net.module).__name__
    return UserError(f"net {name}: FADA needs an nn.Linear with bias as its last layer, and nothing after it")


def _adapt(
    halves: Halves,
    theta: Tensor,
    source: RealBatches,
    target: LabelledBatch,
    *,
    config: FadaConfig,
    rngs: list[torch.Generator],
    on_step: Callable[[], object],
) -> Tensor:
    """Adapted weights of a few networks; `target.x` is normalised, `rngs` has one generator for each network."""
    discriminators = Discriminators(halves.features, config.hidden, rngs, theta.device)
    w = theta.clone().requires_grad_()
    adam = LightAdam([w], lr=config.lr)
    discriminators_adam = LightAdam(discriminators.parameters, lr=config.lr)
    for step in range(config.warm_up + config.steps):
        x, y = source.batch(step)
        groups = groups_of(y, target.y)
        networks_learn = step >= config.warm_up
        with torch.set_grad_enabled(networks_learn):
            features = halves.encode(w, x, target.x)
        if networks_learn:
            logits = halves.classify(w, features)
            adversarial = discriminators.adversarial(features, draw_pairs(groups[1::2], config.pairs, rngs))
            loss = cross_entropy(logits[:, : len(y)], y) + cross_entropy(logits[:, len(y) :], target.y)
            adam.zero_grad()
            (loss + config.adversarial * adversarial).sum().backward(inputs=[w])
            adam.step()
        loss = discriminators.loss(features.detach(), draw_pairs(groups, config.pairs, rngs), [0, 1, 2, 3])
        discriminators_adam.zero_grad()
        loss.sum().backward()
        discriminators_adam.step()
        on_step()
    return w.detach()
