"""What distillation learns, and the functions that keep rates and labels in their ranges.

Adam updates numbers that can take any value. Learning rates are the softplus of such numbers, which keeps them positive
(Section S-1 of the paper). Soft labels are the softmax of such numbers, which makes them probabilities. Labels without
bounds could also grow large, and take over the role of the rates.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from dd.distill.distilled_data import DistilledData, DistilledGradient

OWN_CLASS = 0.9
"""The probability of an image's own class in its first soft label. Near 1, softmax would hardly let it change."""


class LearnedParameters:
    """Distilled images, raw learning rates and, if labels are learned, raw labels; Adam updates all of them."""

    def __init__(
        self,
        images: Tensor,
        classes_of_images: Tensor,
        *,
        lrs: tuple[int, int],
        distill_lr: float,
        rates: Literal["step", "epoch", "one"] = "step",
        fixed_rates: bool = False,
        soft: int | None = None,
    ) -> None:
        """The parameters at their first values.

        Args:
            images: `[steps, n, ...]`.
            classes_of_images: `[steps, n]`.
            lrs: the shape of `lrs`: the numbers of epochs and of GD steps in one.
            distill_lr: the first value of all rates.
            rates: what has a rate of its own: each step of each epoch, each epoch, or nothing.
            fixed_rates: whether rates stay as they are.
            soft: the number of classes if labels are learned, else None.
        """
        self.images = images.requires_grad_()
        self.classes_of_images = classes_of_images
        self.lrs_shape, self.fixed_rates = lrs, fixed_rates
        raw_lr = torch.tensor(distill_lr, dtype=torch.float64).expm1().log().float()  # the inverse of softplus
        shape = {"step": lrs, "epoch": (lrs[0], 1), "one": (1, 1)}[rates]
        self.raw_lrs = torch.full(shape, raw_lr.item(), device=images.device, requires_grad=True)
        self.raw_labels: Tensor | None = None
        if soft:
            probabilities = torch.full((*classes_of_images.shape, soft), (1 - OWN_CLASS) / (soft - 1))
            probabilities = probabilities.to(images.device).scatter(2, classes_of_images.unsqueeze(2), OWN_CLASS)
            self.raw_labels = probabilities.log().requires_grad_()

    def go_on_from(self, labels: Tensor, lrs: Tensor) -> None:
        """Begin with the labels and rates of a finished set, in the shapes of `labels` and `lrs`.

        Rates that are one here begin with the mean of theirs. A set without rates (of no epochs) changes none.
        """
        with torch.no_grad():
            if self.raw_labels is None:
                self.classes_of_images = labels.to(self.images.device)
            else:
                self.raw_labels.copy_(labels.clamp_min(torch.finfo(torch.float32).tiny).log())
            if len(lrs):
                ours = lrs.double().sum_to_size(self.raw_lrs.shape) * (self.raw_lrs.numel() / lrs.numel())
                self.raw_lrs.copy_(ours.expm1().log())

    @property
    def lrs(self) -> Tensor:
        """The learning rate of every step, `[epochs, steps]`."""
        return F.softplus(self.raw_lrs.detach()).expand(self.lrs_shape).contiguous()

    @property
    def labels(self) -> Tensor:
        """The labels `[steps, n]`; soft ones `[steps, n, classes]`."""
        return self.classes_of_images if self.raw_labels is None else self.raw_labels.detach().softmax(2)

    def data(self) -> DistilledData:
        """The data that networks are trained on, from the present parameters."""
        return DistilledData(self.images.detach(), self.labels, self.lrs)

    def by_name(self) -> dict[str, Tensor]:
        """The tensors that Adam updates: `images` and, if they are learned, `raw_lrs` and `raw_labels`."""
        named = {"images": self.images}
        if not self.fixed_rates:
            named["raw_lrs"] = self.raw_lrs
        if self.raw_labels is not None:
            named["raw_labels"] = self.raw_labels
        return named

    def set_gradient(self, gradient: DistilledGradient) -> None:
        """Set `.grad` of each parameter from the gradient with respect to `data()`, whose tensors are overwritten."""
        self.images.grad = gradient.images
        if not self.fixed_rates:  # a rate of several steps has the sum of their gradients
            d_lrs = gradient.lrs.sum_to_size(self.raw_lrs.shape)
            self.raw_lrs.grad = d_lrs.mul_(torch.sigmoid(self.raw_lrs.detach()))  # the derivative of softplus
        if self.raw_labels is not None and gradient.labels is not None:
            labels, d_labels = self.labels, gradient.labels
            self.raw_labels.grad = d_labels.sub_((d_labels * labels).sum(2, keepdim=True)).mul_(
                labels
            )  # that of softmax

    def gradient_norm(self) -> float:
        """Norm of the gradient of all parameters together."""
        gradients = [parameter.grad.flatten() for parameter in self.by_name().values() if parameter.grad is not None]
        return torch.linalg.vector_norm(torch.cat(gradients)).item()

    def scale_gradient(self, factor: float) -> None:
        """Multiply the gradient of all parameters by `factor`."""
        for parameter in self.by_name().values():
            if parameter.grad is not None:
                parameter.grad *= factor
