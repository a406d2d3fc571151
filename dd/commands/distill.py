"""The command that distils."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dd.commands.main import main
from dd.commands.options import Command, checkpoint_options, compute_options, pool_option, settings_options, tell_remark
from dd.distill import modules
from dd.distill.settings import DistillConfig
from dd.runtime.paths import INPUT, OUTPUT

if TYPE_CHECKING:
    from dd.pools.store import PoolFolder


@main.command(cls=Command)
@click.option("--data", "data_path", type=INPUT, required=True, help="Prepared dataset, an .npz.")
@click.option("--out", type=OUTPUT, required=True, help="The distilled set to write, a .safetensors.")
@click.option(
    "--history",
    "history_path",
    type=OUTPUT,
    callback=lambda ctx, _, path: path or ctx.params["out"].with_suffix(".csv"),
    help="CSV: loss and accuracy on validation images over time.  [default: OUT, ending in .csv]",
)
@checkpoint_options(60)
@click.option(
    "--tensorboard",
    is_flag=True,
    envvar="DD_TENSORBOARD",
    show_envvar=True,
    help="Write event files, in a folder NAME.tensorboard beside the history NAME.csv.",
)
@click.option("--pretrained", type=INPUT, help="Weights of one net, for init fixed_pretrained; see `dd data weights`.")
@compute_options
@pool_option
@settings_options(DistillConfig, "config")
def distill(
    data_path: Path,
    out: Path,
    history_path: Path,
    work: Path | None,
    checkpoint_seconds: float,
    force: bool,
    tensorboard: bool,
    pretrained: Path | None,
    config: DistillConfig,
    pool: PoolFolder | None,
    device: str,
    workers: int,
) -> None:
    """Distil a dataset into a few images (Algorithm 1).

    \b
    Ten images for one LeNet, and a hundred for any LeNet:
      python -m dd distill --data mnist.npz --init fixed --steps 1 --nets 1 --out ten.safetensors
      python -m dd distill --data mnist.npz --out hundred.safetensors
    With the defaults, which are the paper's settings but for --short-batches and --train-on-all, the second takes hours
    on a CPU. With the following options it reaches a higher accuracy, in a quarter of an hour:
      --meta-steps 1500 --meta-lr 0.02 --schedule cosine --real-batch 256 --image-std 0.3 --clip-adjoint 1
    \b
    For nets that were pre-trained on other digits (Section 3.5; `python -m dd pool train` makes the pool):
      python -m dd distill --data usps_28.npz --init random_pretrained --pool pools/mnist --out ...
    """
    from dd.data.prepared import load
    from dd.distill.experiment import Experiment, made_with
    from dd.distill.run import run
    from dd.nets.pretrained import PretrainedFile
    from dd.runtime.checkpoints import checkpointed
    from dd.runtime.identity import is_finished
    from dd.runtime.process_group import process_group
    from dd.runtime.progress import progress

    file = PretrainedFile.load(pretrained) if pretrained else None
    experiment = Experiment(config, load(data_path), device=device, pool=pool, file=file)
    if not force and is_finished(out, made_with, experiment.identity(), history_path):
        return
    tell_remark(experiment.module, config.net)

    with (
        checkpointed(
            out,
            work=work,
            settings=experiment.identity(),
            modules=modules(config.net),
            every_seconds=checkpoint_seconds,
            force=force,
        ) as checkpoints,
        process_group(workers, config.nets, device) as group,
    ):
        experiment.trainer.group = group
        record = _recorder(history_path, event_files=tensorboard and group.leads)
        history = run(experiment.trainer, experiment.validate, checkpoints, progress, record)
        if group.leads:
            experiment.distilled(history[-1]).save(out)


def _recorder(path: Path, *, event_files: bool) -> Callable[[list[dict]], None]:
    """What writes a history as the CSV `path`, and as event files in the folder beside it if they are asked for."""
    import pandas as pd

    from dd.report.event_files import EventFiles
    from dd.report.measurements import with_kind
    from dd.runtime.files import write_text

    events = EventFiles(path.with_suffix(".tensorboard")) if event_files else None

    def record(history: list[dict]) -> None:
        write_text(path, with_kind("history", pd.DataFrame(history)).to_csv(index=False))
        if events:
            events.write(history)

    return record
