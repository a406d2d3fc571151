"""The command for other ways to adapt pre-trained networks."""

from functools import partial

import click

from dd.commands.main import main
from dd.commands.options import IN, OUT, Command, compute_options, given_options, pool_option, settings_options
from dd.pools.settings import TrainConfig


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
@settings_options(TrainConfig, "recipe")
def adapt(method, set_path, data_path, source_path, nets, out, recipe, pool, device, workers) -> None:
    r"""Adapt pre-trained nets without distilled images, for Tables 2 and 3, and test them.

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
    from dd.adaptation.adapt import adapted, few_shot, fine_tune
    from dd.data.prepared import load
    from dd.runtime.files import write_text
    from dd.runtime.progress import progress

    del workers  # methods are jobs side by side instead
    distilled, dataset = load_set(set_path), load(data_path)
    if method == "fada":
        if given := given_options(TrainConfig) - {"seed"}:
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
