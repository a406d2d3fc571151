"""The commands for pools of pre-trained networks."""

from pathlib import Path

import click

from dd.commands.main import main
from dd.commands.options import Command, checkpoint_options, compute_options, settings_options, tell_remark
from dd.pools import modules
from dd.pools.settings import PoolConfig
from dd.runtime.paths import FOLDER, INPUT, OUTPUT


@main.group()
def pool() -> None:
    """Many networks trained on real images, to start from (Section 3.5).

    \b
    Forty nets to distil for and ten to judge by, and a check of the pool:
      python -m dd pool train --data mnist.npz --out mnist/train.safetensors --total 40
      python -m dd pool train --data mnist.npz --out mnist/held-out.safetensors --part held-out --total 10
      python -m dd pool check mnist
    """


@pool.command(cls=Command)
@click.option("--data", "data_path", type=INPUT, required=True, help="Prepared dataset, an .npz.")
@click.option("--out", type=OUTPUT, required=True, help="The shard to write, a .safetensors in the folder of its pool.")
@click.option("--part", type=click.Choice(["train", "held-out"]), default="train", show_default=True)
@click.option("--total", type=click.IntRange(1), default=2000, show_default=True, help="Nets of this part in the pool.")
@click.option("--first", type=click.IntRange(0), default=0, show_default=True, help="Number of the shard's first net.")
@click.option("--nets", type=click.IntRange(1), default=40, show_default=True, help="Nets in this shard, at most.")
@checkpoint_options(120)
@compute_options
@settings_options(PoolConfig, "config")
def train(
    data_path: Path,
    out: Path,
    part: str,
    total: int,
    first: int,
    nets: int,
    work: Path | None,
    checkpoint_seconds: float,
    force: bool,
    config: PoolConfig,
    device: str,
    workers: int,
) -> None:
    """Train one shard of a pool, all its nets at once: nets of TOTAL, from number FIRST on.

    A net depends on its number, the seed and how it is trained, not on the shard that it is in.

    \b
    Forty nets to distil for and ten to judge by:
      python -m dd pool train --data mnist.npz --out pool/train.safetensors --total 40
      python -m dd pool train --data mnist.npz --out pool/held-out.safetensors --part held-out --total 10
    """
    from dd.data.prepared import load
    from dd.pools.store import made_with, save_shard
    from dd.pools.train import PoolShard
    from dd.runtime.checkpoints import checkpointed
    from dd.runtime.identity import is_finished
    from dd.runtime.loop import run_to_end
    from dd.runtime.progress import progress

    del workers  # the workflow trains shards as parallel jobs instead
    numbers = range(first, min(first + nets, total))
    if not numbers:
        raise click.UsageError(f"--first: {first} is beyond the {total} nets of --total")
    shard = PoolShard(config, load(data_path), part=part, numbers=numbers, device=device)
    tell_remark(shard.net.module, config.net)
    settings = shard.description() | {"part": part, "first": first, "nets": len(numbers)}
    if not force and is_finished(out, made_with, settings | {"total": total}):
        return
    with checkpointed(
        out,
        work=work,
        settings=settings,
        modules=modules(config.net),
        every_seconds=checkpoint_seconds,
        force=force,
        alone=True,
    ) as checkpoints:
        run_to_end(shard.trainer, checkpoints, progress)
        accuracy = shard.accuracy()
        weights = shard.trainer.theta.cpu()
        save_shard(out, weights, accuracy, part=part, first=first, total=total, pool=shard.description())
    click.echo(f"{out}: {len(numbers)} nets, {accuracy.mean():.2f} % (least {accuracy.min():.2f}) on test images")


@pool.command(cls=Command)
@click.argument("folder", type=FOLDER)
def check(folder: Path) -> None:
    """Print what is in the pool FOLDER, and check all of it against its checksums.

    \b
    Example:
      python -m dd pool check results/laptop/pools/mnist_LeNet
    """
    from dd.distill.metrics import sample_std
    from dd.pools.store import PoolFolder
    from dd.report.formatting import mean_std
    from dd.runtime.files import load_tensors

    opened = PoolFolder(folder)
    click.echo(
        f"{folder}: {opened.info['net']} trained on {opened.info['dataset']['name']}, seed {opened.info['seed']}"
    )
    for part, size in opened.sizes.items():
        for shard in opened.shards[part]:
            load_tensors(shard.path)
        accuracy = opened.accuracy(part)
        spread = mean_std(accuracy.mean().item(), sample_std(accuracy), digits=2)
        click.echo(f"{part}: {size} nets, {spread} % on test images")
