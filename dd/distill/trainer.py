"""Algorithm 1: learn distilled images and learning rates by gradient descent on a meta-objective."""

import math
from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from dd.distill.distilled_data import DistilledGradient
from dd.distill.initial_weights import Draw
from dd.distill.inner_training import augment_of, of_meta_step
from dd.distill.light_adam import LightAdam
from dd.distill.loss import Loss
from dd.distill.parameters import LearnedParameters
from dd.distill.settings import DistillConfig
from dd.distill.unroll import MetaGradient, meta_gradient
from dd.runtime.errors import UserError
from dd.runtime.process_group import ProcessGroup
from dd.runtime.seeds import generator

SKIPS = 10
"""At most this many meta-steps, plus the share `SKIPPED_SHARE` of those done, are skipped before distillation stops. If
gradient descent is chaotic, one meta-step in thousands overflows."""
SKIPPED_SHARE = 0.01
NORM_DECAY = 0.9
"""Decay of the running meta-gradient norm."""


class Batches(Protocol):
    """Real batches by number, such as `dd.data.batches.RealBatches`."""

    def batch(self, index: int) -> tuple[Tensor, Tensor]:
        """Images `[b, ...]` and labels `[b]` of batch `index`, counted from 0."""


class Progress(NamedTuple):
    """The result of one meta-step."""

    loss: float
    """Mean over nets of the loss on the real batch."""
    grad_norm: float
    """Norm of the meta-gradient before clipping."""
    clipped: bool = False
    skipped: bool = False
    """The loss or the norm was not finite, so nothing was updated."""


class Prefetcher:
    """Draws the initial weights of a meta-step on the CPU while the GPU still computes the meta-step before."""

    def __init__(self, draw: Callable[[int], Tensor]) -> None:
        """`draw(meta_step)` gives the weights `[nets, P]` of a meta-step."""
        self.draw = draw
        self._drawn: dict[int, Tensor] = {}

    def prefetch(self, meta_step: int) -> None:
        """Draw the weights of a later meta-step now."""
        self._drawn = {meta_step: self.draw(meta_step)}

    def take(self, meta_step: int) -> Tensor:
        """The weights of a meta-step, drawn before or now."""
        if meta_step in self._drawn:
            return self._drawn.pop(meta_step)
        return self.draw(meta_step)


