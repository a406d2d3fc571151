"""The command that writes a distilled set in other formats."""

from pathlib import Path

import click

from dd.commands.main import main
from dd.commands.options import Command
from dd.runtime.errors import UserError
from dd.runtime.paths import INPUT, OUTPUT_OR_FOLDER


@main.command(cls=Command)
@click.option("--set", "set_path", type=INPUT, required=True, help="Distilled set, a .safetensors.")
@click.option(
    "--out",
    type=OUTPUT_OR_FOLDER,
    required=True,
    multiple=True,
    help="What to write: .png, .pt, .npz, or no ending for a folder. Can be repeated.",
)
def export(set_path: Path, out: tuple[Path, ...]) -> None:
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
    Example:
      python -m dd export --set set.safetensors --out images.png --out set.npz --out images
    """
    from dd import load as load_set
    from dd.sets.export import WRITERS, pixels

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
