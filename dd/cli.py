"""The commands the workflow is made of: parse, call one function, write the results.

Torch is imported inside the commands, so that --help answers at once and a GPU is chosen before CUDA wakes up.
"""

import functools
import os
import signal
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, fields
from pathlib import Path

import click

from dd.distill.config import DistillConfig
from dd.runtime.errors import UserError

IN = click.Path(path_type=Path, dir_okay=False)
OUT = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


class Command(click.Command):
    """Turns a user's mistake into one line and exit code 1."""

    def invoke(self, ctx: click.Context):
        try:
            return super().invoke(ctx)
        except UserError as error:
            click.echo(f"error: {error}", err=True)
            sys.exit(1)


def compute_options(command: Callable) -> Callable:
    """--threads and --gpus; the command gets `device`, `"cpu"` or `"cuda"`, and how many `workers` may share
    its networks."""

    @click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="CPU threads.")
    @click.option("--gpus", type=click.IntRange(0), default=0, show_default=True, help="0 computes on the CPU.")
    @functools.wraps(command)
    def wrapped(threads: int, gpus: int, **options):
        from dd.runtime.devices import device
        from dd.runtime.memory import keep_freed_memory
        from dd.runtime.parallel import THREADS, local_rank

        os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", str(threads))
        with device(gpus) as name:
            import torch

            torch.set_num_threads(threads)
            keep_freed_memory()
            if name == "cuda" and not torch.cuda.is_available():
                raise UserError("a GPU was asked for, but this PyTorch finds none; use --gpus 0 (--resources gpu=0)")
            if name == "cuda":
                torch.cuda.set_device(local_rank())
            try:
                return command(device=name, workers=gpus or max(1, threads // THREADS), **options)
            except (RuntimeError, MemoryError) as error:
                if isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "can't allocate memory" in str(error):
                    raise UserError(f"out of memory ({name}); lower real_batch, or give the job more") from error
                if type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
                    reason = str(error).strip().partition("\n")[0]
                    raise UserError(f"PyTorch could not compile the steps ({reason}); leave out compile") from error
                raise

    return wrapped


def distill_options(command: Callable) -> Callable:
    """One option a field of DistillConfig; the command gets the finished `config`."""

    @functools.wraps(command)
    def wrapped(**options):
        settings = {f.name: options.pop(f.name) for f in fields(DistillConfig)}
        return command(config=DistillConfig(**settings), **options)

    for f in reversed(fields(DistillConfig)):
        kind = click.Choice(f.metadata["choices"]) if f.metadata["choices"] else f.type
        flag, switch = "--" + f.name.replace("_", "-"), kind is bool
        option = click.option(
            flag, type=kind, is_flag=switch, default=f.default, show_default=not switch, help=f.metadata["help"]
        )
        wrapped = option(wrapped)
    return wrapped


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def main():
    """Dataset Distillation (Wang, Zhu, Torralba, Efros 2018).

    \b
    Ten images that train a LeNet, from scratch to a picture, in four commands:
      python -m dd data prepare mnist --out mnist.npz
      python -m dd distill --data mnist.npz --init fixed --nets 1 --steps 1 --out set.safetensors --history history.csv
      python -m dd evaluate --set set.safetensors --data mnist.npz --out accuracy.csv
      python -m dd figure --set set.safetensors --metrics accuracy.csv --out images.png

    The whole paper: snakemake --cores all (see README.md).
    """
    # unwind on SIGTERM as on an error, so that nothing half-written stays
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))


@main.group()
def data():
    """Datasets in one canonical form."""


@data.command(cls=Command)
@click.argument("name")
@click.option("--out", type=OUT, required=True, help="The .npz to write; its metadata go into the .json beside it.")
@click.option(
    "--mirror",
    type=FOLDER,
    envvar="DD_DATA_MIRROR",
    show_envvar=True,
    help="Folder of NAME.npz files, looked into before downloading.",
)
@click.option("--folder", type=FOLDER, help="Your own images, one subfolder a class (or train/ and test/ of those).")
@click.option("--size", type=click.IntRange(1), default=32, show_default=True, help="With --folder: pixels a side.")
@click.option("--gray", is_flag=True, help="With --folder: one channel instead of three.")
@click.option("--test-fraction", type=click.FloatRange(0, 1, True, True), default=0.2, show_default=True)
def prepare(name, out, mirror, folder, size, gray, test_fraction):
    """Prepare NAME: mnist, cifar10, usps, svhn, digits, or any name with --folder.

    \b
    Examples:
      python -m dd data prepare mnist --out data/mnist.npz
      python -m dd data prepare mnist --out data/mnist.npz --mirror /shared/datasets
      python -m dd data prepare birds --out data/birds.npz --folder photos/ --size 32
    """
    from dd.data.prepare import prepare as run

    info = run(name, out, mirror, folder, size, gray, test_fraction)
    click.echo(f"{out}: {info['train']:,} training and {info['test']:,} test images, {len(info['classes'])} classes")
    click.echo(f"source: {info['source']}; {info['fidelity']}")


