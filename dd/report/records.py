"""The types of a number and a claim of the paper. Those of a table or figure are in its own file."""

from typing import NamedTuple

PAPER_NETS = 200
"""Held-out networks of the paper's numbers with a standard deviation, but for Table 3."""


class Reported(NamedTuple):
    """One number in percent: mean and standard deviation over held-out networks."""

    mean: float
    std: float | None = None
    """None if there is a single network."""


class Place(NamedTuple):
    """Where in the paper a number or claim stands, and what it is about."""

    where: str
    """A table or figure, such as `table1`."""
    task: str
    """The dataset; in Table 2 `source → target`."""


class PaperNumber(NamedTuple):
    """One number of the paper, or of its project page."""

    place: Place
    row: str
    """A method, a stage, or what is measured."""
    label: str
    """The row as readers see it."""
    reported: Reported
    remark: str = ""
    """Where it is known from, if not from the paper; or why its verdict tells little."""
    ours: bool = True
    """Whether it is of the paper's method. A higher number is then better; for rivals it is merely higher."""
    lower_is_better: bool = False
    """Whether the paper's method is to lower it, as the attack does with the accuracy on the attacked class."""
    values: int = PAPER_NETS
    """How many values the paper's mean and standard deviation are of."""
    printed_as: tuple[str, str] | None = None
    """Table and row of the same task that print the same result, which then counts once."""


class PaperClaim(NamedTuple):
    """Something that the paper says in words."""

    place: Place
    text: str


DISTILLED_EPOCHS = 3
"""Epochs of every distilled set in Tables 1 to 3 and Figures 2 and 3."""
