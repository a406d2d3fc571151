"""Which kind of CSV a file is, and how its numbers are written out."""

import pandas as pd
import pytest

from dd.report.comparison import read_measurement
from dd.report.formatting import accuracy_interval, accuracy_text, mean_std, with_interval
from dd.report.measurements import kind_of, read_evaluation, read_measured, with_kind
from dd.runtime.errors import UserError
from tests.conftest import ROOT

PUBLISHED = ROOT / "results/published/laptop"
KINDS = {
    "evaluate": "evaluation",
    "baseline": "baseline",
    "adapt": "adaptation",
    "tables": "table",
    "figures": "curves",
    "linear": "linear case",
    "other_inits": "evaluation",
    "distill": "history",
    "runs.csv": "runs",
    "judge": "judgement",
}
OTHERS = {"fig1": "overview", "fig6": "poisoning", "judge": "judgement"}
"""Those that are no curves and no tables."""


@pytest.mark.parametrize("path", sorted(PUBLISHED.rglob("*.csv")), ids=lambda path: str(path.relative_to(PUBLISHED)))
def test_files_of_earlier_versions_are_recognised(path):
    """The oldest have no column `kind`."""
    kind = OTHERS.get(path.stem) or KINDS.get(path.relative_to(PUBLISHED).parts[0])
    table = pd.read_csv(path)
    if path.name == "compare.csv":  # whose `kind` says what a row is
        assert kind_of(table) == "number"
    else:
        assert kind_of(table) == kind
        if kind != "judgement":  # which always had the column
            assert kind_of(table.drop(columns="kind", errors="ignore")) == kind


def test_a_file_is_what_it_says(tmp_path):
    path = tmp_path / "accuracy.csv"
    table = pd.read_csv(PUBLISHED / "evaluate/mnist_random.csv").drop(columns="kind")
    with_kind("evaluation", table).to_csv(path, index=False)
    assert len(read_evaluation(path, "before", "after")) == len(table)
    assert read_measurement(path).kind == "evaluation"
    with_kind("adaptation", table).to_csv(path, index=False)
    assert len(read_measured(path)) == len(table)
    with pytest.raises(UserError, match="not a table of `python -m dd evaluate`"):
        read_evaluation(path, "before", "after")
    with pytest.raises(UserError, match="neither a table, curves, bars nor"):
        read_measurement(path)


@pytest.mark.parametrize("kind", ["evaluation", "baseline", "curves"])
def test_a_damaged_file_is_refused_whatever_it_says(tmp_path, kind):
    path = tmp_path / "damaged.csv"
    pd.DataFrame({"kind": [kind], "stage": ["after"], "accuracy": [50.0]}).to_csv(path, index=False)
    with pytest.raises(UserError, match="not a table of"):
        read_measured(path)
    with pytest.raises(UserError, match="neither a table, curves, bars nor"):
        read_measurement(path)


def test_a_mean_is_written_in_one_way():
    assert mean_std(87.06, 3.94) == "87.1 ± 3.9"
    assert mean_std(87.06, 3.94, digits=2) == "87.06 ± 3.94"
    assert mean_std(87.06) == mean_std(87.06, float("nan")) == "87.1"
    assert mean_std(float("nan"), 1.0) == "—"


def test_few_test_images_widen_what_is_known():
    """Wilson's interval solves (p - share)^2 = z^2 p (1 - p) / n for both of its ends p."""
    for accuracy, images in ((50.0, 32), (87.5, 16), (0.0, 10), (99.0, 10_000)):
        low, high = accuracy_interval(accuracy, images)
        share, z = round(accuracy / 100 * images) / images, 1.959964
        for end in (low / 100, high / 100):
            assert (end - share) ** 2 == pytest.approx(z**2 * end * (1 - end) / images, abs=1e-7)
    assert accuracy_text(50.0, 7.2, 32) == "50.0 ± 7.2 [33.6, 66.4]"
    assert accuracy_text(50.0, 7.2, 10_000) == "50.0 ± 7.2"
    assert accuracy_text(94.0, None, 10_000, digits=2) == "94.00 [93.52, 94.45]"
    table = with_interval(pd.DataFrame({"accuracy": [50.0, 94.0], "images": [32, 10_000]}), "images")
    assert table["interval_low"].tolist() == pytest.approx([33.63, 93.52], abs=0.01)
    assert table["interval_high"].tolist() == pytest.approx([66.37, 94.45], abs=0.01)