class Trainer:
    """The state of one distillation: learned parameters, Adam's moments, running norm, count of meta-steps.

    No random state is stored: every draw is a function of (seed, what it is for, meta-step). So a trainer restored from
    `state` goes on exactly as if it had never stopped (on a GPU, up to rounding).
    """

    def __init__(
        self,
        config: DistillConfig,
        loss: Loss,
        initial: Draw,
        real: Batches,
        *,
        image_shape: tuple[int, ...],
        classes: int,
        device: torch.device | str = "cpu",
        reverse_over_forward: bool = True,
        start: Tensor | None = None,
    ) -> None:
        """A trainer at meta-step 0. Set `group` if several processes share the networks of a meta-step.

        Args:
            config: the settings.
            loss: the loss of training on distilled images `[n, *image_shape]`, and of judging on batches of `real`.
            initial: draws initial weights; see `dd.distill.initial_weights.Initial`.
            real: real batches.
            image_shape: the shape of one image, without the batch.
            classes: the number of classes.
            device: the device to compute on.
            reverse_over_forward: see `dd.distill.derivatives.reverse_over_forward_is_exact`.
            start: images to start from, `[steps, n, *image_shape]`; None means noise.
        """
        self.group = ProcessGroup()
        self.config, self.loss, self.initial, self.real = config, loss, initial, real
        self.device, self.reverse_over_forward = torch.device(device), reverse_over_forward
        per_step = classes * config.images_per_class
        if start is None:
            noise = torch.randn(config.steps, per_step, *image_shape, generator=generator(config.seed, "images"))
            start = config.image_std * noise
        classes_of_images = torch.arange(classes).repeat_interleave(config.images_per_class)
        self.learned = LearnedParameters(
            start.to(self.device),
            classes_of_images.expand(config.steps, per_step).to(self.device),
            lrs=(config.epochs, config.epoch_steps),
            distill_lr=config.distill_lr,
            rates=config.rates,
            fixed_rates=config.fixed_rates,
            soft=classes if config.soft_labels else None,
        )
        parameters = list(self.learned.by_name().values())
        self.adam = LightAdam(parameters, lr=config.meta_lr, betas=(config.meta_beta1, 0.999))
        self.meta_step = 0
        self.running_norm = 0.0
        self.skipped = 0
        self._initial_weights = Prefetcher(self._draw)

    def step(self) -> Progress:
        """Do one meta-step: sample nets and real images, sum the meta-gradients of all processes, update.

        Raises:
            UserError: the loss or the gradient is not finite, at the first meta-step or too often (`SKIPS`).
        """
        theta = self._initial_weights.take(self.meta_step).to(self.device)
        real_x, real_y = self._real_batch()
        data = self.learned.data()
        options = of_meta_step(self.config, data, self.meta_step, reverse_over_forward=self.reverse_over_forward)
        meta = meta_gradient(self.loss, theta, data, real_x, real_y, options=options)
        if self.device.type == "cuda":  # the GPU is still computing, so drawing costs no time now
            self._initial_weights.prefetch(self.meta_step + 1)
        loss, gradient = self._all_reduce(meta, len(theta) / self.config.nets)
        self.learned.set_gradient(gradient)
        norm = self.learned.gradient_norm()
        if not (math.isfinite(loss) and math.isfinite(norm)):
            self._skip(loss, norm)
            return Progress(loss, norm, skipped=True)
        clipped = self._clip(norm)
        self._update()
        return Progress(loss, norm, clipped)

    def _draw(self, meta_step: int) -> Tensor:
        """Initial weights `[nets, P]`, on the CPU, of this process's networks in a meta-step."""
        first = meta_step * self.config.nets
        return self.initial("train", self.group.share(range(first, first + self.config.nets)))

    def _real_batch(self) -> tuple[Tensor, Tensor]:
        """Real images `[b, ...]` of this meta-step, and their labels `[b]`."""
        batches = [self.real.batch(i) for i in self.config.real_batches_at(self.meta_step)]
        x, y = torch.cat([x for x, _ in batches]), torch.cat([y for _, y in batches])
        change = augment_of(self.config, self.meta_step, "real") if self.config.dsa_real else None
        return change(x, 0) if change else x, y

    def _all_reduce(self, meta: MetaGradient, share: float) -> tuple[float, DistilledGradient]:
        """Mean loss and meta-gradient over the networks of all processes; this process has the given share of them."""
        gradients = [gradient for gradient in meta.gradient if gradient is not None]
        total = torch.cat([gradient.flatten() for gradient in gradients] + [meta.losses.mean(0, keepdim=True)])
        total *= share
        self.group.all_reduce(total)
        *parts, loss = total.split([*(gradient.numel() for gradient in gradients), 1])
        images, lrs, *labels = (part.view_as(own) for part, own in zip(parts, gradients, strict=True))
        return loss.item(), DistilledGradient(images, lrs, labels[0] if labels else None)

    def _update(self) -> None:
        self.adam.lr = self.config.meta_lr_at(self.meta_step)
        self.adam.step()
        self.meta_step += 1

    def _clip(self, norm: float) -> bool:
        """Scale the gradient to at most `clip` times the running norm, and update the running norm.

        Meta-gradients spike to 20 and more times their median; one such meta-step undoes hundreds.
        """
        limit = self.config.clip * self.running_norm
        clipped = 0 < limit < norm
        if clipped:
            self.learned.scale_gradient(limit / norm)
            norm = limit  # so that a spike does not raise the limit for the next one
        self.running_norm = NORM_DECAY * self.running_norm + (1 - NORM_DECAY) * norm if self.running_norm else norm
        return clipped

    def _skip(self, loss: float, norm: float) -> None:
        self.meta_step, self.skipped = self.meta_step + 1, self.skipped + 1
        never_worked = not self.running_norm
        if never_worked or self.skipped > SKIPS + SKIPPED_SHARE * self.meta_step:
            raise UserError(
                f"meta-step {self.meta_step - 1}: the loss is {loss:.3g} and the norm of its gradient {norm:.3g}. "
                f"Lower meta_lr (now {self.config.meta_lr:g}) or distill_lr (now {self.config.distill_lr:g}), "
                f"or clip harder (clip, now {self.config.clip:g}; clip_adjoint, now {self.config.clip_adjoint:g}), "
                "and delete the work folder, whose checkpoint has these settings"
            )

    def state(self) -> tuple[dict[str, Tensor], dict]:
        """Everything a restart needs: tensors, and plain values for JSON."""
        tensors = {name: parameter.detach() for name, parameter in self.learned.by_name().items()}
        for index, moments in enumerate(self.adam.moments):
            tensors |= {f"adam.{index}.{name}": value for name, value in moments.items()}
        return tensors, {
            "meta_step": self.meta_step,
            "running_norm": self.running_norm.hex(),
            "skipped": self.skipped,
        }

    def restore(self, tensors: dict[str, Tensor], values: dict) -> None:
        """Go on from a `state`."""
        with torch.no_grad():
            for name, parameter in self.learned.by_name().items():
                parameter.copy_(tensors[name])
        moments: list[dict[str, Tensor]] = [{} for _ in self.adam.moments]
        for key, value in tensors.items():
            if key.startswith("adam."):
                _, index, name = key.split(".")
                moments[int(index)][name] = value
        self.adam.restore(moments)
        self.meta_step, self.skipped = values["meta_step"], values["skipped"]
        self.running_norm = float.fromhex(values["running_norm"])
