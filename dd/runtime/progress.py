"""Progress: a bar on a terminal, a line from time to time in a log."""

import sys

from tqdm import tqdm

from dd.runtime.process_group import leads

LOG_SECONDS = 15


class _Lines:
    """A file for tqdm that turns its redrawn bar into lines of a log."""

    def write(self, text: str) -> None:
        line = text.strip("\r\n ")
        if line:
            sys.stderr.write(line + "\n")

    def flush(self) -> None:
        sys.stderr.flush()


def silent(_total: int, _initial: int = 0, _unit: str = "step") -> tqdm:
    """A bar that shows nothing, to use in place of `progress`."""
    return tqdm(disable=True)


def progress(total: int, initial: int = 0, unit: str = "step", *, within_a_step: bool = False) -> tqdm:
    """A bar with rate and remaining time on standard error; only the leader shows it.

    Args:
        total: steps in all.
        initial: steps done.
        unit: what one step is called.
        within_a_step: whether the bar is for a part of one step of another bar. It is then shown only if that takes
            longer than `LOG_SECONDS`, and vanishes at its end.
    """
    terminal = sys.stderr.isatty()
    return tqdm(
        total=total,
        initial=initial,
        unit=unit,
        disable=not leads(),
        leave=not within_a_step,
        delay=LOG_SECONDS if within_a_step else 0,
        dynamic_ncols=terminal,
        file=sys.stderr if terminal else _Lines(),
        mininterval=0.2 if terminal else LOG_SECONDS,
        maxinterval=10 if terminal else 4 * LOG_SECONDS,
        bar_format=None if terminal else "{n_fmt}/{total_fmt} {unit}s [{elapsed}<{remaining}, {rate_fmt}]{postfix}",
    )
