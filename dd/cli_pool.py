"""The commands for pre-trained networks: pools, and other ways to adapt them."""

import sys
from functools import partial
from pathlib import Path

import click

from dd.cli import main
from dd.options import (
    FOLDER,
    IN,
    OUT,
    Command,
    checkpoint_option,
    compute_options,
    given_options,
    pool_option,
    settings_options,
    tell_remark,
)
from dd.pool.config import PoolConfig, Recipe


@main.group()
def pool():
    """Many networks trained on real images, to start from (Section 3.5).

    \b
    Forty to distil for and ten to judge by, then a look at them:
      python -m dd pool train --data mnist.npz --out mnist/train.safetensors --total 40
      python -m dd pool train --data mnist.npz --out mnist/held-out.safetensors --part held-out --total 10
      python -m dd pool check mnist
    """


@pool.command(cls=Command)
@click.option("--data", "data_path", type=IN, required=True, help="Prepared dataset, an .npz.")
@click.option("--out", type=OUT, required=True, help="The shard to write, a .safetensors in the folder of its pool.")
@click.option("--part", type=click.Choice(["train", "held-out"]), default="train", show_default=True)
@click.option("--total", type=click.IntRange(1), default=2000, show_default=True, help="Nets of this part in the pool.")
@click.option("--first", type=click.IntRange(0), default=0, show_default=True, help="Number of the shard's first net.")
@click.option("--nets", type=click.IntRange(1), default=40, show_default=True, help="Nets in this shard, at most.")
@click.option("--work", type=FOLDER, help="Folder for checkpoints; the same command resumes.  [default: OUT.work]")
@checkpoint_option(120)
@compute_options
@settings_options(PoolConfig, "config")
def train(data_path, out, part, total, first, nets, work, checkpoint_seconds, config, device, workers):
    """Train one shard of a pool, all its nets at once: number FIRST and on of TOTAL.

    A net depends on its number, the seed and the recipe, not on the shard it is in.

    \b
    Forty nets to distil for and ten to judge by:
      python -m dd pool train --data mnist.npz --out pool/train.safetensors --total 40
      python -m dd pool train --data mnist.npz --out pool/held-out.safetensors --part held-out --total 10
    """
    import torch

    from dd.data.dataset import load
    from dd.distill.run import StoppedError
    from dd.pool.train import PoolShard, train_pool
    from dd.runtime.checkpoint import Checkpoints
    from dd.runtime.code import digest
    from dd.runtime.pools import save_shard
    from dd.runtime.progress import progress

    del workers  # shards are jobs side by side instead
    numbers = range(first, min(first + nets, total))
    if not numbers:
        raise click.UsageError(f"--first: {first} is beyond the {total} nets of --total")
    shard = PoolShard(config, load(data_path), part, numbers, device)
    tell_remark(shard.net.module, config.net)
    code = digest("dd.pool.train", config.net.partition(":")[0])
    identity = {
        **shard.description(),
        **{"part": part, "first": first, "nets": len(numbers), "torch": torch.__version__, "code": code},
    }
    checkpoints = Checkpoints(work or out.with_name(out.name + ".work"), identity, checkpoint_seconds)
    with checkpoints.locked():
        try:
            train_pool(shard.trainer, checkpoints, progress)
        except StoppedError as stopped:
            click.echo(f"{stopped}", err=True)
            sys.exit(143)
        accuracy = shard.accuracy()
        save_shard(out, shard.trainer.theta.cpu(), accuracy, part, first, total, shard.description())
        checkpoints.clear()
    click.echo(f"{out}: {len(numbers)} nets, {accuracy.mean():.2f} % (least {accuracy.min():.2f}) on test images")


@pool.command(cls=Command)
@click.argument("folder", type=FOLDER)
def check(folder: Path):
    """Say what is in the pool FOLDER, and read all of it against its checksums.

    \b
    Example:
      python -m dd pool check results/laptop/pools/mnist_LeNet
    """
    from dd.runtime.artifacts import load_tensors
    from dd.runtime.pools import PoolFolder

    opened = PoolFolder(folder)
    click.echo(
        f"{folder}: {opened.info['net']} trained on {opened.info['dataset']['name']}, seed {opened.info['seed']}"
    )
    for part, size in opened.sizes.items():
        for shard in opened.shards[part]:
            load_tensors(shard.path)
        accuracy = opened.accuracy(part)
        click.echo(f"{part}: {size} nets, {accuracy.mean():.2f} ± {accuracy.std(correction=0):.2f} % on test images")


@main.command(cls=Command)
@click.argument("method", type=click.Choice(["full", "fada"]))
@click.option("--set", "set_path", type=IN, required=True, help="Distilled set whose held-out nets are adapted.")
@click.option("--data", "data_path", type=IN, required=True, help="Prepared dataset to adapt to, an .npz.")
@click.option("--source", "source_path", type=IN, help="With fada: prepared dataset that the nets were trained on.")
@click.option(
    "--nets", type=click.IntRange(1), default=200, show_default=True, help="Nets; runs where there is one net."
)
@click.option("--out", type=OUT, required=True, help="CSV, a row a net.")
@compute_options
@pool_option
@settings_options(Recipe, "recipe")
def adapt(method, set_path, data_path, source_path, nets, out, recipe, pool, device, workers):
    """Adapt pre-trained nets without distilled images, for Tables 2 and 3, and test them.

    \b
      full   fine-tune them on the whole training set of the target
      fada   few-shot adversarial domain adaptation (Motiian et al. 2017) with as many target images as the set has;
             of the settings it takes --seed alone
    \b
    Examples, for a set of USPS for nets of MNIST:
      python -m dd adapt full --set set.safetensors --data usps_28.npz --pool mnist --out full.csv
      python -m dd adapt fada --set set.safetensors --data usps_28.npz --source mnist.npz --pool mnist --out f.csv
    """
    from dd import load as load_set
    from dd.baselines.adapt import adapted, few_shot, fine_tune
    from dd.data.dataset import load
    from dd.runtime.artifacts import write_text
    from dd.runtime.progress import progress

    del workers  # methods are jobs side by side instead
    distilled, dataset = load_set(set_path), load(data_path)
    if method == "fada":
        if given := given_options(Recipe) - {"seed"}:
            raise click.UsageError(f"--{min(given).replace('_', '-')}: fada has settings of its own; leave it out")
        if source_path is None:
            raise click.UsageError("--source: fada needs the data that the nets were trained on")
        run = partial(few_shot, distilled, dataset, load(source_path), progress)
    else:
        run = partial(fine_tune, distilled, dataset, progress)

    table = adapted(method, distilled, dataset, distilled.initial(pool), nets, run, recipe, device)
    write_text(out, table.to_csv(index=False))
    accuracy = table["accuracy"]
    click.echo(f"{method}: {accuracy.mean():.2f} ± {accuracy.std(ddof=0):.2f} % over {len(accuracy)} net(s)")
