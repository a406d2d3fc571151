"""The page of one experiment: its images, how accurate networks become, beside what, at what cost, and how to load it.

It is one HTML file that needs nothing else.
"""

from __future__ import annotations

import warnings
from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dd.distill.init_kinds import INITS
from dd.distill.settings import POISONING
from dd.report.figures.distilled_images import drawn, images_title
from dd.report.figures.evolution import CLASSES, animation, strip_picture
from dd.report.figures.experiment import bars_picture, rates_picture, some_images
from dd.report.figures.overview_numbers import ATTACKED, LABELS
from dd.report.figures.plain_text import write_plainly
from dd.report.figures.poisoning_drawing import MEASURE_TITLES
from dd.report.figures.training import training_picture
from dd.report.formatting import INTERVAL_NOTE, MISSING, accuracy_text, mean_std
from dd.report.html_page import listed, page, wide
from dd.report.measurements import HISTORY_COLUMNS, check_set, kind_of, read_measured, read_table
from dd.report.provenance import DEPARTURES, data_lines, with_provenance
from dd.report.seeds import over_seeds, read_seeds, seeds_text
from dd.report.tables.table import row_label
from dd.report.tables.table_rows import CHOSEN_ON, baseline_row, nets_row
from dd.report.wording import display_name, made_with
from dd.runtime.errors import UserError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from dd.distill.distilled_set import DistilledSet
    from dd.distill.snapshots import LoadedSnapshots

STYLE = "img{max-width:100%} .wide img{max-width:none} pre{background:#f4f4f4;padding:.8em}"
WIDEST = 12
"""Inches; a wider picture gets a scroll bar, as its letters would be too small."""
DOTS = 130
"""Of a picture, an inch."""
MEASURES = MEASURE_TITLES | {"clean": "accuracy, true labels", ATTACKED: LABELS[ATTACKED]}
SAME_SET = ("dataset", "source", "net", "init", "steps", "distilled_images")
"""Columns in which what stands beside a set agrees with it."""


class Measured(NamedTuple):
    """What was measured of an experiment."""

    evaluated: pd.DataFrame
    """CSVs of `dd evaluate`, those of all seeds in one."""
    history: pd.DataFrame
    beside: list[pd.DataFrame]
    """CSVs of `dd baseline` and `dd adapt`."""
    job: Mapping[str, float]
    """Snakemake's benchmark of the job that distilled; empty if there is none."""
    by_class: pd.DataFrame | None = None
    """See `dd.report.class_accuracy`."""


def read_measured_files(
    distilled: DistilledSet,
    *,
    history: Path,
    metrics: Sequence[Path],
    beside: Sequence[Path],
    benchmark: Path | None,
) -> Measured:
    """Read what was measured of a set.

    Raises:
        UserError: a file is not there (but for the benchmark), is not what its option takes, or is of another set.
    """
    import pandas as pd

    evaluated = read_seeds(metrics, "before", "after")
    check_set(metrics[0], evaluated, distilled.digest)
    rows = read_table(history, HISTORY_COLUMNS | {"seconds"}, "distill --history", kind="history")
    wanted = distilled.config.meta_steps
    if (last := int(rows["meta_step"].iloc[-1])) != wanted:
        raise UserError(f"{history}: ends at meta-step {last}, but the set had {wanted}; give the history of this set")
    tables = [_read_beside(path, distilled) for path in beside]
    job: Mapping[str, float] = {}
    if benchmark and benchmark.exists():
        table = read_table(benchmark, {"s", "max_rss", "cpu_time"}, "distill", separator="\t")
        job = dict(pd.to_numeric(table.iloc[-1], errors="coerce").dropna())  # none where it could not be measured
    return Measured(evaluated, rows, tables, job)


def _read_beside(path: Path, distilled: DistilledSet) -> pd.DataFrame:
    table = read_measured(path)
    if kind_of(table) == "evaluation":
        raise UserError(f"{path}: not a table of `python -m dd baseline` or `adapt`; give this one as --metrics")
    own = distilled.setting()
    for column in SAME_SET:
        if table[column].iloc[0] != own[column]:
            raise UserError(f"{path}: of {column} {table[column].iloc[0]}, but the set of {own[column]}; leave it out")
    return table


