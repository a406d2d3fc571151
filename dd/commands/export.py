"""The command that writes a distilled set in other formats."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dd.commands.listing import listing
from dd.commands.main import main
from dd.commands.options import Command
from dd.runtime.errors import UserError
from dd.runtime.paths import INPUT, OUTPUT_OR_FOLDER
from dd.sets.formats import FORMATS

if TYPE_CHECKING:
    from dd.distill.distilled_set import DistilledSet

WRITTEN = {name: each for name, each in FORMATS.items() if each.write}
"""The formats of other programs that can be written."""


@main.command(cls=Command)
@listing(WRITTEN)
@click.option("--set", "set_path", type=INPUT, required=True, help="Distilled set, a .safetensors.")
@click.option(
    "--out",
    type=OUTPUT_OR_FOLDER,
    required=True,
    multiple=True,
    help="What to write: .png, .pt, .npz, or no ending for a folder. Can be repeated.",
)
@click.option("--format", "name", type=click.Choice(list(WRITTEN)), help="Write it as another program does; see above.")
def export(set_path: Path, out: tuple[Path, ...], name: str | None) -> None:
    """Write a distilled set in other formats, by the ending of --out.

    \b
      .pt         a dictionary of tensors, for torch.load(..., weights_only=True)
      .npz        NumPy arrays, and `info` as JSON; no pickles
      .png        one sheet: a column for each step, a row for each image, in the order of classes
      no ending   a folder: PNGs in one subfolder for each class, and set.json with order, rates, normalisation

    The first two hold the whole set: float images, labels, learning rates, normalisation, and the initial weights of a
    fixed initialisation. Pictures hold 8 bits a value on the scale of real images. Values outside that scale are
    clipped, and the command prints how many.

    \b
    With --format, --out is a file of another program:
    {list}

    Such files do not say how their images are normalised, and, but for wang, hold neither the order of the images nor
    learned rates.

    \b
    Examples:
      python -m dd export --set set.safetensors --out images.png --out set.npz --out images
      python -m dd export --set set.safetensors --format dc --out res_ours.pt
      python -m dd export --set set.safetensors --format mtt --out images_best.pt
    """
    from dd import load as load_set
    from dd.sets.export import WRITERS, pixels

    if name and (write := WRITTEN[name].write):
        _as_others_do(write, load_set(set_path), out)
        return
    wrong = [path for path in out if path.suffix not in WRITERS]
    if wrong:
        raise UserError(f"--out: {wrong[0]} must end in .png, .pt or .npz, or have no ending, for a folder")
    distilled = load_set(set_path)
    for path in out:
        WRITERS[path.suffix](distilled, path)
    if {path.suffix for path in out} & {".png", ""}:
        lost = pixels(distilled)[1]
        weights = "; the initial weights are left out" if distilled.fixed_weights is not None else ""
        click.echo(
            f"pictures: {lost['clipped_percent']} % of values clipped, "
            f"error {lost['rms_error']} standard deviations of real images{weights}"
        )


def _as_others_do(write: Callable[[DistilledSet, Path], None], distilled: DistilledSet, out: tuple[Path, ...]) -> None:
    """Write the set in another program's format, and say what must be known to read it."""
    for path in out:
        write(distilled, path)
    mean, std = (",".join(f"{value:.6g}" for value in t.tolist()) for t in (distilled.mean, distilled.std))
    known = distilled.info.get("whitening", {}).get("kind", f"{mean}/{std}")
    click.echo(f"normalised by {known}, which the file does not say; to import it again, --normalisation {known}")
