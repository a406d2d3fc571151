"""The distilled set: what distillation produces and what trains a network."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dd.data.real import normalise
from dd.distill.initial import Initial, fixed_initial, random_initial
from dd.distill.objective import classification
from dd.distill.unroll import train
from dd.nets import build
from dd.nets.init import flat_weights
from dd.nets.stacked import StackedNet
from dd.runtime.artifacts import load_tensors, save_tensors
from dd.runtime.errors import UserError

FORMAT = "dd distilled set 1"


@dataclass
class DistilledSet:
    """Distilled images with all that belongs to them: order, labels, learning rates, epochs and normalisation."""

    images: Tensor
    """`[steps, n, C, H, W]`, normalised."""
    labels: Tensor
    """`[steps, n]`."""
    lrs: Tensor
    """`[epochs, steps]`."""
    mean: Tensor
    """`[C]`, of the training set on the scale 0 to 1."""
    std: Tensor
    """`[C]`."""
    fixed_weights: Tensor | None = None
    """`[P]`: the initial weights of a fixed initialisation."""
    info: dict[str, Any] = field(default_factory=dict)
    """`classes` (names), `dataset`, `config` (settings), `validation` (accuracy at the end), `made with` (versions)."""

    def make(self, seed: int = 0) -> nn.Module:
        """The architecture this set was made for, as its class builds it from `seed`."""
        channels, size = self.images.shape[2], self.images.shape[-1]
        return build(self.info["config"]["net"], channels, size, len(self.info["classes"]), seed)

    def initial(self) -> Initial:
        """The distribution of initial weights this set was made for."""
        if self.fixed_weights is not None:
            return fixed_initial(self.fixed_weights)
        return random_initial(self.make, self.info["config"]["init_law"], self.info["config"]["seed"])

    def net(self, index: int | None = None) -> nn.Module:
        """A network with initial weights, ready to `train`.

        For a fixed initialisation these are the very ones the set was made for. For a random one they are drawn by its
        law: anew at each call, or those of held-out net `index`.
        """
        stream, number = ("anew", int(torch.randint(2**62, ()))) if index is None else ("held-out", index)
        module = self.make()
        nn.utils.vector_to_parameters(self.initial()(stream, [number])[0].clone(), module.parameters())
        return module

    def train(self, net: nn.Module) -> nn.Module:
        """Train all weights of `net` in place on the distilled images, in their order and at their rates (Equation 9).

        Layers behave as in evaluation mode, as they did in distillation.
        """
        stacked = StackedNet(net)
        device = next(net.parameters()).device
        arguments = (t.to(device) for t in (self.images, self.labels, self.lrs))
        trained = train(classification(stacked), flat_weights(net).unsqueeze(0), *arguments)[0]
        nn.utils.vector_to_parameters(trained, net.parameters())
        return net

    def normalise(self, x: Tensor) -> Tensor:
        """uint8 images `[n, C, H, W]` as the networks of this set expect them."""
        return normalise(x, self.mean, self.std)

    def save(self, path: Path | str) -> None:
        """Write the whole set as one `.safetensors`."""
        tensors = {name: getattr(self, name) for name in ("images", "labels", "lrs", "mean", "std")}
        if self.fixed_weights is not None:
            tensors["fixed_weights"] = self.fixed_weights
        save_tensors(path, tensors, {"format": FORMAT} | self.info)

    @classmethod
    def load(cls, path: Path | str) -> "DistilledSet":
        """Read a set written by `save`.

        Raises:
            UserError: no such file, damaged, or something other than a distilled set.
        """
        tensors, info = load_tensors(path)
        if info.pop("format", None) != FORMAT:
            raise UserError(f"{path}: not a distilled set ({FORMAT})")
        return cls(**tensors, info=info)
