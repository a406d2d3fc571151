"""The discriminators of FADA (Motiian et al. 2017), and the pairs of images that they tell apart.

The four groups of pairs are those of `dd.adaptation.fada_training`.
"""

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dd.distill.loss import cross_entropy
from dd.nets.stacked_layers import linear
from dd.runtime.errors import UserError


class Discriminators:
    """One multi-layer perceptron for each network, from the features of two images to the group of the pair."""

    def __init__(
        self, features: int, hidden: int, rngs: list[torch.Generator], device: torch.device | str = "cpu"
    ) -> None:
        """`features` of one image; `rngs`, one for each network, draw weights by Xavier's scheme; biases are 0."""
        sizes = (2 * features, hidden, hidden, 4)
        self.layers = []
        for f, f_out in itertools.pairwise(sizes):
            weight = torch.stack([nn.init.xavier_normal_(torch.empty(f_out, f), generator=rng) for rng in rngs])
            self.layers.append((weight.to(device), torch.zeros(len(rngs), f_out, device=device)))
        self.parameters = [p.requires_grad_() for layer in self.layers for p in layer]

    def loss(self, features: Tensor, pairs: Tensor, groups: list[int]) -> Tensor:
        """Mean cross entropy `[nets]` of classifying `pairs` as `groups`.

        Args:
            features: the features of all images, `[nets, N, f]`.
            pairs: the indices of the images, `[nets, len(groups), n, 2]`.
            groups: for each `n` pairs, the group that they are to be classified as, counted from 0.
        """
        rows = pairs.flatten(1).unsqueeze(2).expand(-1, -1, features.shape[2])
        x = features.gather(1, rows).unflatten(1, (-1, 2)).flatten(2)
        for weight, bias in self.layers[:-1]:
            x = F.relu(linear(x, weight, bias))
        labels = torch.tensor(groups, device=x.device).repeat_interleave(pairs.shape[2])
        return cross_entropy(linear(x, *self.layers[-1]), labels)

    def adversarial(self, features: Tensor, pairs: Tensor) -> Tensor:
        """The loss `[nets]` that encoders minimise: `pairs [nets, 2, n, 2]` of groups 2 and 4 classified as 1 and 3."""
        return self.loss(features, pairs, [0, 2])


def groups_of(source: Tensor, target: Tensor) -> list[Tensor]:
    """All pairs of each of the four groups, `[pairs, 2]`: indices into the source images followed by the target's.

    Args:
        source: labels of the source images.
        target: labels of the target images.

    Raises:
        UserError: a group has no pairs.
    """
    inside, across = source.unsqueeze(1) == source, source.unsqueeze(1) == target
    others = ~torch.eye(len(source), dtype=torch.bool, device=source.device)
    shift = torch.tensor([0, len(source)], device=source.device)
    groups = [
        (inside & others).nonzero(),
        across.nonzero() + shift,
        (~inside).nonzero(),
        (~across).nonzero() + shift,
    ]
    if not all(map(len, groups)):
        raise UserError("FADA finds no pairs of one class, or of two, in a batch; raise real_batch")
    return groups


def draw_pairs(groups: list[Tensor], n: int, rngs: list[torch.Generator]) -> Tensor:
    """`n` pairs of each group for each network, `[nets, groups, n, 2]`."""
    return torch.stack(
        [
            torch.stack([group[torch.randint(len(group), (n,), generator=rng).to(group.device)] for group in groups])
            for rng in rngs
        ]
    )
