"""Every random number comes from (seed, stage, index), so order, sharding and resuming never change a result."""

import hashlib

import torch


def derive(seed: int, *path: str | int) -> int:
    """A seed of 63 bits for the random stream named by `path`, e.g. `derive(0, "init", 17)`."""
    digest = hashlib.sha256(repr((seed, *path)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(seed: int, *path: str | int) -> torch.Generator:
    """A CPU generator for the stream of `derive`. Drawing on the CPU makes the numbers equal on every device.

    PyTorch's generator uses only the lower 32 bits of a seed. So of a hundred thousand streams, two are likely equal.
    """
    return torch.Generator().manual_seed(derive(seed, *path))
