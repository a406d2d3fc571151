"""Draws engine.svg, the picture of engine.md: what a meta-step computes, and what of it is kept.

python docs/engine.py [OUT]      # an .svg or .png; engine.svg beside this file by default
"""

import sys
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

matplotlib.rcParams |= {"svg.hashsalt": "engine", "mathtext.fontset": "dejavusans", "font.size": 9}

KEPT, GONE, LEARNED = "#1f6fb4", "#5f5f5f", "#c8571b"
FORWARD, DATA, BACK = 3.6, 2.3, 1.0
"""Heights of the three rows."""
WEIGHTS = {0: r"$\theta_0$", 3: r"$\theta_t$", 6: r"$\theta_{t+1}$", 9: r"$\theta_T$"}
"""By their place along the chain."""


def main(out: Path) -> None:
    """Draw it."""
    figure = Figure(figsize=(10, 4.2))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-1.3, 12.9), ylim=(0, 4.9))
    axes.set_axis_off()

    def box(x: float, y: float, text: str, color: str, width: float = 0.9, filled: bool = False) -> None:
        shape = FancyBboxPatch((x - width / 2, y - 0.27), width, 0.54, "round,pad=0.02,rounding_size=0.1", lw=1.4)
        shape.set(edgecolor=color, facecolor=color if filled else "white", linestyle="-" if filled else "--")
        axes.add_patch(shape)
        axes.text(x, y, text, ha="center", va="center", color="white" if filled else color)

    def arrow(start: tuple, end: tuple, color: str, text: str = "", shift: tuple = (0, 0.2)) -> None:
        line = FancyArrowPatch(
            start, end, arrowstyle="-|>", mutation_scale=11, color=color, lw=1.3, shrinkA=0, shrinkB=0
        )
        axes.add_patch(line)
        middle = (start[0] + end[0]) / 2 + shift[0], (start[1] + end[1]) / 2 + shift[1]
        axes.text(*middle, text, ha="center", va="center", color=color)

    for x, name in WEIGHTS.items():
        box(x, FORWARD, name, KEPT, filled=True)
    box(12, FORWARD, "$L$", GONE)
    # forward: steps before t, step t, steps after it, the real images
    for start, text in ((0, ". . ."), (6, ". . .")):
        arrow((start + 0.5, FORWARD), (start + 2.5, FORWARD), GONE, text)
    arrow((3.5, FORWARD), (5.5, FORWARD), GONE, r"$-\ \eta_t\,\nabla\ell(x_t,\theta_t)$", (0, 0.28))
    arrow((9.5, FORWARD), (11.5, FORWARD), GONE, "real images", (0, 0.25))
    # the way back
    backward = {0: r"$dL/d\theta_0$", 3: r"$dL/d\theta_t$", 6: r"$v=dL/d\theta_{t+1}$", 9: r"$dL/d\theta_T$"}
    for x, name in backward.items():
        box(x, BACK, name, GONE, width=1.7)
    arrow((12, FORWARD - 0.3), (9.9, BACK + 0.1), GONE, "real images,\nin chunks", (0.85, -0.1))
    arrow((8.1, BACK), (6.9, BACK), GONE, ". . .")
    arrow((5.1, BACK), (3.9, BACK), GONE, r"$-\ \eta_t\,\dfrac{\partial s}{\partial\theta_t}$", (0, -0.48))
    arrow((2.1, BACK), (0.9, BACK), GONE, ". . .")
    # step t: what goes in, what comes out
    box(4.5, DATA, r"$s=\langle\nabla\ell(x_t,\theta_t),\,v\rangle$", GONE, width=2.5)
    arrow((3, FORWARD - 0.3), (3.75, DATA + 0.3), KEPT)
    arrow((5.9, BACK + 0.3), (5.25, DATA - 0.3), GONE)
    arrow((4.5, DATA - 0.3), (4.5, BACK + 0.05), GONE)
    box(0.4, DATA, r"$x_t,\ \eta_t$" + "  distilled", LEARNED, width=2.0, filled=True)
    arrow((1.45, DATA + 0.1), (3.2, DATA + 0.1), LEARNED)
    arrow(
        (3.2, DATA - 0.1),
        (1.45, DATA - 0.1),
        GONE,
        "their gradients\n" + r"$-\eta_t\,\partial s/\partial x_t$ and $-s$",
        (0, -0.33),
    )
    axes.text(
        5.95,
        DATA,
        "one forward pass with tangents,\nthen one backward pass; nothing\nof it is there at the next step",
        va="center",
        color=GONE,
    )
    axes.text(-1.2, 4.3, "Forward: T steps of gradient descent", weight="bold", va="center")
    axes.text(-1.2, 0.3, "Back: the adjoint, one step at a time", weight="bold", va="center")
    for y, color, filled, text in (
        (4.62, KEPT, True, "kept until the way back has passed"),
        (4.24, GONE, False, "computed, used once, gone"),
    ):
        shape = FancyBboxPatch((8.2, y - 0.07), 0.3, 0.14, "round,pad=0.02,rounding_size=0.05", lw=1.2)
        shape.set(edgecolor=color, facecolor=color if filled else "white", linestyle="-" if filled else "--")
        axes.add_patch(shape)
        axes.text(8.7, y, text, va="center")
    figure.savefig(out, dpi=130, metadata={"Date": None} if out.suffix == ".svg" else None)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).with_suffix(".svg"))