def experiment_page(
    name: str,
    set_path: Path,
    distilled: DistilledSet,
    measured: Measured,
    *,
    told: Mapping[str, str],
    pool: Path | None,
    snapshots: LoadedSnapshots | None = None,
) -> str:
    """The page as HTML.

    Args:
        name: of the experiment.
        set_path: where the set is, for the reader's own use.
        distilled: the set.
        measured: see `Measured`.
        told: what the set says of itself, by subject.
        pool: the folder of the networks that it was made for, if it was made for those of a pool.
        snapshots: its images at some meta-steps.

    Raises:
        UserError: the set has no pictures.
    """
    shown, steps = some_images(distilled)
    images = drawn(shown, steps, title=images_title(measured.evaluated))
    parts = {
        "Distilled images": _images_notes(distilled, steps) + picture(images, "the distilled images"),
        "During distillation": _evolution(snapshots, distilled) if snapshots else "",
        "Accuracy": _accuracy(measured.evaluated),
        "Beside real images": _comparison(measured),
        "Accuracy by class": _by_class(measured),
        "Learned rates": _rates(distilled),
        "Training": picture(training_picture(measured.history, name), "loss, accuracy, gradient, rates"),
        "Cost": _pairs(_cost(measured)),
        "How to load it": f"<pre>{escape(_loading(set_path, distilled, pool))}</pre>",
        "What it is": _pairs(told),
        "Settings": _pairs(distilled.info["config"]),
    }
    body = "".join(f"<h2>{heading}</h2>{part}" for heading, part in parts.items() if part)
    count, data = distilled.images.shape[:2].numel(), display_name(distilled.info["dataset"]["name"])
    return page(f"{name}: {count} distilled images of {data}", _lead(measured.evaluated) + body, STYLE)


def picture(figure: Figure, told: str) -> str:
    """A figure inside the page; `told` is what it shows, for those who cannot see it."""
    write_plainly(figure)
    written = BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")
        figure.savefig(written, format="png", dpi=DOTS)
    width = figure.get_figwidth()
    html = _embedded(written.getvalue(), "png", told, f" width={96 * width:.0f}")
    return wide(html) if width > WIDEST else html


def _embedded(content: bytes, kind: str, told: str, size: str = "") -> str:
    code = b64encode(content).decode()
    return f"<img alt='{escape(told)}'{size} src='data:image/{kind};base64,{code}'>"


def _lead(evaluated: pd.DataFrame) -> str:
    """What was reached, in a sentence, and what is to be known of it."""
    before, after = (nets_row(evaluated, "", stage, "") for stage in ("before", "after"))
    first = with_provenance(evaluated).iloc[0]
    judged = f"{after.test_images:,} test images" + (" (by the attacker's labels)" if "misled" in first else "")
    reached = (
        f"{first['net']} networks with {first['init'].replace('_', ' ')} initial weights reach "
        f"{accuracy_text(after.accuracy, after.std, after.test_images)} % on {judged} by "
        f"training on these {first['distilled_images']} images alone; before, "
        f"{mean_std(before.accuracy, before.std)} %."
    )
    known = [made_with(first[DEPARTURES])] if first[DEPARTURES] else []
    return f"<p><b>{escape(reached)}</b></p>{listed([*known, *data_lines(evaluated)])}"


def _images_notes(distilled: DistilledSet, steps: Sequence[int]) -> str:
    lines = []
    total, count = distilled.images.shape[:2]
    if len(steps) < total:
        lines.append(f"{len(steps)} of the {total} steps.")
    if count > len(distilled.info["classes"]):
        lines.append(f"Of the {count} images of a step, the first of each class.")
    return listed(lines) if lines else ""


def _evolution(snapshots: LoadedSnapshots, distilled: DistilledSet) -> str:
    """A strip of snapshots, and the same as an animation."""
    names = distilled.info["classes"]
    classes = [names[label] for label in snapshots.classes]
    lines = ["The first image of each class in the first GD step; pixels in the same range at all meta-steps."]
    if len(classes) > CLASSES:
        lines.append(f"The first {CLASSES} of {len(classes)} classes.")
    moving = _embedded(animation(snapshots, classes), "webp", "the images change from meta-step to meta-step")
    strip = picture(strip_picture(snapshots, classes), "the images at some meta-steps")
    return listed(lines) + strip + f"<p>{moving}</p>"


