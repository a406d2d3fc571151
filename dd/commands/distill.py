"""The command that distils."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dd.commands.main import main
from dd.commands.options import (
    Command,
    checkpoint_options,
    compute_options,
    given_options,
    pool_option,
    settings_options,
    tell_remark,
)
from dd.distill import modules
from dd.distill.recipes import RECIPE_SETTINGS, RECIPES, by_recipe
from dd.distill.settings import DistillConfig
from dd.runtime.paths import INPUT, OUTPUT

if TYPE_CHECKING:
    from dd.distill.distilled_set import DistilledSet
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
@click.option(
    "--snapshots",
    "snapshots_path",
    type=OUTPUT,
    help="Some of the images at several meta-steps, for `dd page`, a .safetensors.  [default: not written]",
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
@click.option(
    "--from",
    "from_path",
    type=INPUT,
    help="Finished set to go on from, a .safetensors; its settings hold in place of a recipe's.",
)
@click.option(
    "--recipe",
    type=click.Choice(list(RECIPES)),
    default="quick",
    show_default=True,
    help="Values of settings that are not given: "
    + "; ".join(f"{recipe.name}, {recipe.description}" for recipe in RECIPES.values())
    + " (docs/recipe.md).",
)
@compute_options
@pool_option
@settings_options(DistillConfig, "config", shown=dict.fromkeys(RECIPE_SETTINGS, "the recipe's"))
def distill(
    data_path: Path,
    out: Path,
    history_path: Path,
    snapshots_path: Path | None,
    work: Path | None,
    checkpoint_seconds: float,
    force: bool,
    tensorboard: bool,
    pretrained: Path | None,
    from_path: Path | None,
    recipe: str,
    config: DistillConfig,
    pool: PoolFolder | None,
    device: str,
    workers: int,
) -> None:
    """Distil a dataset into a few images (Algorithm 1).

    \b
    Ten images for one LeNet, in a minute, and a hundred for any LeNet:
      python -m dd distill --data mnist.npz --init fixed --steps 1 --out ten.safetensors
      python -m dd distill --data mnist.npz --recipe laptop --out hundred.safetensors
    \b
    For nets that were pre-trained on other digits (Section 3.5; `python -m dd pool train` makes the pool):
      python -m dd distill --data usps_28.npz --init random_pretrained --pool pools/mnist --out ...
    \b
    Further, from a finished set, with its settings but for those given:
      python -m dd distill --data mnist.npz --from hundred.safetensors --meta-lr 0.005 --out further.safetensors
    """
    from dd.data.prepared import load
    from dd.distill.experiment import Experiment, made_with
    from dd.nets.pretrained import PretrainedFile
    from dd.runtime.checkpoints import checkpointed
    from dd.runtime.identity import is_finished
    from dd.runtime.process_group import process_group
    from dd.runtime.progress import progress

    file = PretrainedFile.load(pretrained) if pretrained else None
    begun, config = _settings(from_path, recipe, config)
    experiment = Experiment(config, load(data_path), device=device, pool=pool, file=file, begun=begun)
    beside = [history_path, *([snapshots_path] if snapshots_path else [])]
    if not force and is_finished(out, made_with, experiment.identity(), *beside):
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
        record = _recorder(history_path, event_files=tensorboard and group.leads)
        distilled = experiment.run(checkpoints, group=group, progress=progress, record=record)
        if group.leads:
            if snapshots_path:
                experiment.snapshots.save(snapshots_path)
            distilled.save(out)


def _settings(from_path: Path | None, recipe: str, config: DistillConfig) -> tuple[DistilledSet | None, DistillConfig]:
    """The set to go on from, if there is one, and all settings, of which `config` has those given."""
    from dd import load
    from dd.distill.begun import settings_of

    given = {key: getattr(config, key) for key in given_options(DistillConfig)}
    if from_path is None:
        return None, by_recipe(recipe, given)
    begun = load(from_path)
    return begun, settings_of(begun, given)


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
