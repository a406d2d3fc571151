"""The command that judges a distilled set on held-out networks."""

import click

from dd.commands.main import main
from dd.commands.options import IN, OUT, Command, compute_options, pool_option, tell_remark


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
def evaluate(set_path, data_path, nets, names, protocols, out, pool, device, workers) -> None:
    r"""Train held-out networks on a distilled set, and test each on the whole test set before and after.

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
    from dd.data.prepared import load
    from dd.evaluation.held_out import evaluate as run
    from dd.evaluation.held_out import for_net
    from dd.runtime.files import write_text
    from dd.runtime.process_group import process_group
    from dd.runtime.progress import progress

    distilled, dataset = load_set(set_path), load(data_path)
    sets = [for_net(distilled, name) for name in names] or [distilled]
    runs = [(each, each.initial(pool), protocol) for each in sets for protocol in protocols or ("",)]
    for name, each in zip(names, sets, strict=False):  # of its own net nothing new is to be said
        tell_remark(each.make(), name)
    counts = [initial.nets("held-out", nets) for _, initial, _ in runs]
    with process_group(workers, max(counts), device) as group:
        share = sum(len(group.share(range(count))) for count in counts)
        with progress(share, unit="net") as bar:
            tables = [run(s, dataset, i, nets, device, group, bar.update, protocol) for s, i, protocol in runs]
    if not group.leads:
        return
    write_text(out, pd.concat(tables).to_csv(index=False))
    for (each, _, protocol), measured in zip(runs, tables, strict=True):
        which = f"{each.info['config']['net']}, {protocol or 'native'}, " if names or protocols else ""
        for stage, accuracy in measured.groupby("stage", sort=False)["accuracy"]:
            mean, std = accuracy.mean(), accuracy.std(ddof=0)
            click.echo(f"{which}{stage}: {mean:.2f} ± {std:.2f} % over {len(accuracy)} net(s)")
