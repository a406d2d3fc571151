"""Every random number comes from (seed, stage, index), so order, sharding and resuming never change a result."""

import contextlib
import hashlib
import random
from collections.abc import Iterator

import numpy as np
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


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Code of others that draws from a global generator draws from `seed` here: PyTorch's (CPU), NumPy's or Python's.

    Afterwards the three are as they were.
    """
    of_numpy, of_python = np.random.get_state(), random.getstate()
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would reseed every GPU as well
        np.random.seed(seed % 2**32)  # it takes no larger ones
        random.seed(seed)
        try:
            yield
        finally:
            np.random.set_state(of_numpy)
            random.setstate(of_python)
