"""Algorithm 1: learn distilled images and learning rates by gradient descent on a meta-objective."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from dd.data.batches import RealBatches
from dd.distill.initial_weights import Initial
from dd.distill.loss import Loss
from dd.distill.settings import DistillConfig
from dd.distill.unroll import meta_gradient, shuffled
from dd.runtime.errors import UserError
from dd.runtime.process_group import ProcessGroup
from dd.runtime.seeds import generator

SURE = 0.9
"""Probability of an image's own class that soft labels start from. Sure of it, softmax would not let them move."""
SKIPS, SKIPPED_SHARE = 10, 0.01
"""So many meta-steps, and this share of those done, may come to nothing: where gradient descent is chaotic, one in
thousands overflows."""
NORM_DECAY = 0.9
"""Decay of the running meta-gradient norm."""


class Progress(NamedTuple):
    """What one meta-step did."""

    loss: float
    """Mean over nets of the objective on the real batch."""
    grad_norm: float
    """Norm of the meta-gradient before clipping."""
    clipped: bool = False
    skipped: bool = False
    """Loss or norm was not finite, and nothing was updated."""


class Trainer:
    """The state of one distillation: images, rates, soft labels, Adam's moments, running norm, count of meta-steps.

    Nothing random is stored: every draw is a function of (seed, what it is for, meta-step), so a trainer restored
    from `state` goes on exactly as if it had never stopped (on a GPU, at least to rounding).
    """

    def __init__(
        self,
        config: DistillConfig,
        loss: Loss,
        objective: Loss,
        initial: Initial,
        real: RealBatches,
        image_shape: tuple[int, ...],
        classes: int,
        device: torch.device | str = "cpu",
        tangents: bool = True,
        start: Tensor | None = None,
    ) -> None:
        """`loss` trains on distilled images `[n, *image_shape]`; `objective` judges on batches of `real`.

        Images start from `start [steps, n, *image_shape]`, or from noise where there is none.

        `tangents` says how to go back: see `dd.distill.unroll.tangents_exact`. Set `group` where several processes
        share the networks of a meta-step.
        """
        self.group = ProcessGroup()
        self.tangents = tangents
        self.config, self.loss, self.objective, self.initial, self.real = config, loss, objective, initial, real
        self.device = torch.device(device)
        per_step = classes * config.images_per_class
        own = torch.arange(classes).repeat_interleave(config.images_per_class)
        self.own_classes = own.expand(config.steps, per_step).to(self.device)
        if start is None:
            noise = torch.randn(config.steps, per_step, *image_shape, generator=generator(config.seed, "images"))
            start = config.image_std * noise
        self.images = start.to(self.device).requires_grad_()
        # softplus(raw) = distill_lr keeps every learned rate positive (Section S-1 of the paper)
        raw = torch.tensor(config.distill_lr, dtype=torch.float64).expm1().log().float()
        self.raw_lrs = torch.full((config.epochs, config.steps), raw.item(), device=self.device, requires_grad=True)
        self.learned = {"images": self.images, "raw_lrs": self.raw_lrs}
        if config.soft_labels:
            # softmax(raw) are probabilities: a raw label could also be large, which is what rates are for
            probabilities = torch.full((config.steps, per_step, classes), (1 - SURE) / (classes - 1))
            probabilities = probabilities.to(self.device).scatter(2, self.own_classes.unsqueeze(2), SURE)
            self.learned["raw_labels"] = probabilities.log().requires_grad_()
        parameters = list(self.learned.values())
        self.adam = torch.optim.Adam(parameters, lr=config.meta_lr, betas=(config.meta_beta1, 0.999))
        self.meta_step = 0
        self.running_norm = 0.0
        self.skipped = 0
        self._ahead: tuple[int, Tensor | None] = (-1, None)

    @property
    def lrs(self) -> Tensor:
        """The learned learning rates `[epochs, steps]`."""
        return F.softplus(self.raw_lrs.detach())

    @property
    def labels(self) -> Tensor:
        """The labels `[steps, n]`; soft ones `[steps, n, classes]`."""
        if self.config.soft_labels:
            return self.learned["raw_labels"].detach().softmax(2)
        return self.own_classes

    def step(self) -> Progress:
        """One meta-step: sample nets and real images, add up the meta-gradients, update.

        Raises:
            UserError: the loss or the gradient is not finite, at the first meta-step or too often (`SKIPS`).
        """
        config = self.config
        batches = [self.real.batch(i) for i in config.real_batches_at(self.meta_step)]
        x, y = (torch.cat(parts) for parts in zip(*batches, strict=True))
        step, thetas = self._ahead
        thetas = (thetas if step == self.meta_step else self._initial(self.meta_step)).to(self.device)
        images, labels, lrs = self.images.detach(), self.labels, self.lrs
        clip, order = config.clip_adjoint_at(self.meta_step), None
        if config.shuffle_steps:
            order = shuffled(config.epochs, config.steps, generator(config.seed, "order", self.meta_step))
        how = (self.tangents, clip, order, config.momentum)
        gradient = meta_gradient(self.loss, self.objective, thetas, images, labels, lrs, x, y, *how)
        if self.device.type == "cuda":  # where all this is only queued: drawing costs no time now
            self._ahead = self.meta_step + 1, self._initial(self.meta_step + 1)
        gradients = [gradient.images, gradient.lrs, *([gradient.labels] if config.soft_labels else [])]
        total = torch.cat([g.flatten() for g in gradients] + [gradient.losses.mean(0, keepdim=True)])
        total *= len(thetas) / config.nets
        self.group.all_reduce(total)
        *parts, losses = total.split([*(g.numel() for g in gradients), 1])
        for parameter, part in zip(self.learned.values(), parts, strict=True):
            parameter.grad = part.view_as(parameter)
        # through softplus and softmax
        self.raw_lrs.grad *= torch.sigmoid(self.raw_lrs.detach())
        if config.soft_labels:
            d_labels = self.learned["raw_labels"].grad
            d_labels.sub_((d_labels * labels).sum(2, keepdim=True)).mul_(labels)
        loss = losses.item()
        norm = torch.linalg.vector_norm(torch.cat([p.grad.flatten() for p in self.learned.values()])).item()
        if not (math.isfinite(loss) and math.isfinite(norm)):
            self._skip(loss, norm)
            return Progress(loss, norm, skipped=True)
        clipped = self._clip(norm)
        self.adam.param_groups[0]["lr"] = config.meta_lr_at(self.meta_step)
        self.adam.step()
        self.meta_step += 1
        return Progress(loss, norm, clipped)

    def _initial(self, meta_step: int) -> Tensor:
        """Where this process's networks of a meta-step start, on the CPU."""
        first = meta_step * self.config.nets
        return self.initial("train", self.group.share(range(first, first + self.config.nets)))

    def _clip(self, norm: float) -> bool:
        """Scale the gradients to at most `clip` times the running norm, and take this norm into it.

        Meta-gradients spike to 20 and more times their median; one such step undoes hundreds.
        """
        limit = self.config.clip * self.running_norm
        clipped = 0 < limit < norm
        if clipped:
            for p in self.learned.values():
                p.grad *= limit / norm
            norm = limit  # a spike must not raise the bar for the next one
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
                "and delete the work folder, whose checkpoint is of these settings"
            )

    def state(self) -> tuple[dict[str, Tensor], dict]:
        """Everything a restart needs: tensors, and plain values for JSON."""
        tensors = {name: parameter.detach() for name, parameter in self.learned.items()}
        for index, moments in self.adam.state_dict()["state"].items():
            tensors |= {f"adam.{index}.{name}": value for name, value in moments.items()}
        return tensors, {
            "meta_step": self.meta_step,
            "running_norm": self.running_norm.hex(),
            "skipped": self.skipped,
        }

    def restore(self, tensors: dict[str, Tensor], values: dict) -> None:
        """Go on from a `state`."""
        with torch.no_grad():
            for name, parameter in self.learned.items():
                parameter.copy_(tensors[name])
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith("adam."):
                _, index, name = key.split(".")
                moments.setdefault(int(index), {})[name] = value
        self.adam.load_state_dict(self.adam.state_dict() | {"state": moments})
        self.meta_step, self.skipped = values["meta_step"], values["skipped"]
        self.running_norm = float.fromhex(values["running_norm"])
