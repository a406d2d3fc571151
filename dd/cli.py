"""The commands the workflow is made of: parse, call one function, write the results. Here `distill` and `evaluate`.

Torch is imported inside the commands, so that --help answers at once and a GPU is chosen before CUDA wakes up.
"""

import signal
import sys
from contextlib import nullcontext
from dataclasses import asdict

import click

from dd.distill.config import DistillConfig
from dd.options import (
    FOLDER,
    IN,
    OUT,
    Command,
    checkpoint_option,
    compute_options,
    pool_option,
    settings_options,
    tell_remark,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def main():
    """Dataset Distillation (Wang, Zhu, Torralba, Efros 2018).

    \b
    Ten images that train a LeNet, from scratch to a picture, in four commands:
      python -m dd data prepare mnist --out mnist.npz
      python -m dd distill --data mnist.npz --init fixed --nets 1 --steps 1 --meta-steps 1000 \\
        --out set.safetensors --history history.csv
      python -m dd evaluate --set set.safetensors --data mnist.npz --out accuracy.csv
      python -m dd figure --set set.safetensors --metrics accuracy.csv --out images.png

    \b
    Your own images and network (docs/tutorial.md), and the result for other programs:
      python -m dd data prepare birds --out birds.npz --folder photos/ --size 32
      python -m dd distill --data birds.npz --net my_net:MyNet --real-batch 128 --validation-images 50 \\
        --out birds.safetensors --history birds.csv
      python -m dd export --set birds.safetensors --out birds.pt --out birds

    The whole paper: snakemake --cores all (see README.md).
    """
    # unwind on SIGTERM as on an error, so that nothing half-written stays
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))


