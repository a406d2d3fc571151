"""How names of datasets, figures and tables are shown to readers, and phrases that several pages use."""

import re
import textwrap


def display_name(datasets: str) -> str:
    """`mnist → usps` as the paper writes it; a user's own names as they are."""
    return re.sub(r"\b(mnist|usps|svhn|cifar10|voc2007|cub200)\b", lambda name: name[0].upper(), datasets)


def place_name(where: str) -> str:
    """`fig2a` as `Figure 2a`."""
    if numbered := re.fullmatch(r"(fig|table)(\d\w*)", where):
        return f"{'Figure' if numbered[1] == 'fig' else 'Table'} {numbered[2]}"
    return "Section 3.3" if where == "linear_case" else where


def of_set_with(departures: str) -> str:
    """Says that a number belongs to a set that departs from the paper's method."""
    return f"of a set with {departures}, not the paper's way"


def made_with(departures: str) -> str:
    """Says that distilled images were made in a way that departs from the paper's method."""
    return f"with {departures}, which is not the paper's way"


def small_print(lines: list[str], inches: float, points: int = 7) -> str:
    """Lines of text in letters of so many points, broken where they would be wider than so many inches."""
    return "\n".join(part for line in lines for part in textwrap.wrap(line, int(140 * inches / points)))
