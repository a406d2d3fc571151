"""The distilled set: what distillation produces and what trains a network."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dd.data.real import normalise
from dd.distill.objective import classification
from dd.distill.unroll import descend
from dd.nets import build
from dd.nets.init import initialise
from dd.nets.stacked import StackedNet
from dd.runtime.artifacts import load_tensors, save_tensors
from dd.runtime.errors import UserError
from dd.runtime.seeds import generator

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
    """`classes` (names), `dataset`, `config` (the settings), `versions`, `commit` and the like."""

    def net(self, index: int | None = None) -> nn.Module:
        """The architecture this set was made for, with initial weights.

        For a fixed initialisation these are the very ones it was distilled for. For a random one they are drawn by
        its law: anew at each call, or those of held-out net `index`.
        """
        config = self.info["config"]
        channels, size = self.images.shape[2], self.images.shape[-1]
        module = build(config["net"], channels, size, len(self.info["classes"]))
        if self.fixed_weights is not None:
            nn.utils.vector_to_parameters(self.fixed_weights.clone(), module.parameters())
            return module
        random = torch.Generator() if index is None else generator(config["seed"], "net", "held-out", index)
        if index is None:
            random.seed()
        return initialise(module, config["init_law"], random)

    def train(self, net: nn.Module) -> nn.Module:
        """Train `net` in place on the distilled images, in their order and at their rates (Equation 9)."""
        stacked = StackedNet(net)
        try:
            device = next(net.parameters()).device
            theta = stacked.flat(dict(net.named_parameters())).unsqueeze(0)
            arguments = (t.to(device) for t in (self.images, self.labels, self.lrs))
            stacked.load(net, descend(classification(stacked), theta, *arguments)[-1, 0])
        finally:
            net.requires_grad_(True)
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