@main.command(cls=Command)
@click.option("--data", "data_path", type=IN, required=True, help="Prepared dataset, an .npz.")
@click.option("--out", type=OUT, required=True, help="The distilled set to write, a .safetensors.")
@click.option("--history", "history_path", type=OUT, required=True, help="CSV: loss and held-out accuracy on the way.")
@click.option("--work", type=FOLDER, help="Folder for checkpoints; the same command resumes.  [default: OUT.work]")
@checkpoint_option(60)
@click.option(
    "--tensorboard",
    is_flag=True,
    envvar="DD_TENSORBOARD",
    show_envvar=True,
    help="Event files, in a folder NAME.tensorboard beside the history NAME.csv.",
)
@click.option("--pretrained", type=IN, help="Weights of one net, for init fixed_pretrained; see `dd data weights`.")
@compute_options
@pool_option
@settings_options(DistillConfig, "config")
def distill(
    data_path, out, history_path, work, checkpoint_seconds, tensorboard, pretrained, config, pool, device, workers
):
    """Distil a dataset into a few images (Algorithm 1).

    \b
    Ten images for one LeNet, and a hundred for any LeNet:
      python -m dd distill --data mnist.npz --init fixed --steps 1 --nets 1 --out ten.safetensors --history ten.csv
      python -m dd distill --data mnist.npz --out hundred.safetensors --history hundred.csv
    By the paper's settings, the defaults, the second takes hours of a CPU. With these besides it ends higher, in a
    quarter of one:
      --meta-steps 1500 --meta-lr 0.02 --schedule cosine --real-batch 256 --image-std 0.3 --clip-adjoint 1
    \b
    For nets that were trained on other digits before (Section 3.5; `python -m dd pool train` makes the pool):
      python -m dd distill --data usps_28.npz --init random_pretrained --pool pools/mnist --out ... --history ...
    """
    import pandas as pd
    import torch

    from dd.data.dataset import load
    from dd.distill.experiment import Experiment
    from dd.distill.run import StoppedError, run
    from dd.nets.pretrained import PretrainedFile
    from dd.report.training import Events
    from dd.runtime.artifacts import write_text
    from dd.runtime.checkpoint import Checkpoints
    from dd.runtime.code import digest
    from dd.runtime.parallel import leads, team
    from dd.runtime.progress import progress

    dataset = load(data_path)
    experiment = Experiment(config, dataset, device, pool, pretrained and PretrainedFile.load(pretrained))
    tell_remark(experiment.module, config.net)
    identity = {
        **asdict(config),
        "dataset": dataset.info["sha256"],
        "pretrained": experiment.pretrained and experiment.pretrained.info,
        "pool": pool and pool.digest,
        "torch": torch.__version__,
        "code": digest("dd.distill.experiment", "dd.distill.run", config.net.partition(":")[0]),
    }
    checkpoints = Checkpoints(work or out.with_name(out.name + ".work"), identity, checkpoint_seconds)

    def record(history: list[dict]) -> None:
        write_text(history_path, pd.DataFrame(history).to_csv(index=False))
        if events:
            events.write(history)

    with checkpoints.locked() if leads() else nullcontext(), team(workers, config.nets, device) as crew:
        experiment.trainer.team = crew
        events = Events(history_path.with_suffix(".tensorboard")) if tensorboard and crew.leads else None
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
@click.option("--nets", type=click.IntRange(1), default=200, show_default=True, help="Held-out nets, if so many are.")
@click.option(
    "--net",
    "names",
    multiple=True,
    help="Networks, newly initialised or those a set is made for; may be repeated.  [default: its own]",
)
@click.option(
    "--protocol",
    "protocols",
    type=click.Choice(["native", "dc-bench"]),
    multiple=True,
    help="The set's order and rates, or the field's training by SGD; may be repeated.  [default: native]",
)
@click.option("--out", type=OUT, required=True, help="CSV, a row a net and stage.")
@compute_options
@pool_option
def evaluate(set_path, data_path, nets, names, protocols, out, pool, device, workers):
    """Train held-out networks on a distilled set, and test each on the whole test set before and after.

    \b
    Protocols:
      native     the set's images in their order, at their learned rates, as often as in distillation
      dc-bench   300 epochs of SGD in random minibatches of 256, rate 0.01 and a tenth of it in the second half,
                 momentum 0.9, weight decay 0.0005, no augmentation (Cui et al. 2022)
    \b
    Example:
      python -m dd evaluate --set set.safetensors --data mnist.npz --out accuracy.csv
    \b
    How a set for LeNets does on other networks, and on your own (package.module:Class):
      python -m dd evaluate --set set.safetensors --data mnist.npz --nets 5 --net LeNet --net MLP --net my_net:MyNet
        --protocol native --protocol dc-bench --out transfer.csv
    """
    import pandas as pd

    from dd import load as load_set
    from dd.data.dataset import load
    from dd.evaluate import evaluate as run
    from dd.evaluate import for_net
    from dd.runtime.artifacts import write_text
    from dd.runtime.parallel import team
    from dd.runtime.progress import progress

    distilled, dataset = load_set(set_path), load(data_path)
    sets = [for_net(distilled, name) for name in names] or [distilled]
    runs = [(each, each.initial(pool), protocol) for each in sets for protocol in protocols or ("",)]
    for name, each in zip(names, sets, strict=False):  # of its own net nothing new is to be said
        tell_remark(each.make(), name)
    counts = [initial.nets("held-out", nets) for _, initial, _ in runs]
    with team(workers, max(counts), device) as crew:
        share = sum(len(crew.share(range(count))) for count in counts)
        with progress(share, unit="net") as bar:
            tables = [run(s, dataset, i, nets, device, crew, bar.update, protocol) for s, i, protocol in runs]
    if not crew.leads:
        return
    write_text(out, pd.concat(tables).to_csv(index=False))
    for (each, _, protocol), measured in zip(runs, tables, strict=True):
        which = f"{each.info['config']['net']}, {protocol or 'native'}, " if names or protocols else ""
        for stage, accuracy in measured.groupby("stage", sort=False)["accuracy"]:
            mean, std = accuracy.mean(), accuracy.std(ddof=0)
            click.echo(f"{which}{stage}: {mean:.2f} ± {std:.2f} % over {len(accuracy)} net(s)")
