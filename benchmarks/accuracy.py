"""Draw accuracy against wall time into docs/recipe.png: our laptop recipe and the authors', on two threads each.

Every distillation writes a history (history.csv); the authors' were made as docs/experiments.md says.
"""

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd

ROOT = Path(__file__).parent.parent
PANELS = {
    "mnist_random": ("random init, 100 images", 79.5),
    "mnist_fixed_100": ("fixed init, 100 images", 96.6),
    "mnist_fixed": ("fixed init, 10 images", 93.76),
}
RECIPES = {"two_threads": ("this recipe", "#1f6fb4"), "authors": ("the authors' recipe", "#c8571b")}


def main() -> None:
    picture, axes = plt.subplots(1, len(PANELS), figsize=(12, 3.8), layout="constrained")
    for axis, (experiment, (title, paper)) in zip(axes, PANELS.items(), strict=True):
        for folder, (name, color) in RECIPES.items():
            history = pd.read_csv(ROOT / f"results/published/{folder}/distill/{experiment}/history.csv")
            minutes, accuracy, std = history["seconds"] / 60, history["accuracy"], history["accuracy_std"]
            axis.plot(minutes, accuracy, color=color, label=name)
            axis.fill_between(minutes, accuracy - std, accuracy + std, color=color, alpha=0.15, linewidth=0)
        axis.axhline(paper, color="0.4", linewidth=1, linestyle="--", label=f"the paper's final {paper} %")
        axis.set(title=title, xlabel="minutes on two CPU cores", xlim=(0, None), ylim=(max(0, paper - 30), None))
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(frameon=False, loc="lower right")
    axes[0].set_ylabel("accuracy on held-out training images, %")
    picture.savefig(ROOT / "docs/recipe.png", dpi=130)


if __name__ == "__main__":
    main()
