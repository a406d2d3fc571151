"""Networks with the weights of a file and a new last layer (Table 3)."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from dd.runtime.errors import UserError
from dd.runtime.files import load_tensors


@dataclass
class PretrainedFile:
    """Weights and buffers by name, as `python -m dd data weights` writes them."""

    path: Path
    tensors: dict[str, Tensor]
    info: dict[str, Any]
    """name, file, source, sha256, and mean and std to normalise images by (of each channel, on the scale 0 to 1)."""

    @classmethod
    def load(cls, path: Path) -> "PretrainedFile":
        """Read a file that `python -m dd data weights` has written.

        Raises:
            UserError: the file is missing, damaged, or another kind of file.
        """
        tensors, info = load_tensors(path)
        if not {"name", "mean", "std"} <= set(info):
            raise UserError(f"{path}: not written by `python -m dd data weights`")
        return cls(path, tensors, info)

    def network(self, make: Callable[..., nn.Module]) -> nn.Module:
        """The network of `make()` with these weights; see `pretrained`.

        The last layer is kept if these weights were trained on the classes that they are adapted to.
        """
        return pretrained(make, self.tensors, str(self.path), keep_last=bool(self.info.get("trained_on")))


def pretrained(
    make: Callable[..., nn.Module], tensors: dict[str, Tensor], name: str, *, keep_last: bool = False
) -> nn.Module:
    """The network of `make()` with the weights and buffers, such as batch statistics, that `tensors` has by name.

    Its last linear layer is new, with weights 0 and biases 1 as in the authors' code, whatever `tensors` has there,
    unless `keep_last`. Error messages begin with `name`.

    Raises:
        UserError: the tensors are of another architecture: names or shapes differ outside a new last layer. The
            message names the first difference.
    """
    module = make()
    linear = {path: layer for path, layer in module.named_modules() if isinstance(layer, nn.Linear)}
    path = list(linear)[-1] if linear else ""
    if not linear or linear[path].bias is None:
        raise UserError(f"{name}: {type(module).__name__} has no linear layer with biases to replace")
    last = linear[path]
    new = set() if keep_last else {f"{path}.weight", f"{path}.bias"}
    own = {n: t for n, t in module.state_dict().items() if n not in new}
    given = {n: t for n, t in tensors.items() if n not in new}
    wrong = [f"lacks {n}" for n in own if n not in given]
    wrong += [f"has {n}, which the network lacks" for n in given if n not in own]
    wrong += [
        f"has {n} {list(given[n].shape)}, where the network has {list(t.shape)}"
        for n, t in own.items()
        if n in given and given[n].shape != t.shape
    ]
    if wrong:
        raise UserError(f"{name}: of another architecture than {type(module).__name__}: it {wrong[0]}")
    module.load_state_dict(given, strict=False)
    if not keep_last:
        nn.init.zeros_(last.weight)
        nn.init.ones_(last.bias)
    return module
