"""The memory and time that jobs need."""

from collections.abc import Callable

from dd.nets import NETWORKS

BASE_MB, PROCESS_MB = 2000, 2000
"""MiB of a job, and of each of its processes."""


def grow(amount: int) -> Callable[[object, int], int]:
    """A resource that is `amount` at the first attempt, twice that at the second, and so on.

    The profile says how many attempts there are.
    """
    return lambda wildcards, attempt: amount * attempt  # noqa: ARG005 (Snakemake goes by these names)


def memory(net: str, threads: int, attempt: int) -> int:
    """MiB of a job with one process for each thread; it grows with each attempt. Networks for photos take more."""
    more = NETWORKS[net].memory_mb if net in NETWORKS else 0
    return attempt * (BASE_MB + (PROCESS_MB + more) * threads)
