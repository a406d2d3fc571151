"""Algorithm 1: learn distilled images and learning rates by gradient descent on a meta-objective."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from dd.data.real import RealBatches
from dd.distill.config import DistillConfig
from dd.distill.initial import Initial
from dd.distill.objective import Loss
from dd.distill.unroll import meta_gradient
from dd.runtime.errors import UserError
from dd.runtime.parallel import Team
from dd.runtime.seeds import generator

NORM_DECAY = 0.9
"""Decay of the running meta-gradient norm."""


class Progress(NamedTuple):
    """What one meta-step did."""

    loss: float
    """Mean over nets of the objective on the real batch."""
    grad_norm: float
    """Norm of the meta-gradient before clipping."""
    clipped: bool


class Trainer:
    """The state of one distillation: images, rates, Adam's moments, running norm and the count of meta-steps.

    Nothing random is stored: every draw is a function of (seed, what it is for, meta-step), so a trainer restored
    from `state` goes on exactly as if it had never stopped.
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
    ):
        """`loss` trains on distilled images `[n, *image_shape]`; `objective` judges on batches of `real`.

        `tangents` says how to go back: see `dd.distill.unroll.tangents_exact`. Set `team` where several processes
        share the networks of a meta-step.
        """
        self.team = Team()
        self.tangents = tangents
        self.config, self.loss, self.objective, self.initial, self.real = config, loss, objective, initial, real
        self.device = torch.device(device)
        per_step = classes * config.images_per_class
        self.labels = torch.arange(classes).repeat_interleave(config.images_per_class)
        self.labels = self.labels.expand(config.steps, per_step).to(self.device)
        noise = torch.randn(config.steps, per_step, *image_shape, generator=generator(config.seed, "images"))
        self.images = (config.image_std * noise).to(self.device).requires_grad_()
        # softplus(raw) = distill_lr keeps every learned rate positive (Section S-1 of the paper)
        raw = torch.tensor(config.distill_lr, dtype=torch.float64).expm1().log().float()
        self.raw_lrs = torch.full((config.epochs, config.steps), raw.item(), device=self.device, requires_grad=True)
        self.adam = torch.optim.Adam([self.images, self.raw_lrs], lr=config.meta_lr, betas=(config.meta_beta1, 0.999))
        self.meta_step = 0
        self.running_norm = 0.0

    @property
    def lrs(self) -> Tensor:
        """The learned learning rates `[epochs, steps]`."""
        return F.softplus(self.raw_lrs.detach())

    def step(self) -> Progress:
        """One meta-step: sample nets and real images, add up the meta-gradients, update.

        Raises:
            UserError: the loss or the gradient is not finite; nothing has been updated then.
        """
        config = self.config
        batches = [self.real.batch(i) for i in config.real_batches_at(self.meta_step)]
        x, y = (torch.cat(parts) for parts in zip(*batches, strict=True))
        first = self.meta_step * config.nets
        thetas = self.initial("train", self.team.share(range(first, first + config.nets))).to(self.device)
        images, lrs = self.images.detach(), self.lrs
        clip = config.clip_adjoint_at(self.meta_step)
        gradient = meta_gradient(self.loss, self.objective, thetas, images, self.labels, lrs, x, y, self.tangents, clip)
        parts = (gradient.images.flatten(), gradient.lrs.flatten(), gradient.losses.mean(0, keepdim=True))
        total = torch.cat(parts) * (len(thetas) / config.nets)
        self.team.add_up(total)
        d_images, d_lrs, losses = total.split((images.numel(), lrs.numel(), 1))
        self.images.grad = d_images.view_as(images)
        self.raw_lrs.grad = d_lrs.view_as(lrs) * torch.sigmoid(self.raw_lrs.detach())
        loss = losses.item()
        norm = torch.linalg.vector_norm(torch.cat([self.images.grad.flatten(), self.raw_lrs.grad.flatten()])).item()
        self._check_finite(loss, norm)
        clipped = self._clip(norm)
        self.adam.param_groups[0]["lr"] = config.meta_lr_at(self.meta_step)
        self.adam.step()
        self.meta_step += 1
        return Progress(loss, norm, clipped)

    def _clip(self, norm: float) -> bool:
        """Scale the gradients to at most `clip` times the running norm, and take this norm into it.

        Meta-gradients spike to 20 and more times their median; one such step undoes hundreds.
        """
        limit = self.config.clip * self.running_norm
        clipped = 0 < limit < norm
        if clipped:
            for p in (self.images, self.raw_lrs):
                p.grad *= limit / norm
            norm = limit  # a spike must not raise the bar for the next one
        self.running_norm = NORM_DECAY * self.running_norm + (1 - NORM_DECAY) * norm if self.running_norm else norm
        return clipped

    def _check_finite(self, loss: float, norm: float) -> None:
        if not (torch.isfinite(torch.tensor([loss, norm])).all()):
            raise UserError(
                f"meta-step {self.meta_step}: the loss is {loss:.3g} and the norm of its gradient {norm:.3g}. "
                f"Lower meta_lr (now {self.config.meta_lr:g}) or distill_lr (now {self.config.distill_lr:g}), "
                f"or clip harder (clip, now {self.config.clip:g}; clip_adjoint, now {self.config.clip_adjoint:g})"
            )

    def state(self) -> tuple[dict[str, Tensor], dict]:
        """Everything a restart needs: tensors, and plain values for JSON."""
        tensors = {"images": self.images.detach(), "raw_lrs": self.raw_lrs.detach()}
        for index, moments in self.adam.state_dict()["state"].items():
            tensors |= {f"adam.{index}.{name}": value for name, value in moments.items()}
        return tensors, {"meta_step": self.meta_step, "running_norm": self.running_norm.hex()}

    def restore(self, tensors: dict[str, Tensor], values: dict) -> None:
        """Go on from a `state`."""
        with torch.no_grad():
            self.images.copy_(tensors["images"])
            self.raw_lrs.copy_(tensors["raw_lrs"])
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith("adam."):
                _, index, name = key.split(".")
                moments.setdefault(int(index), {})[name] = value
        self.adam.load_state_dict(self.adam.state_dict() | {"state": moments})
        self.meta_step = values["meta_step"]
        self.running_norm = float.fromhex(values["running_norm"])
