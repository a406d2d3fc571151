"""The loss `l(x, theta)` of many networks at once (Equation 1), with the traces of its derivatives."""

from collections.abc import Callable, Hashable
from functools import partial

import torch
from torch import Tensor

from dd.nets.stacked import StackedNet
from dd.runtime.trace import Traced, Tracer


class Loss:
    """The mean loss of each net on a batch: an objective, such as the cross entropy, of a network's outputs.

    Each object keeps the traces of its own derivatives (see `dd.runtime.trace`), including their GPU memory, as long as
    it lives. So reuse an object rather than make a new one.
    """

    by_image = True
    """Whether the loss on a batch is the mean of its losses on parts of equal size, so that they can be computed one
    after the other. Batch normalisation makes it otherwise."""

    def __init__(
        self,
        network: Callable[[Tensor, Tensor], Tensor],
        objective: Callable[[Tensor, Tensor], Tensor],
        *,
        traceable: bool,
    ) -> None:
        """A loss without traces.

        Args:
            network: `(theta [nets, P], x [n, ...])` -> outputs `[nets, n, ...]`.
            objective: `(outputs, y)` -> the mean loss of each net, `[nets]`.
            traceable: a promise that both run the same operations whatever the values of the tensors. Without it, steps
                on a CPU are run as written.
        """
        self.network, self.objective = network, objective
        self.tracer = Tracer(traceable=traceable)
        self._traced: dict[Hashable, Traced] = {}

    def __call__(self, theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """Each net's mean loss `[nets]`, of weights `theta [nets, P]`, on images `x [n, ...]` with labels `y`."""
        return self.objective(self.network(theta, x), y)

    def traced(self, function: Callable[..., tuple[Tensor, ...]], **options: Hashable) -> Traced:
        """`function(self, *tensors, **options)` as a function of the tensors, which is traced if it is called often."""
        key = (function, *options.items())
        if key not in self._traced:
            self._traced[key] = Traced(partial(function, self, **options), self.tracer)
        return self._traced[key]


def classification(net: StackedNet) -> Loss:
    """Cross entropy averaged over the images: the `l` of Equation 1."""
    return Loss(net.logits, cross_entropy, traceable=net.stacks)


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross entropy `[nets]` of `logits [nets, n, classes]` for `labels [n]`, or for probabilities `[n, classes]`.

    It is written out because PyTorch's own function cannot be differentiated forward and then backward: the forward
    derivative overwrites what the backward pass needs.
    """
    # detaching the largest logit would give the same result, but PyTorch is slow if one operand has no tangent
    shifted = logits - logits.gather(2, logits.detach().argmax(2, keepdim=True))
    if labels.is_floating_point():
        return (labels * (shifted.exp().sum(2, keepdim=True).log() - shifted)).sum(2).mean(1)
    chosen = shifted.gather(2, labels.expand(len(logits), -1).unsqueeze(2)).squeeze(2)
    return (shifted.exp().sum(2).log() - chosen).mean(1)


def poisoned(labels: Tensor, *, attack_class: int, target_class: int) -> Tensor:
    """`labels [n]` as the attacker wants them: those of the attack class become the target class (Section 3.6)."""
    return torch.where(labels == attack_class, target_class, labels)
