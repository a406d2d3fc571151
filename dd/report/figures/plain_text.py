"""Names of users in pictures: as they are written, in fonts that have their letters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.text import Text

SURROGATES = re.compile("[\ud800-\udfff]")
"""Bytes of file names that are no text, as Python reads them; no font can draw them."""


def write_plainly(figure: Figure) -> str:
    """Take `$`, `_` and the like in all texts of a figure as letters, and choose fonts for those that need others.

    Returns:
        The letters that no font here has; empty if all can be drawn.
    """
    from matplotlib.text import Text

    texts = set(figure.findobj(Text)) - _powers_of_ten(figure)
    for text in texts:
        text.set_parse_math(False)
        text.set_text(SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text.get_text()))
    lacking = {text: letters for text in texts if (letters := _lacking(text))}
    wanted = set().union(*lacking.values())
    fonts = _fonts_with(wanted) if wanted else {}
    for text, letters in lacking.items():
        others = [name for name, has in fonts.items() if has & letters]
        text.set_fontfamily([*text.get_fontfamily(), *others])
    return "".join(sorted(wanted.difference(*fonts.values())))


def _powers_of_ten(figure: Figure) -> set[Text]:
    """The numbers on logarithmic axes, which matplotlib writes as mathematics."""
    from matplotlib.text import Text

    axes = [axis for panel in figure.axes for axis in (panel.xaxis, panel.yaxis) if axis.get_scale() == "log"]
    return {text for axis in axes for text in axis.findobj(Text) if text is not axis.label}


def _lacking(text: Text) -> set[str]:
    """The letters of a text that its font does not have."""
    from matplotlib.font_manager import findfont, get_font

    letters = {letter for letter in text.get_text() if letter.isprintable() and not letter.isascii()}
    known = get_font(findfont(text.get_fontproperties())).get_charmap() if letters else {}
    return {letter for letter in letters if ord(letter) not in known}


def _fonts_with(wanted: set[str]) -> dict[str, set[str]]:
    """Fonts of this machine that together have as many of the letters as can be, and which of them each has."""
    from matplotlib.font_manager import FontProperties, findSystemFonts, fontManager
    from matplotlib.ft2font import FaceFlags, FT2Font

    chosen: dict[str, set[str]] = {}
    for path in sorted(findSystemFonts()):  # matplotlib's own list may be older than a font
        left = wanted.difference(*chosen.values())
        try:
            font = FT2Font(path)
            has = {letter for letter in left if ord(letter) in font.get_charmap()}
        except (OSError, RuntimeError, ValueError):  # damaged, or of a kind that matplotlib does not read
            continue
        if has and FaceFlags.SCALABLE in font.face_flags:  # others are pictures of letters, in one size
            fontManager.addfont(path)
            chosen[FontProperties(fname=path).get_name()] = has
    return chosen
