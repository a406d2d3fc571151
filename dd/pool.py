"""Networks trained on real images: the pools that Section 3.5 draws pre-trained weights from."""

import torch
from torch import Tensor

from dd.data.real import RealBatches
from dd.distill.objective import Loss
from dd.distill.unroll import judge


def train_net(loss: Loss, theta: Tensor, real: RealBatches, epochs: int, lr: float, halve_every: int) -> Tensor:
    """Train one network with Adam (beta1 0.5) on batches of real images, the rate halved every `halve_every` epochs.

    Args:
        loss: as for distillation.
        theta: initial weights `[P]`.
        real: the batches; an epoch is one pass over them.
        epochs: how many.
        lr: Adam's first rate.
        halve_every: epochs.

    Returns:
        Trained weights `[P]`.
    """
    w = theta.clone()
    adam = torch.optim.Adam([w], betas=(0.5, 0.999))
    for step in range(epochs * real.per_pass):
        adam.param_groups[0]["lr"] = lr * 0.5 ** (step // real.per_pass // halve_every)
        _, gradient = judge(loss, w.unsqueeze(0), *real.batch(step))
        w.grad = gradient.squeeze(0)
        adam.step()
    return w
