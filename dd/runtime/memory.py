"""Memory: whether it has run out, and what the C library does with freed blocks."""

import contextlib
import ctypes
import resource
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""The numbers of these parameters in glibc's malloc.h."""


def ran_out(error: BaseException) -> bool:
    """Whether an error means that memory has run out, on the CPU or a GPU."""
    if isinstance(error, ImportError):  # what a library raises that does not fit into memory, PyTorch among them
        return "failed to map segment" in str(error)
    if isinstance(error, SystemError):  # of C code that had no memory left for its exception
        return "without exception set" in str(error)
    import torch

    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "can't allocate memory" in str(error)


def peak_mb() -> int:
    """The most memory in MB that this process has had: on a GPU if it computes on one, else in all."""
    import torch

    if torch.cuda.is_initialized():
        return round(torch.cuda.max_memory_allocated() / 2**20)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10))  # macOS counts bytes, Linux kilobytes


def keep_freed_memory() -> None:
    """Make glibc keep the memory that this process frees. With another C library, do nothing.

    By default glibc returns large blocks to the system, and asks for new ones for the next operation. The system clears
    new blocks page by page: tens of thousands of page faults in every meta-step, a quarter of the time on real batches.
    After this call glibc still returns blocks above 32 MiB, and free memory above 2 GiB at the end of a heap.
    """
    with contextlib.suppress(AttributeError):  # another C library has no mallopt
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, 32 * 2**20)  # the largest value it accepts
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
