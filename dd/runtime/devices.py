"""Which device a job may use: the CPU, the GPU a scheduler gave it, or a free one taken by a lock."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from dd.runtime.errors import UserError, reason

SCHEDULERS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "SGE_TASK_ID", "FLUX_JOB_ID")
"""Set inside the jobs of batch systems that hand out GPUs themselves."""

SLOTS = Path("/tmp/dd-gpu-slots")  # noqa: S108 (one place a machine, for all users and whatever their TMPDIR)


def started_as() -> tuple[int, int]:
    """(rank, number of processes) as whoever started this process has set them; (0, 0) where nobody has."""
    if {"RANK", "WORLD_SIZE"} <= set(os.environ):
        return int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    return 0, 0


@contextlib.contextmanager
def device(gpus: int) -> Iterator[str]:
    """`"cpu"` for no GPU, else `"cuda"` with `CUDA_VISIBLE_DEVICES` narrowed to GPUs no other job of ours holds.

    Snakemake counts GPUs but does not say which, so jobs on one machine each lock theirs; the kernel frees the lock
    when the process ends, however it ends. So do jobs that share the GPUs of one job of a batch system. Where that has
    as many as are asked for, and in a process that another started to share its work, the devices set there are taken
    as they are. Enter this before CUDA is first used.

    Raises:
        UserError: fewer GPUs on this machine than asked for.
    """
    if gpus == 0:
        yield "cpu"
        return
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = [name.strip() for name in visible.split(",") if name.strip()] if visible is not None else _installed()
    jobs = [f"-{name}-{os.environ[name]}" for name in SCHEDULERS if name in os.environ]
    if started_as()[1] or (visible and jobs and len(names) == gpus):
        yield "cuda"
        return
    if len(names) < gpus:
        raise UserError(
            f"{gpus} GPU(s) asked for, but this machine shows {len(names)}; use --gpus 0 (--resources gpu=0) for CPU"
        )
    own = jobs[0] if visible and jobs else ""  # a batch system may number the GPUs of each of its jobs from 0
    with slots(names, gpus, SLOTS.with_name(SLOTS.name + own)) as mine:
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(mine)
        yield "cuda"


@contextlib.contextmanager
def slots(names: Sequence[str], count: int, folder: Path, poll_seconds: float = 1.0) -> Iterator[list[str]]:
    """Hold `count` of `names` by a lock file each in the node-local `folder`, waiting until so many are free.

    Raises:
        UserError: the folder cannot be used by all.
    """
    mask = os.umask(0)
    try:
        folder.mkdir(exist_ok=True)
        if folder.is_symlink():
            raise UserError(f"{folder}: is a link; locks of GPUs need a folder here, so remove it")
    except OSError as error:
        raise UserError(f"{folder}: no folder for locks of GPUs ({reason(error)}); remove it") from error
    finally:
        os.umask(mask)
    waiting = False
    with contextlib.ExitStack() as held:
        while True:
            mine = []
            for name in names:
                try:
                    held.enter_context(FileLock(folder / f"{name.replace('/', '_')}.lock", timeout=0, mode=0o666))
                    mine.append(name)
                except Timeout:
                    pass
                except OSError as error:
                    raise UserError(
                        f"{folder}: locks of GPUs cannot be written ({error.strerror}); remove it"
                    ) from error
                if len(mine) == count:
                    yield mine
                    return
            if not waiting:
                print(f"waiting for {count} of GPUs {', '.join(names)} to be free", file=sys.stderr, flush=True)
                waiting = True
            held.close()  # too few: let go of those we have, so that two waiting jobs cannot block each other
            time.sleep(poll_seconds)


def exact_products() -> None:
    """Keep convolutions and matrix products to 32 bits, and cuDNN to algorithms that give the same twice.

    TF32's ten bits are too few for second derivatives: after four steps a quarter of the meta-gradient was wrong.
    """
    import torch

    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False  # on where TORCH_ALLOW_TF32_CUBLAS_OVERRIDE is set
    torch.backends.cudnn.deterministic = True


def plain_attention() -> None:
    """Keep attention to operations that have second derivatives: PyTorch's fused ones have none."""
    import torch

    torch.backends.mha.set_fastpath_enabled(False)
    for fused in ("flash", "mem_efficient", "cudnn"):  # the first is of CPUs too
        getattr(torch.backends.cuda, f"enable_{fused}_sdp")(False)


def _installed() -> list[str]:
    try:
        listed = subprocess.run(
            ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return []
    return listed.stdout.split()
