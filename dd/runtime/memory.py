"""How the C library handles memory."""

import contextlib
import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Numbers of glibc's malloc.h."""


def ran_out(error: BaseException) -> bool:
    """Whether an error means that memory has run out, on the CPU or a GPU."""
    import torch

    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "can't allocate memory" in str(error)


def keep_freed_memory() -> None:
    """Have the C library keep what this process frees, where it is glibc.

    By default it returns large blocks to the system and asks for new ones, which the system clears page by page, for
    the next operation: tens of thousands of page faults in every meta-step, a quarter of the time on real batches. It
    still returns blocks above 32 MiB, and free memory at the end of a heap above 2 GiB.
    """
    with contextlib.suppress(AttributeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, 32 * 2**20)  # the largest it takes
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
