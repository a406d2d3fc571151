"""Pools of trained networks on disk: a folder of shards, each written as a whole and read net by net."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from dd.nets import take_same_weights
from dd.old_settings import current_settings
from dd.runtime.errors import UserError
from dd.runtime.files import METADATA, save_tensors

SHARD_FORMAT = "dd pool shard 1"
PARTS = ("train", "held-out")


def save_shard(path: Path, weights: Tensor, accuracy: Tensor, *, part: str, first: int, total: int, pool: dict) -> None:
    """Write some nets of a part, from number `first`, as one `.safetensors`.

    Args:
        path: the file.
        weights: `[nets, P]`.
        accuracy: accuracy on test images in percent, `[nets]`.
        part: one of `PARTS`.
        first: number of the first net.
        total: number of nets of this part in the whole pool.
        pool: net, data and train config, which are the same in all shards of the pool.
    """
    digests = [_digest(row) for row in weights]
    info = {"format": SHARD_FORMAT, "part": part, "first": first, "total": total, "digests": digests, "pool": pool}
    save_tensors(path, {"weights": weights, "accuracy": accuracy}, info)


def _digest(row: Tensor) -> str:
    return hashlib.sha256(row.contiguous().numpy().data).hexdigest()[:16]


class _Shard:
    """An open shard; its weights stay on disk until `row` reads them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.file = safe_open(path, "pt")
            info = json.loads((self.file.metadata() or {}).get(METADATA, "")[64:] or "{}")
            if info.get("format") != SHARD_FORMAT:
                raise UserError(f"{path}: not a shard of a pool ({SHARD_FORMAT}); remove it from the folder")
            self.part, self.first, self.total = info["part"], info["first"], info["total"]
            self.digests = info["digests"]
            self.pool = current_settings(info["pool"])
            self.weights, self.accuracy = self.file.get_slice("weights"), self.file.get_tensor("accuracy")
        except (SafetensorError, OSError, ValueError, KeyError) as error:
            raise UserError(f"{path}: damaged or not a .safetensors file ({error}); train this shard again") from error
        self.numbers = range(self.first, self.first + len(self.digests))

    def row(self, number: int) -> Tensor:
        row = self.weights[number - self.first]
        if _digest(row) != self.digests[number - self.first]:
            raise UserError(f"{self.path}: net {number} was damaged after writing; train this shard again")
        return row


class PoolFolder:
    """A whole pool, read lazily: the weights of a net are read when it is drawn, and checked against their digest."""

    def __init__(self, folder: Path) -> None:
        """Open all shards in `folder`.

        Raises:
            UserError: no such folder, or a shard that is damaged, missing, there twice, or of another pool.
        """
        # hidden files are left from jobs that were killed while they wrote; NAME.work holds checkpoints
        paths = sorted(
            path
            for path in Path(folder).rglob("*.safetensors")
            if not (path.name.startswith(".") or path.parent.name.endswith(".work"))
        )
        if not paths:
            raise UserError(f"{folder}: no shards of a pool here; make them with `python -m dd pool train`")
        self.folder, shards = Path(folder), [_Shard(path) for path in paths]
        self.info: dict = shards[0].pool
        for shard in shards:
            if shard.pool != self.info:
                raise UserError(
                    f"{shard.path}: {_difference(shard.pool, self.info)} in {paths[0]}; keep one pool in a folder"
                )
        self.shards = {part: self._whole(part, [s for s in shards if s.part == part]) for part in PARTS}
        self.sizes = {part: shards[-1].numbers.stop for part, shards in self.shards.items()}
        nets = [digest for shard in self.shards["train"] for digest in shard.digests]
        self.digest = hashlib.sha256("".join(nets).encode()).hexdigest()[:16]
        """Digest of all training nets, whatever their shards. Distillation does not depend on held-out nets."""

    def _whole(self, part: str, shards: list[_Shard]) -> list[_Shard]:
        shards.sort(key=lambda shard: shard.first)
        expected = 0
        for shard in shards:
            if shard.first != expected or shard.total != shards[0].total:
                raise UserError(
                    f"{self.folder}: {part} net {expected} of {shards[0].total} should come next, but {shard.path} "
                    f"starts with net {shard.first} of {shard.total}; "
                    "remove shards of other settings, or train the missing one"
                )
            expected = shard.numbers.stop
        if not shards or expected != shards[0].total:
            raise UserError(f"{self.folder}: the shard with {part} net {expected} is missing; train it")
        return shards

    def rows(self, part: str, indices: Iterable[int]) -> Tensor:
        """Weights `[nets, P]` of nets of a part of `PARTS`.

        Raises:
            UserError: there is no such net, or it was damaged.
        """
        return torch.stack([self._row(part, index) for index in indices])

    def _row(self, part: str, index: int) -> Tensor:
        for shard in self.shards[part]:
            if index in shard.numbers:
                return shard.row(index)
        raise UserError(f"{self.folder}: no {part} net {index}; the pool has {self.sizes[part]}")

    def accuracy(self, part: str) -> Tensor:
        """Accuracy in percent `[nets]` on the test images of the dataset that the nets were trained on."""
        return torch.cat([shard.accuracy for shard in self.shards[part]])

    def check(self, net: str, image_shape: tuple[int, ...], classes: int, weights: int) -> None:
        """Refuse a pool of other networks.

        Raises:
            UserError: its nets have another architecture, image shape, number of classes or number of weights.
        """
        channels, size, _ = image_shape
        actual = self.info | {"classes": len(self.info["classes"])}
        if actual["image"][0] == channels and take_same_weights(net, size, actual["image"][-1]):
            actual["image"] = list(image_shape)
        wanted = {"net": net, "image": list(image_shape), "classes": classes}
        for key, value in wanted.items():
            if actual[key] != value:
                raise UserError(f"{self.folder}: a pool for {key} {actual[key]}, but {value} is asked for")
        if (saved := self.shards["train"][0].weights.get_shape()[1]) != weights:
            raise UserError(
                f"{self.folder}: its nets have {saved} weights, but {net} has {weights} now; train it again"
            )


def made_with(path: Path) -> dict:
    """The settings and data that the shard at `path` was made with.

    Raises:
        UserError: the file is damaged, or not a shard.
    """
    shard = _Shard(path)
    return shard.pool | {"part": shard.part, "first": shard.first, "nets": len(shard.digests), "total": shard.total}


def _difference(found: dict, wanted: dict) -> str:
    key = next(key for key in sorted(found.keys() | wanted.keys()) if found.get(key) != wanted.get(key))
    return f"{key} is {found.get(key)!r}, but {wanted.get(key)!r}"
