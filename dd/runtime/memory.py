"""How the C library handles memory."""

import contextlib
import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Of glibc's malloc.h."""


def ran_out(error: BaseException) -> bool:
    """Whether it says that there is no memory left, on the CPU or a GPU."""
    import torch

    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "can't allocate memory" in str(error)


def keep_freed_memory() -> None:
    """Have the C library keep what this process frees, where it is glibc.

    Of itself it gives large blocks back to the system and gets them anew, emptied page by page, for the next operation:
    tens of thousands of page faults in every meta-step, a quarter of the time on real batches. Blocks above 32 MiB it
    gives back all the same, and so it does with what lies free beyond 2 GiB at the end of a heap.
    """
    with contextlib.suppress(AttributeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, 32 * 2**20)  # the largest it takes
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