@main.command(cls=Command)
@click.option("--data", "data_path", type=IN, required=True, help="Prepared dataset, an .npz.")
@click.option("--out", type=OUT, required=True, help="The distilled set to write, a .safetensors.")
@click.option("--history", "history_path", type=OUT, required=True, help="CSV: loss and held-out accuracy on the way.")
@click.option("--work", type=FOLDER, help="Folder for checkpoints; the same command resumes.  [default: OUT.work]")
@click.option("--checkpoint-seconds", type=click.FloatRange(0), default=60, show_default=True)
@compute_options
@distill_options
def distill(data_path, out, history_path, work, checkpoint_seconds, config, device, workers):
    """Distil a dataset into a few images (Algorithm 1).

    \b
    Ten images for one LeNet, and a hundred for any LeNet:
      python -m dd distill --data mnist.npz --init fixed --steps 1 --nets 1 --out ten.safetensors --history ten.csv
      python -m dd distill --data mnist.npz --out hundred.safetensors --history hundred.csv
    """
    import pandas as pd
    import torch

    from dd.data.dataset import load
    from dd.distill.experiment import Experiment
    from dd.distill.run import StoppedError, run
    from dd.runtime.artifacts import write_text
    from dd.runtime.checkpoint import Checkpoints
    from dd.runtime.code import digest
    from dd.runtime.parallel import leads, team
    from dd.runtime.progress import progress

    dataset = load(data_path)
    experiment = Experiment(config, dataset, device)
    identity = {
        **asdict(config),
        "dataset": dataset.info["sha256"],
        "torch": torch.__version__,
        "code": digest("dd.distill.experiment", "dd.distill.run", config.net.partition(":")[0]),
    }
    checkpoints = Checkpoints(work or out.with_name(out.name + ".work"), identity, checkpoint_seconds)

    def record(history: list[dict]) -> None:
        write_text(history_path, pd.DataFrame(history).to_csv(index=False))

    with checkpoints.locked() if leads() else nullcontext(), team(workers, config.nets, device) as crew:
        experiment.trainer.team = crew
        try:
            history = run(experiment.trainer, experiment.validate, checkpoints, progress, record)
        except StoppedError as stopped:
            click.echo(f"{stopped}", err=True)
            sys.exit(143)
        if crew.leads:
            experiment.distilled(history[-1]).save(out)
            checkpoints.clear()


@main.command(cls=Command)
@click.option("--set", "set_path", type=IN, required=True, help="Distilled set, a .safetensors.")
@click.option("--data", "data_path", type=IN, required=True, help="Prepared dataset, an .npz.")
@click.option("--nets", type=click.IntRange(1), default=200, show_default=True, help="Held-out nets (one if fixed).")
@click.option("--out", type=OUT, required=True, help="CSV, a row a net and stage.")
@compute_options
def evaluate(set_path, data_path, nets, out, device, workers):
    """Train held-out networks on a distilled set, and test each on the whole test set before and after."""
    from dd import load as load_set
    from dd.data.dataset import load
    from dd.evaluate import evaluate as run
    from dd.runtime.artifacts import write_text
    from dd.runtime.parallel import team
    from dd.runtime.progress import progress

    distilled, dataset = load_set(set_path), load(data_path)
    nets = 1 if distilled.fixed_weights is not None else nets
    with team(workers, nets, device) as crew, progress(len(crew.share(range(nets))), unit="net") as bar:
        measured = run(distilled, dataset, nets, device, crew, on_nets=bar.update)
    if not crew.leads:
        return
    write_text(out, measured.to_csv(index=False))
    for stage, accuracy in measured.groupby("stage", sort=False)["accuracy"]:
        click.echo(f"{stage}: {accuracy.mean():.2f} ± {accuracy.std(ddof=0):.2f} % over {len(accuracy)} net(s)")


@main.command(cls=Command)
@click.option("--set", "set_path", type=IN, required=True, help="Distilled set, a .safetensors.")
@click.option("--metrics", type=IN, required=True, help="CSV of `dd evaluate` for the title.")
@click.option("--steps", default="", help="Steps to show, counted from 1, e.g. 1,2,5,10.  [default: all]")
@click.option("--out", type=OUT, required=True, multiple=True, help="Picture to write, .png or .pdf; may be repeated.")
def figure(set_path, metrics, steps, out):
    """Draw distilled images with their learning rates, as in the paper's Figures 2 and 3."""
    from dd import load as load_set
    from dd.evaluate import read_metrics
    from dd.report.figures import distilled_images, title
    from dd.runtime.artifacts import atomic

    if wrong := [path for path in out if path.suffix not in {".png", ".pdf"}]:
        raise UserError(f"--out: {wrong[0]} must end in .png or .pdf")
    distilled = load_set(set_path)
    total = len(distilled.images)
    try:
        shown = [int(step) for step in steps.split(",")] if steps else list(range(1, total + 1))
    except ValueError as error:
        raise UserError(f"--steps: {steps!r} is not a list of numbers such as 1,2,5") from error
    if not shown or min(shown) < 1 or max(shown) > total:
        raise UserError(f"--steps: {steps} must lie between 1 and {total}, the steps of this set")
    picture = distilled_images(
        distilled.images.numpy(),
        distilled.labels.numpy(),
        distilled.lrs.numpy(),
        distilled.info["classes"],
        shown,
        title(read_metrics(metrics)),
    )
    for path in out:
        with atomic(path) as temporary:
            picture.savefig(temporary, format=path.suffix.lstrip("."))
