"""Networks trained on real images: the pools that Section 3.5 draws pre-trained weights from."""

import torch
from torch import Tensor

from dd.data.real import RealBatches
from dd.distill.objective import Loss
from dd.distill.unroll import judge
from dd.nets.stacked import together


def train_nets(loss: Loss, theta: Tensor, real: RealBatches, epochs: int, lr: float, halve_every: int) -> Tensor:
    """Train networks with Adam (beta1 0.5) on batches of real images, the rate halved every `halve_every` epochs.

    Every network sees the same batches in the same order, so they may share the work on them, and none depends on how
    many others there are.

    Args:
        loss: as for distillation.
        theta: initial weights `[nets, P]`.
        real: the batches; an epoch is one pass over them.
        epochs: how many.
        lr: Adam's first rate.
        halve_every: epochs.

    Returns:
        Trained weights `[nets, P]`.
    """
    return torch.cat([_train(loss, part.clone(), real, epochs, lr, halve_every) for part in together(theta)])


def _train(loss: Loss, w: Tensor, real: RealBatches, epochs: int, lr: float, halve_every: int) -> Tensor:
    adam = torch.optim.Adam([w], betas=(0.5, 0.999))
    for step in range(epochs * real.per_pass):
        adam.param_groups[0]["lr"] = lr * 0.5 ** (step // real.per_pass // halve_every)
        _, w.grad = judge(loss, w, *real.batch(step))
        adam.step()
    return w
