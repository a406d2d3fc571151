"""The command for real images in place of distilled ones."""

import click

from dd.commands.main import main
from dd.commands.options import IN, OUT, Command, compute_options, pool_option


@main.command(cls=Command)
@click.argument("kind", type=click.Choice(["random", "optimized", "k_means", "average", "knn_random", "knn_k_means"]))
@click.option("--set", "set_path", type=IN, required=True, help="Distilled set in whose place the baseline is put.")
@click.option("--data", "data_path", type=IN, required=True, help="Prepared dataset, an .npz.")
@click.option("--draws", type=click.IntRange(1), default=10, show_default=True, help="Sets of each kind.")
@click.option("--nets", type=click.IntRange(1), default=20, show_default=True, help="Nets to try a combination on.")
@click.option("--test-nets", type=click.IntRange(1), default=200, show_default=True, help="Nets to test the best on.")
@click.option(
    "--choose-on",
    type=click.Choice(["held-out", "test"]),
    default="held-out",
    show_default=True,
    help="Choose the best on the training images that distillation kept aside, or on the test set as the paper does.",
)
@click.option("--candidates", type=click.IntRange(1), default=50, show_default=True, help="Sets to optimize among.")
@click.option("--candidate-nets", type=click.IntRange(1), default=20, show_default=True, help="Nets to do that on.")
@click.option("--augment", is_flag=True, help="Crops and flips of the real images, but for k-means.")
@click.option("--out", type=OUT, required=True, help="CSV, a row a set and combination.")
@compute_options
@pool_option
def baseline(kind, set_path, data_path, out, pool, device, workers, **protocol) -> None:
    r"""Train held-out networks on real images instead of a distilled set, or classify by neighbours among them.

    \b
    Tries learning rates {learned, 0.001 to 0.3} and epochs {1, 3, 5}, or K {1, 3} and l1, l2, on:
      random       random images of each class
      optimized    the best of 50 random sets
      k_means      centroids of k-means in each class
      average      the mean image of each class, in every step
      knn_random, knn_k_means      neighbours among those
    and tests the best combination on the whole test set.

    \b
    Example:
      python -m dd baseline k_means --set set.safetensors --data mnist.npz --draws 3 --out k_means.csv
    """
    from dd import load as load_set
    from dd.baselines.grid import Judge, Protocol, measure, sets_of
    from dd.data.prepared import load
    from dd.report.measurements import combination, pooled
    from dd.runtime.files import write_text
    from dd.runtime.progress import progress

    del workers  # baselines are jobs side by side instead
    how = Protocol(**protocol)
    distilled = load_set(set_path)
    judge = Judge(distilled, load(data_path), distilled.initial(pool), how, device)
    with progress(sets_of(kind, how), unit="set") as bar:
        table = measure(kind, judge, bar.update)
    write_text(out, table.to_csv(index=False))
    test = table[table["stage"] == "test"]
    mean, std, nets = pooled(test)
    click.echo(f"{kind}: {mean:.2f} ± {std:.2f} % over {len(test)} set(s) and {nets} net(s), {combination(test)}")
