"""What the paper says of Figures 2 and 3: accuracy, learned rates, and how noisy images look; and the verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from dd.report.comparison_source import ComparisonSource
from dd.report.measurements import kind_of
from dd.report.records import DISTILLED_EPOCHS, PaperClaim, PaperNumber, Place, Reported
from dd.report.seeds import over_seeds
from dd.report.verdicts import ClaimVerdict, JudgedClaim, MeasuredNumber

if TYPE_CHECKING:
    import pandas as pd


class ReportedImages(NamedTuple):
    """A figure of the paper. Its title says how accurate nets are."""

    dataset: str
    init: str
    net: str
    steps: int
    images: int
    """The number of distilled images, over all steps."""
    stages: dict[str, Reported]
    """`before` and `after` training on the images."""
    printed_as: tuple[str, str] | None = None
    """The table and row that print the accuracy after training too."""


PAPER_FIGURES = {
    "fig2a": ReportedImages("mnist", "fixed", "LeNet", 1, 10, {"before": Reported(12.90), "after": Reported(93.76)}),
    "fig2b": ReportedImages(
        "cifar10",
        "fixed",
        "AlexCifarNet",
        10,
        100,
        {"before": Reported(8.82), "after": Reported(54.03)},
        ("table1", "fixed"),
    ),
    "fig3a": ReportedImages(
        "mnist", "random", "LeNet", 10, 100, {"after": Reported(79.50, 8.08)}, ("table1", "random init")
    ),
    "fig3b": ReportedImages(
        "cifar10", "random", "AlexCifarNet", 10, 100, {"after": Reported(36.79, 1.18)}, ("table1", "random init")
    ),
}
STAGE_LABELS = {"before": "before training on the distilled images", "after": "after it"}
BEFORE_REMARK = "chance, by the draw of one net"
FEW_ARE_BETTER = "A few images for one known net do better than more for any net"
FEW_COME_CLOSE = "Ten images for one known net come within 10 points of full training"
CLOSE = 10.0
"""Percentage points."""
RATES_FALL = "Later epochs have smaller learning rates"
LIKE_NOISE = "Images for a fixed init are more like white noise than those for random init"
EARLY_ARE_NOISIER = "Images of the first step are more like white noise than those of the last"
NOISE = "high_frequencies_noise"
"""The column of the share of white noise."""
RANDOM_BESIDE = {"fig2a": "fig3a", "fig2b": "fig3b"}
"""The figures of random initialisations beside those of fixed ones."""
CLAIMS = {
    "fig2a": (FEW_ARE_BETTER, FEW_COME_CLOSE, RATES_FALL, LIKE_NOISE),
    "fig2b": (RATES_FALL, LIKE_NOISE),
    "fig3a": (RATES_FALL, EARLY_ARE_NOISIER),
    "fig3b": (RATES_FALL, EARLY_ARE_NOISIER),
}
"""What the paper says (Sections 3.2, 3.4 and 4.1), by figure."""


def _paper_numbers() -> Iterator[PaperNumber]:
    for name, figure in PAPER_FIGURES.items():
        for stage, number in figure.stages.items():
            place, label = Place(name, figure.dataset), STAGE_LABELS[stage]
            if stage == "before":
                yield PaperNumber(place, stage, label, number, remark=BEFORE_REMARK, ours=False)
            else:
                yield PaperNumber(place, stage, label, number, printed_as=figure.printed_as)


def _measured_numbers(name: str, rows: pd.DataFrame) -> Iterator[MeasuredNumber]:
    if name not in PAPER_FIGURES:
        return
    paper, first = PAPER_FIGURES[name], rows.iloc[0]
    setting = (first["init"], first["net"], first["steps"], first["distilled_images"], first["epochs"])
    same = setting == (paper.init, paper.net, paper.steps, paper.images, DISTILLED_EPOCHS)
    for stage, of_stage in rows.groupby("stage"):
        mean, std, nets, error, sets, sets_std = over_seeds(of_stage)
        yield MeasuredNumber(Place(name, first["dataset"]), str(stage), mean, std, error, nets, sets, same, sets_std)


def _judged(tables: Mapping[str, pd.DataFrame]) -> Iterator[JudgedClaim]:
    """Judge the claims of each figure that was measured with what they compare. Older CSVs lack rates and noise."""
    known = {name: rows for name, rows in tables.items() if _is_of_the_papers_kind(name, rows)}
    for name, texts in CLAIMS.items():
        if name in known:
            for text in texts:
                verdict = JUDGES[text](name, known)
                if verdict:
                    yield JudgedClaim(Place(name, known[name]["dataset"].iloc[0]), verdict)


def _is_of_the_papers_kind(name: str, rows: pd.DataFrame) -> bool:
    """Whether it is a figure of the paper, of sets for the same kind of initial weights; or Table 1."""
    if name == "table1":
        return kind_of(rows) == "table"
    return name in PAPER_FIGURES and kind_of(rows) == "evaluation" and rows["init"].iloc[0] == PAPER_FIGURES[name].init


def _few_are_better(name: str, tables: Mapping[str, pd.DataFrame]) -> ClaimVerdict | None:
    """Whether a fixed initialisation needs few images: beside more images for random ones."""
    few, many = tables[name], _for_random_init(name, tables)
    if many is None or few["distilled_images"].iloc[0] >= many["distilled_images"].iloc[0]:
        return None
    accuracy, images = zip(*((_after(rows), rows["distilled_images"].iloc[0]) for rows in (few, many)), strict=True)
    detail = f"{accuracy[0]:.1f} % ({images[0]} images), {accuracy[1]:.1f} % ({images[1]})"
    return ClaimVerdict(FEW_ARE_BETTER, accuracy[0] > accuracy[1], detail)


def _few_come_close(name: str, tables: Mapping[str, pd.DataFrame]) -> ClaimVerdict | None:
    """The same beside nets of the same kind that were trained on all images, which Table 1 measures."""
    first = tables[name].iloc[0]
    table = tables.get("table1")
    if table is None or "net" not in table or first["distilled_images"] != PAPER_FIGURES[name].images:
        return None  # older tables lack the net
    full = table[(table["method"] == "full") & (table["task"] == first["dataset"]) & (table["net"] == first["net"])]
    if full.empty:
        return None
    accuracy, wanted = _after(tables[name]), full["accuracy"].iloc[0]
    return ClaimVerdict(FEW_COME_CLOSE, accuracy > wanted - CLOSE, f"{accuracy:.1f} % of {wanted:.1f}")


def _rates_fall(name: str, tables: Mapping[str, pd.DataFrame]) -> ClaimVerdict | None:
    first = tables[name].iloc[0]
    if "lr_first_epoch" not in first or first["epochs"] == 1:
        return None
    early, late = (tables[name][f"lr_{epoch}_epoch"].mean() for epoch in ("first", "last"))  # over seeds
    return ClaimVerdict(RATES_FALL, late < early, f"mean rate {early:.3g} in the first epoch, {late:.3g} in the last")


def _like_noise(name: str, tables: Mapping[str, pd.DataFrame]) -> ClaimVerdict | None:
    random = _for_random_init(name, tables)
    if random is None or not all(NOISE in rows for rows in (tables[name], random)):
        return None
    fixed_share, random_share = (rows["high_frequencies"].mean() for rows in (tables[name], random))
    return _nearer_noise(LIKE_NOISE, fixed_share, random_share, tables[name][NOISE].iloc[0])


def _early_are_noisier(name: str, tables: Mapping[str, pd.DataFrame]) -> ClaimVerdict | None:
    first = tables[name].iloc[0]
    if NOISE not in first or first["steps"] == 1:
        return None
    early, late = (tables[name][f"high_frequencies_{step}_step"].mean() for step in ("first", "last"))
    return _nearer_noise(EARLY_ARE_NOISIER, early, late, first[NOISE])


def _nearer_noise(claim: str, one: float, other: float, noise: float) -> ClaimVerdict:
    """Whether the share of high frequencies, in percent, of `one` is nearer to that of white noise."""
    detail = f"{one:.1f} against {other:.1f} % of their power at high frequencies (white noise: {noise:.1f} %)"
    return ClaimVerdict(claim, abs(one - noise) < abs(other - noise), detail)


JUDGES: Mapping[str, Callable[[str, Mapping[str, pd.DataFrame]], ClaimVerdict | None]] = {
    FEW_ARE_BETTER: _few_are_better,
    FEW_COME_CLOSE: _few_come_close,
    RATES_FALL: _rates_fall,
    LIKE_NOISE: _like_noise,
    EARLY_ARE_NOISIER: _early_are_noisier,
}
"""By claim: a function that takes the name of the figure and all measurements; None if they lack what is compared."""


def _after(rows: pd.DataFrame) -> float:
    """Mean accuracy after training, in percent."""
    return rows.loc[rows["stage"] == "after", "accuracy"].mean()


def _for_random_init(name: str, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame | None:
    """Of a figure of a fixed init, the figure of random ones beside it, if it is of the same dataset and network."""
    random = tables.get(RANDOM_BESIDE[name])
    if random is None or any(random[key].iloc[0] != tables[name][key].iloc[0] for key in ("dataset", "net")):
        return None
    return random


COMPARISON = ComparisonSource(
    module=__name__,
    csv_kind="evaluation",
    task_column="dataset",
    tasks={name: (figure.dataset,) for name, figure in PAPER_FIGURES.items()},
    numbers=tuple(_paper_numbers()),
    claims=tuple(
        PaperClaim(Place(name, PAPER_FIGURES[name].dataset), text) for name in CLAIMS for text in CLAIMS[name]
    ),
    measure=_measured_numbers,
    judge=_judged,
    judged_beside=("table",),
)
"""Figures 2 and 3 for the comparison."""
