"""The command that says what a distilled set is."""

from __future__ import annotations

from pathlib import Path

import click

from dd.commands.main import main
from dd.commands.options import Command, check_endings, save
from dd.runtime.paths import INPUT, OUTPUT


@main.command(cls=Command)
@click.argument("set_path", metavar="SET", type=INPUT)
@click.option("--out", type=OUTPUT, multiple=True, help="Picture: .png, .pdf or .svg; may be repeated.")
def show(set_path: Path, out: tuple[Path, ...]) -> None:
    """Say what a distilled set is: what it was distilled from and for, its images, labels, rates, and where it is from.

    SET is a .safetensors, or the name of a published set. With --out, its images are drawn too.

    \b
    Example:
      python -m dd show set.safetensors --out sheet.png
    """
    from dd import load
    from dd.api.description import description

    check_endings(out)
    distilled = load(set_path)
    picture = distilled.plot() if out else None
    told = description(distilled)
    width = max(map(len, told))
    for key, value in told.items():
        click.echo(f"{key:{width}}  {value}")
    if picture:
        save(picture, out)
