"""Which device a job uses: the CPU, the GPU that a scheduler assigned, or a free GPU that it locks."""

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
"""Environment variables inside the jobs of batch systems, which assign GPUs themselves."""

FUSED_ATTENTION = ("flash", "mem_efficient", "cudnn")  # the first exists on CPUs too
SLOTS = Path("/tmp/dd-gpu-slots")  # noqa: S108 (one folder on each machine, for all users, whatever their TMPDIR)


def started_as() -> tuple[int, int]:
    """(rank, number of processes) from the environment; (0, 0) if whoever started this process did not set them."""
    if {"RANK", "WORLD_SIZE"} <= set(os.environ):
        return int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    return 0, 0


@contextlib.contextmanager
def device(gpus: int) -> Iterator[str]:
    """`"cpu"` for no GPU, else `"cuda"` with `CUDA_VISIBLE_DEVICES` narrowed to GPUs that no other job of dd holds.

    Snakemake counts GPUs but does not say which of them a job gets. So each job locks its GPUs by files on the machine.
    The kernel releases the locks when the process ends, however it ends. Jobs that share the GPUs of one batch-system
    job do the same. `CUDA_VISIBLE_DEVICES` is left as it is if the batch system assigned as many GPUs as are asked for,
    or if another process started this one to share its work. Enter this context before CUDA is first used.

    Raises:
        UserError: this machine has fewer GPUs than are asked for.
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
    with slots(names, gpus, SLOTS.with_name(SLOTS.name + own)) as locked:
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(locked)
        yield "cuda"


@contextlib.contextmanager
def slots(names: Sequence[str], count: int, folder: Path, poll_seconds: float = 1.0) -> Iterator[list[str]]:
    """Lock `count` of the GPUs `names` by one file each in the node-local `folder`; wait until that many are free.

    Raises:
        UserError: `folder` is a link, cannot be made, or cannot be written.
    """
    mask = os.umask(0)
    try:
        folder.mkdir(exist_ok=True)
        if folder.is_symlink():
            raise UserError(f"{folder}: is a link, but must be a folder, for the locks of GPUs; remove it")
    except OSError as error:
        raise UserError(f"{folder}: cannot be a folder for the locks of GPUs ({reason(error)}); remove it") from error
    finally:
        os.umask(mask)
    waiting = False
    with contextlib.ExitStack() as held:
        while True:
            locked = []
            for name in names:
                try:
                    held.enter_context(FileLock(folder / f"{name.replace('/', '_')}.lock", timeout=0, mode=0o666))
                    locked.append(name)
                except Timeout:
                    pass
                except OSError as error:
                    raise UserError(
                        f"{folder}: the locks of GPUs cannot be written ({error.strerror}); remove it"
                    ) from error
                if len(locked) == count:
                    yield locked
                    return
            if not waiting:
                print(f"waiting until {count} of the GPUs {', '.join(names)} are free", file=sys.stderr, flush=True)
                waiting = True
            held.close()  # too few: release them, so that two waiting jobs cannot block each other
            time.sleep(poll_seconds)


def exact_products() -> None:
    """Compute convolutions and matrix products in full float32, and let cuDNN use only deterministic algorithms.

    TF32's ten bits are too few for second derivatives: after four GD steps a quarter of the meta-gradient was wrong.
    """
    import torch

    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False  # it is on if TORCH_ALLOW_TF32_CUBLAS_OVERRIDE is set
    torch.backends.cudnn.deterministic = True


def plain_attention() -> None:
    """Compute attention by operations that have second derivatives; PyTorch's fused operations have none."""
    import torch

    torch.backends.mha.set_fastpath_enabled(False)
    for fused in FUSED_ATTENTION:
        getattr(torch.backends.cuda, f"enable_{fused}_sdp")(False)


@contextlib.contextmanager
def attention_restored() -> Iterator[None]:
    """Put back, at the end of the block, what `plain_attention` changes in it."""
    import torch

    cuda, fast = torch.backends.cuda, torch.backends.mha
    fused = {name: getattr(cuda, f"{name}_sdp_enabled")() for name in FUSED_ATTENTION}
    fastpath = fast.get_fastpath_enabled()
    try:
        yield
    finally:
        for name, value in fused.items():
            getattr(cuda, f"enable_{name}_sdp")(value)
        fast.set_fastpath_enabled(fastpath)


def _installed() -> list[str]:
    try:
        listed = subprocess.run(
            ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return []
    return listed.stdout.split()
