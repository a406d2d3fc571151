"""A new kind of figure and a new table are one file each."""

import subprocess
import sys

import pytest

from tests.conftest import checkout

FIGURE = '''"""Accuracy as a single number."""

import click

from dd.report.figures.kind import FILE, Drawing, FigureKind


def draw(*, metrics):
    """The number."""
    import pandas as pd
    from matplotlib.figure import Figure

    figure = Figure()
    mean = pd.read_csv(metrics)["accuracy"].mean()
    figure.text(0.5, 0.5, f"{mean:.1f}")
    return Drawing(figure, pd.DataFrame({"accuracy": [mean]}), [f"mean: {mean:.1f}"])


FIGURE = FigureKind(
    name="single_number",
    order=9,
    module=__name__,
    section="numbers",
    caption="number.rst",
    command="single-number",
    help="Draw one number.",
    options=(click.Option(["--metrics"], type=FILE, required=True, help="A CSV."),),
    table_option=click.Option(["--table", "table_path"], type=FILE, help="CSV to write."),
    draw=draw,
)
'''
TABLE = '''"""A table of one number."""

from dd.report.tables.declaration import MoreAccurate, Table, Task, reported

ROWS = ("fixed", "average")
TABLE = Table(
    name="table9",
    order=9,
    title="Table 9",
    module=__name__,
    rows=ROWS,
    rivals_init="fixed",
    tasks={"mnist": Task("LeNet", 10, 100, reported(ROWS, (90.0,), (50.0, 1.0)))},
    claims=(MoreAccurate("Ours beats the average", "fixed", ("average",)),),
)
'''


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A checkout with both."""
    folder = checkout(tmp_path_factory.mktemp("additions"))
    (folder / "dd/report/figures/single_number.py").write_text(FIGURE)
    (folder / "dd/report/tables/table9.py").write_text(TABLE)
    return folder


def run(folder, *words):
    done = subprocess.run([sys.executable, *map(str, words)], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_new_figure_is_a_command(copy):
    assert "single-number" in run(copy, "-m", "dd", "--help")
    assert "Draw one number." in run(copy, "-m", "dd", "single-number", "--help")
    (copy / "a.csv").write_text("accuracy\n1\n2\n")
    written = ("--table", "b.csv", "--out", "b.png")
    assert run(copy, "-m", "dd", "single-number", "--metrics", "a.csv", *written) == "mean: 1.5\n"
    assert (copy / "b.csv").read_text() == "accuracy\n1.5\n"
    assert (copy / "b.png").read_bytes().startswith(b"\x89PNG")


def test_a_new_table_is_written_and_compared(copy):
    assert "table9" in run(copy, "-m", "dd", "table", "--help")
    program = (
        "from dd.report.comparison import CLAIMS, NUMBERS, TASKS\n"
        "print(TASKS['table9'], *(n.label for n in NUMBERS if n.place.where == 'table9'), sep=', ')\n"
        "print(*(c.text for c in CLAIMS if c.place.where == 'table9'))"
    )
    assert run(copy, "-c", program).splitlines() == [
        "('mnist',), Ours, fixed init, Average real",
        "Ours beats the average",
    ]


def test_declarations_are_read_without_heavy_packages(copy):
    """As every plan of the workflow reads them."""
    heavy = ("torch", "pandas", "numpy", "matplotlib", "sklearn", "scipy")
    program = (
        "import sys, dd.report.comparison\n"
        "from dd.report.figures import FIGURES\n"
        "from dd.report.tables import TABLES\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    assert run(copy, "-c", program) == "[]\n"
