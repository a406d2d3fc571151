"""The command that tells how far running jobs are."""

import time
from pathlib import Path

import click

from dd.commands.main import main
from dd.commands.options import Command
from dd.runtime.paths import FOLDER


@main.command(cls=Command)
@click.argument("work", type=FOLDER, default="work")
@click.option("--watch", type=click.FloatRange(min=1), help="Show it anew whenever this many seconds have passed.")
def status(work: Path, watch: float | None) -> None:
    """How far the jobs of a run are: steps done, accuracy when last validated, time left, and where they run.

    It reads the checkpoints in the folder WORK, which long jobs write every minute or so. Jobs that are done have none.

    \b
    Example:
      python -m dd status                     # all runs started here
      python -m dd status work/laptop --watch 30
    """
    while True:
        lines = _lines(work)
        if watch:
            click.clear()
        click.echo("\n".join(lines))
        if not watch:
            return
        time.sleep(watch)


def _lines(work: Path) -> list[str]:
    from dd.runtime.status import statuses

    found = statuses(work)
    if not found:
        return [f"{work}: no job is unfinished here"]
    rows = [("job", "done", "accuracy", "left", "saved", "where")]
    for job in found:
        accuracy = "" if job.accuracy is None else f"{job.accuracy:.1f} %"
        saved = "" if job.age is None else f"{_duration(job.age)} ago"
        left = "" if job.seconds_left is None else _duration(job.seconds_left)
        rows.append((job.folder, job.step, accuracy, left, saved, job.where))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _duration(seconds: float) -> str:
    """Such as `45 s`, `12 min`, `3 h 05 min`."""
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
