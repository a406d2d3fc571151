"""HTML pages for Snakemake's report. Each is one file that needs no network."""

from __future__ import annotations

import io
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:1.5em;max-width:75em} h1{font-size:1.2em} h2{font-size:1.05em}"
    ".wide{overflow-x:auto} table{border-collapse:collapse} td,th{padding:.2em .8em;text-align:left;vertical-align:top}"
    "th{cursor:pointer;white-space:nowrap;border-bottom:1px solid #999} tr:nth-child(even) td{background:#f4f4f4}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere} @media(max-width:600px){body{margin:.7em;font-size:13px}"
    "thead{display:none} table,tbody{display:block} tr{display:flex;flex-wrap:wrap;column-gap:1em;padding:.4em 0;"
    "border-bottom:1px solid #ddd} td,tr:nth-child(even) td{padding:0;background:none}"
    "td:empty{display:none} td::before{content:attr(data-head) ' ';color:#666}}"
)
"""On a phone, each row of a table is a paragraph: its cells follow each other, each after the heading of its column."""
SCRIPT = """
document.querySelectorAll("tbody td").forEach((cell) => {
  cell.dataset.head = cell.closest("table").tHead?.rows[0].cells[cell.cellIndex]?.textContent ?? ""
})
document.querySelectorAll("th").forEach((head) => head.addEventListener("click", () => {
  const body = head.closest("table").tBodies[0], rows = [...body.rows], column = head.cellIndex
  const down = head.dataset.sorted === "up" ? -1 : 1
  const text = (row) => row.cells[column].textContent.replace("−", "-")
  const value = (row) => Number.isNaN(parseFloat(text(row))) ? text(row) : parseFloat(text(row))
  const compare = (a, b) => typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1
  rows.sort((a, b) => down * compare(value(a), value(b))).forEach((row) => body.append(row))
  head.dataset.sorted = down === 1 ? "up" : "down"
}))
"""
"""Gives each cell the heading of its column, which phones show. A click on a heading sorts the rows by that column, and
numbers by their value; another click reverses the order."""


def page(title: str, body: str, style: str = "") -> str:
    """A whole document around `body`, which is HTML."""
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{escape(title)}</title><style>{STYLE}{style}</style><h1>{escape(title)}</h1>{body}"
        f"<script>{SCRIPT}</script></html>\n"
    )


def wide(table: str) -> str:
    """An HTML table with a scroll bar of its own in windows that are narrower than the table."""
    return f"<div class=wide>{table}</div>"


def listed(lines: list[str]) -> str:
    """Lines of text as a list."""
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def svg_of(figure: Figure, *, name: str) -> str:
    """A figure as SVG; the same drawing under the same name is the same file."""
    import matplotlib as mpl

    drawn = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    return drawn.getvalue()


def configuration_page(scale: str, text: str) -> str:
    """The page of a configuration in YAML."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import YamlLexer

    formatter = HtmlFormatter()
    coloured = highlight(text, YamlLexer(), formatter)
    title = f"Configuration of scale {scale}: config.yaml under all overlays"
    return page(title, coloured, formatter.get_style_defs(".highlight"))
