"""Draw docs/engine.svg, the picture of docs/engine.md: what a meta-step computes, and which parts are kept.

python tools/engine_picture.py [OUT]      # an .svg or .png; docs/engine.svg by default
"""

import sys
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

matplotlib.rcParams |= {"svg.hashsalt": "engine", "mathtext.fontset": "dejavusans", "font.size": 9}

KEPT = "#1f6fb4"
FREED = "#5f5f5f"
LEARNED = "#c8571b"

# heights of the three rows
FORWARD = 3.6
DATA = 2.3
BACKWARD = 1.0

Point = tuple[float, float]
WEIGHTS = {0: r"$\theta_0$", 3: r"$\theta_t$", 6: r"$\theta_{t+1}$", 9: r"$\theta_T$"}
"""The labels of weights, by their position on the horizontal axis."""


class Drawing:
    """A figure with boxes and arrows."""

    def __init__(self) -> None:
        self.figure = Figure(figsize=(10, 4.2))
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set(xlim=(-1.3, 12.9), ylim=(0, 4.9))
        self.axes.set_axis_off()

    def box(self, x: float, y: float, text: str, *, color: str, width: float = 0.9, filled: bool = False) -> None:
        """A box around (x, y): filled if its content is kept, dashed if it is freed."""
        self._frame((x - width / 2, y - 0.27), (width, 0.54), "round,pad=0.02,rounding_size=0.1", color, filled)
        self.axes.text(x, y, text, ha="center", va="center", color="white" if filled else color)

    def arrow(self, start: Point, end: Point, *, color: str, text: str = "", shift: Point = (0, 0.2)) -> None:
        """An arrow with a text at its middle, moved by `shift`."""
        line = FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=11, shrinkA=0, shrinkB=0)
        line.set(color=color, linewidth=1.3)
        self.axes.add_patch(line)
        x = (start[0] + end[0]) / 2 + shift[0]
        y = (start[1] + end[1]) / 2 + shift[1]
        self.axes.text(x, y, text, ha="center", va="center", color=color)

    def key(self, y: float, text: str, *, color: str, filled: bool) -> None:
        """A line of the legend."""
        self._frame((8.2, y - 0.07), (0.3, 0.14), "round,pad=0.02,rounding_size=0.05", color, filled)
        self.axes.text(8.7, y, text, va="center")

    def _frame(self, corner: Point, size: Point, style: str, color: str, filled: bool) -> None:
        shape = FancyBboxPatch(corner, *size, style, lw=1.4)
        shape.set(edgecolor=color, facecolor=color if filled else "white", linestyle="-" if filled else "--")
        self.axes.add_patch(shape)


def draw_forward(drawing: Drawing) -> None:
    """The upper row: weights before and after each step, and the loss on real images."""
    for x, name in WEIGHTS.items():
        drawing.box(x, FORWARD, name, color=KEPT, filled=True)
    drawing.box(12, FORWARD, "$L$", color=FREED)
    drawing.arrow((0.5, FORWARD), (2.5, FORWARD), color=FREED, text=". . .")
    step = r"$-\ \eta_t\,\nabla\ell(x_t,\theta_t)$"
    drawing.arrow((3.5, FORWARD), (5.5, FORWARD), color=FREED, text=step, shift=(0, 0.28))
    drawing.arrow((6.5, FORWARD), (8.5, FORWARD), color=FREED, text=". . .")
    drawing.arrow((9.5, FORWARD), (11.5, FORWARD), color=FREED, text="real images", shift=(0, 0.25))
    drawing.axes.text(-1.2, 4.3, "Forward: T steps of gradient descent", weight="bold", va="center")


def draw_backward(drawing: Drawing) -> None:
    """The lower row: gradients with respect to the weights, from the last to the first."""
    gradients = {0: r"$dL/d\theta_0$", 3: r"$dL/d\theta_t$", 6: r"$v=dL/d\theta_{t+1}$", 9: r"$dL/d\theta_T$"}
    for x, name in gradients.items():
        drawing.box(x, BACKWARD, name, color=FREED, width=1.7)
    real = "real images,\nin chunks"
    drawing.arrow((12, FORWARD - 0.3), (9.9, BACKWARD + 0.1), color=FREED, text=real, shift=(0.85, -0.1))
    drawing.arrow((8.1, BACKWARD), (6.9, BACKWARD), color=FREED, text=". . .")
    step = r"$-\ \eta_t\,\dfrac{\partial s}{\partial\theta_t}$"
    drawing.arrow((5.1, BACKWARD), (3.9, BACKWARD), color=FREED, text=step, shift=(0, -0.48))
    drawing.arrow((2.1, BACKWARD), (0.9, BACKWARD), color=FREED, text=". . .")
    drawing.axes.text(-1.2, 0.3, "Backward: the adjoint, one step at a time", weight="bold", va="center")


def draw_step(drawing: Drawing) -> None:
    """The middle row: what goes into step t of the backward pass, and what comes out."""
    drawing.box(4.5, DATA, r"$s=\langle\nabla\ell(x_t,\theta_t),\,v\rangle$", color=FREED, width=2.5)
    drawing.arrow((3, FORWARD - 0.3), (3.75, DATA + 0.3), color=KEPT)
    drawing.arrow((5.9, BACKWARD + 0.3), (5.25, DATA - 0.3), color=FREED)
    drawing.arrow((4.5, DATA - 0.3), (4.5, BACKWARD + 0.05), color=FREED)
    drawing.box(0.4, DATA, r"$x_t,\ \eta_t$" + "  distilled", color=LEARNED, width=2.0, filled=True)
    drawing.arrow((1.45, DATA + 0.1), (3.2, DATA + 0.1), color=LEARNED)
    gradients = "their gradients\n" + r"$-\eta_t\,\partial s/\partial x_t$ and $-s$"
    drawing.arrow((3.2, DATA - 0.1), (1.45, DATA - 0.1), color=FREED, text=gradients, shift=(0, -0.33))
    how = "one forward pass with tangents,\nthen one backward pass; all of it\nis freed before the next step"
    drawing.axes.text(5.95, DATA, how, va="center", color=FREED)


def main(out: Path) -> None:
    """Draw the picture into `out`."""
    drawing = Drawing()
    draw_forward(drawing)
    draw_step(drawing)
    draw_backward(drawing)
    drawing.key(4.62, "kept until the backward pass is done", color=KEPT, filled=True)
    drawing.key(4.24, "computed, used once, freed", color=FREED, filled=False)
    drawing.figure.savefig(out, dpi=130, metadata={"Date": None} if out.suffix == ".svg" else None)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parents[1] / "docs/engine.svg")
