"""`torch.optim.Adam` by its functional form. The class imports PyTorch's compiler, which takes nearly two seconds."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.adam import adam

EPS = 1e-8


class LightAdam:
    """Updates tensors by their `.grad`, to the same bits as `torch.optim.Adam`."""

    def __init__(self, parameters: Sequence[Tensor], *, lr: float, betas: tuple[float, float] = (0.9, 0.999)) -> None:
        """All `parameters` have the same rate `lr`, which may be changed between steps."""
        self.parameters, self.lr, self.betas = list(parameters), lr, betas
        self.moments = [
            {"step": torch.tensor(0.0), "exp_avg": torch.zeros_like(p), "exp_avg_sq": torch.zeros_like(p)}
            for p in self.parameters
        ]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Update every parameter that has a gradient."""
        learned = [index for index, parameter in enumerate(self.parameters) if parameter.grad is not None]
        moments = [self.moments[index] for index in learned]
        adam(
            [self.parameters[index] for index in learned],
            [parameter.grad for parameter in self.parameters if parameter.grad is not None],
            [each["exp_avg"] for each in moments],
            [each["exp_avg_sq"] for each in moments],
            [],
            [each["step"] for each in moments],
            amsgrad=False,
            beta1=self.betas[0],
            beta2=self.betas[1],
            lr=self.lr,
            weight_decay=0,
            eps=EPS,
            maximize=False,
        )

    def restore(self, moments: Sequence[dict[str, Tensor]]) -> None:
        """Go on from the `moments` of another one: a dict for each parameter, empty before its first step."""
        for own, others in zip(self.moments, moments, strict=True):
            for name, value in others.items():
                own[name].copy_(value)