def _accuracy(evaluated: pd.DataFrame) -> str:
    """Held-out nets before and after training, in all that was measured."""
    import pandas as pd

    rows = []
    for measure in (measure for measure in POISONING if measure in evaluated):
        before, after = (over_seeds(evaluated[evaluated["stage"] == stage], measure) for stage in ("before", "after"))
        reached = mean_std(after.mean, after.std)
        if measure == "accuracy":  # the others are of some classes alone, whose images are not counted
            reached = accuracy_text(after.mean, after.std, evaluated["test_images"].iloc[0])
        rows.append(
            {
                "on test images": MEASURES[measure] if "misled" in evaluated else measure,
                "before training, %": mean_std(before.mean, before.std),
                "after training, %": reached,
                "nets": after.nets,
            }
        )
    notes = ["Mean ± standard deviation over held-out networks.", INTERVAL_NOTE]
    if after.sets > 1:
        notes.append(seeds_text(after.sets, after.sets_std))
    return wide(pd.DataFrame(rows).to_html(index=False, border=0)) + listed(notes)


def _comparison(measured: Measured) -> str:
    """The set beside real images and other ways; empty if nothing else was measured."""
    import pandas as pd

    if not measured.beside:
        return ""
    rows = [nets_row(measured.evaluated, "distilled images", "after", "as distilled")]
    for table in measured.beside:
        adapted = kind_of(table) == "adaptation"
        rows.append(nets_row(table, table["method"].iloc[0], "after", "") if adapted else baseline_row(table))
    table = pd.DataFrame(rows)
    labels = [row_label(row.method) for row in rows]
    shown = pd.DataFrame(
        {
            "trained on": labels,
            "test accuracy, %": list(map(accuracy_text, table["accuracy"], table["std"], table["test_images"])),
            "nets": [row.nets or MISSING for row in rows],
            "sets": table["sets"],
            "combination": table["combination"],
        }
    )
    notes = [f"The combination was chosen on {CHOSEN_ON[on]}." for on in sorted({row.chosen_on for row in rows} - {""})]
    if "misled" in measured.evaluated:
        notes.append("Accuracy is by the attacker's labels.")
    drawing = picture(bars_picture(labels, table), "the accuracies as bars")
    return f"{drawing}{wide(shown.to_html(index=False, border=0))}{listed(notes)}"


def _by_class(measured: Measured) -> str:
    rows = measured.by_class
    if rows is None:
        return ""
    import pandas as pd

    texts = list(map(accuracy_text, rows["accuracy"], rows["std"], rows["test_images"]))
    shown = pd.DataFrame({"class": rows["class"], "accuracy, %": texts, "test images": rows["test_images"]})
    labels = ", by the true labels" if "misled" in measured.evaluated else ""
    note = f"Mean ± standard deviation over the first {rows['nets'].iloc[0]} of the held-out networks{labels}."
    return wide(shown.to_html(index=False, border=0)) + listed([note])


def _rates(distilled: DistilledSet) -> str:
    lrs = distilled.lrs.cpu().numpy()
    return picture(rates_picture(lrs), f"learning rates from {lrs.min():.3g} to {lrs.max():.3g}")


def _cost(measured: Measured) -> dict[str, str]:
    job, seconds = measured.job, measured.history["seconds"].iloc[-1]
    return {
        "distillation": f"{seconds:,.0f} seconds, of all attempts, with validation",
        "processor": f"{job['cpu_time']:,.0f} seconds of the last attempt's job" if "cpu_time" in job else MISSING,
        "memory": f"{job['max_rss']:,.0f} MiB at most, of the last attempt's job" if "max_rss" in job else MISSING,
        "energy": "not measured",
    }


def _loading(set_path: Path, distilled: DistilledSet, pool: Path | None) -> str:
    """Three lines of Python."""
    from_pool = INITS[distilled.info["config"]["init"]].needs_pool
    nets = f"pool=dd.load_pool({str(pool)!r})" if from_pool else ""
    return (
        "import dd\n"
        f"distilled = dd.load({str(set_path)!r})\n"
        f"net = distilled.train(distilled.net({nets}))  # trained on the distilled images alone"
    )


def _pairs(told: Mapping[str, Any]) -> str:
    """Subjects with what is said of them, as a table."""
    import pandas as pd

    rows = pd.DataFrame(told.items())
    return wide(rows.to_html(index=False, header=False, border=0))
