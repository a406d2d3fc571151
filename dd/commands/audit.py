"""The command that audits a distilled set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dd.commands.main import main
from dd.commands.options import Command, ProtocolName, check_endings, pool_option, save, setting_option
from dd.config.sections import Evaluate
from dd.evaluation.protocols import NATIVE, PROTOCOLS
from dd.runtime.errors import UserError
from dd.runtime.paths import INPUT, OUTPUT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dd.data.prepared import Dataset
    from dd.distill.distilled_set import DistilledSet
    from dd.evaluation.audit import Audit
    from dd.pools.store import PoolFolder


@main.command(cls=Command)
@click.argument("set_path", metavar="SET", type=INPUT)
@click.option("--data", "data_path", type=INPUT, required=True, help="The prepared dataset it was distilled from.")
@setting_option(Evaluate, "nets")
@click.option(
    "--protocol",
    type=ProtocolName(),
    default=NATIVE,
    show_default=True,
    help="How networks are trained on the set: see dd judge. Sets without rates of their own need another, such as dc.",
)
@click.option("--out", type=OUTPUT, multiple=True, help="Picture: .png, .pdf or .svg; may be repeated.")
@pool_option
def audit(
    set_path: Path, data_path: Path, nets: int, protocol: str, out: tuple[Path, ...], pool: PoolFolder | None
) -> None:
    """Say what a distilled set gives away of its data, and how networks trained on it differ and err.

    SET is a .safetensors, or the name of a published set. For each distilled image, the nearest real training image is
    found, and drawn beside it with --out. Distances are root mean squares of normalised values; those of test images
    say how near real images lie to each other.

    The membership advantage is that of a simple attack: an image on which networks that were trained on the set have a
    small loss is taken for one that the set was distilled from (Yeom et al. 2018). 0 points is no better than chance.
    One attack of little success is no proof that nothing leaks.

    \b
    Examples:
      python -m dd audit set.safetensors --data mnist.npz --out audit.png
      python -m dd audit dc.safetensors --data mnist.npz --protocol dc --nets 5
    """
    from dd import load as load_set
    from dd.data.prepared import load
    from dd.evaluation.audit import audit as audited
    from dd.evaluation.audit import check_source
    from dd.evaluation.plain_nets import nets_for
    from dd.runtime.progress import progress

    check_endings(out)
    distilled, dataset = load_set(set_path), load(data_path)
    if out and (len(shape := distilled.image_shape) != 3 or shape[0] not in (1, 3)):
        raise UserError(f"--out: the set has inputs {list(shape)}, which are no pictures; leave it out")
    check_source(distilled, dataset)
    chosen = PROTOCOLS[protocol]
    chosen.check(distilled)
    of_net, initial = nets_for(distilled, distilled.info["config"]["net"], chosen, pool=pool)
    with progress(initial.nets("held-out", nets), unit="net") as bar:
        found = audited(of_net, dataset, initial, nets, protocol=protocol, on_nets=bar.update)
    click.echo("\n".join(_lines(found, dataset.classes)))
    if out:
        save(_picture(found, distilled, dataset), out)


def _lines(found: Audit, classes: list[str]) -> list[str]:
    """What was found, in words."""
    import pandas as pd

    near, real, gained = found.nearest.distances, found.reference, found.advantage
    spread = found.accuracy
    lines = [
        f"nearest real image: {near.min():.3f} away at least, {near.median():.3f} in the middle; of test images, "
        f"{real.min():.3f} and {real.median():.3f}",
        f"membership advantage: {gained.value:.1f} points [{gained.low:.1f}, {gained.high:.1f}]",
        f"accuracy over {len(spread)} net(s): {spread.min():.1f} to {spread.max():.1f} %, {spread.median():.1f} in the "
        f"middle",
        "",
        "accuracy by class and confusion, % of the images of a class (row), mean over nets:",
    ]
    table = pd.DataFrame(found.confusion.round().int().numpy(), index=classes, columns=classes)
    table.insert(0, "accuracy", [f"{share:.1f}" for share in found.confusion.diagonal().tolist()])
    return [*lines, table.to_string()]


def _picture(found: Audit, distilled: DistilledSet, dataset: Dataset) -> Figure:
    from dd.report.figures.audit import audit_picture

    rows, names = found.nearest.rows, dataset.classes
    pairs = zip(distilled.hard_labels.flatten().tolist(), dataset.y_train[rows].tolist(), strict=True)
    return audit_picture(
        distilled.images.flatten(0, 1).numpy(),
        distilled.normalise(dataset.x_train[rows], distilled.whitening(dataset)).numpy(),
        found.confusion.numpy(),
        classes=names,
        texts=[
            f"{names[own]}, {names[other]}, {distance:.2f}"
            for (own, other), distance in zip(pairs, found.nearest.distances.tolist(), strict=True)
        ],
    )
