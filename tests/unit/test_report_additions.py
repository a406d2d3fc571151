"""A new kind of figure, a new table of the paper and a new kind of table are one file each."""

import subprocess
import sys

import pytest
import yaml

from tests.conftest import ROOT, checkout, load_yaml, merged
from tests.warm import run_module

FIGURE = '''"""Accuracy as a single number."""

import click
from pydantic import Field

from dd.runtime.paths import INPUT, OUTPUT
from dd.report.artefact import Section
from dd.report.figures.kind import PICTURES_AND_NUMBERS, Drawing, FigureArtefact, FigureKind
from dd.runtime.settings_model import Name, Settings


class NumberSection(Settings):
    """A number."""

    experiment: str
    """whose accuracy"""


class Number(FigureArtefact[NumberSection]):
    """A figure of the section `numbers`."""

    rule = "draw_number"
    command = "single-number"
    section = Section(
        "numbers", dict[Name, NumberSection], Field(default={}, description="Single numbers, by name.")
    )
    outputs = PICTURES_AND_NUMBERS

    def named(self):
        """See `Artefact`."""
        return [self.entry.experiment]

    def inputs(self):
        """See `Artefact`."""
        return {"metrics": [self.run.files.evaluated(self.entry.experiment)]}

    def arguments(self):
        """See `Artefact`."""
        return ["--metrics", *self.inputs()["metrics"]]

    def caption(self):
        """See `Artefact`."""
        return "A number."


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
    artefact=Number,
    command=Number.command,
    help="Draw one number.",
    options=(click.Option(["--metrics"], type=INPUT, required=True, help="A CSV."),),
    table_option=click.Option(["--table", "table_path"], type=OUTPUT, help="CSV to write."),
    draw=draw,
)
'''
TABLE = '''"""A table of one number."""

from dd.report.tables.table import MoreAccurate, Table, Task, reported

ROWS = ("fixed", "average")
TABLE = Table(
    name="table9",
    order=9,
    title="Table 9: one number",
    module=__name__,
    rows=ROWS,
    rivals_init="fixed",
    tasks={"mnist": Task("LeNet", 10, 100, reported(ROWS, (90.0,), (50.0, 1.0)))},
    claims=(MoreAccurate("Ours beats the average", "fixed", ("average",)),),
)
'''
KIND = '''"""Histories, one after another."""

import click
from pydantic import Field

from dd.report.artefact import Section, options
from dd.report.tables.kind import TableArtefact, TableKind
from dd.runtime.paths import INPUT
from dd.runtime.settings_model import Name, Names


class Lines(TableArtefact[list[str]]):
    """A table of the section `lines`."""

    rule = "write_lines"
    command = "lines"
    section = Section("lines", dict[Name, Names], Field(default={}, description="Tables of histories, by name."))
    outputs = dict.fromkeys(("md", "html"), "--out")

    def named(self):
        """See `Artefact`."""
        return self.entry

    def inputs(self):
        """See `Artefact`."""
        return {"csv": [self.run.files.evaluated(name) for name in self.entry]}

    def arguments(self):
        """See `Artefact`."""
        return options("--csv", self.inputs()["csv"])

    def caption(self):
        """See `Artefact`."""
        return "Lines."


def texts(*, csv):
    """All lines."""
    text = "".join(path.read_text() for path in csv)
    return {".md": lambda: text, ".html": lambda: f"<pre>{text}</pre>"}


KIND = TableKind(
    name="lines",
    order=9,
    artefact=Lines,
    help="Write lines.",
    options=(click.Option(["--csv"], type=INPUT, required=True, multiple=True, help="A CSV."),),
    texts=texts,
)
'''
ENTRIES = """
numbers: {number1: {experiment: mnist_fixed}}
tables: {table9: [mnist_fixed]}
lines: {lines1: [mnist_fixed, mnist_random]}
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A checkout with all three, and a config that has one of each."""
    folder = checkout(tmp_path_factory.mktemp("additions"))
    (folder / "dd/report/figures/single_number.py").write_text(FIGURE)
    (folder / "dd/report/tables/table9.py").write_text(TABLE)
    (folder / "dd/report/tables/lines.py").write_text(KIND)
    (folder / "own.yaml").write_text(ENTRIES)
    (folder / "a.csv").write_text("accuracy\n1\n2\n")
    return folder


def start(folder, *words):
    if words[0] != "-c":
        return run_module(*words, folder=folder)
    command = [sys.executable, *map(str, words)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def run(folder, *words):
    done = start(folder, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_new_figure_is_a_command(copy):
    assert "single-number" in run(copy, "dd", "--help")
    assert "Draw one number." in run(copy, "dd", "single-number", "--help")
    written = ("--table", "b.csv", "--out", "b.png")
    assert run(copy, "dd", "single-number", "--metrics", "a.csv", *written) == "mean: 1.5\n"
    assert (copy / "b.csv").read_text() == "accuracy\n1.5\n"
    assert (copy / "b.png").read_bytes().startswith(b"\x89PNG")


def test_a_new_table_is_written_and_compared(copy):
    assert "table9" in run(copy, "dd", "table", "--help")
    program = (
        "from dd.report.comparison import CLAIMS, NUMBERS, TASKS\n"
        "print(TASKS['table9'], *(n.label for n in NUMBERS if n.place.where == 'table9'), sep=', ')\n"
        "print(*(c.text for c in CLAIMS if c.place.where == 'table9'))"
    )
    assert run(copy, "-c", program).splitlines() == [
        "('mnist',), Ours, fixed init, Average real",
        "Ours beats the average",
    ]


def test_a_new_kind_of_table_is_a_command(copy):
    assert "Table: .md or .html; may be repeated." in run(copy, "dd", "lines", "--help")
    run(copy, "dd", "lines", "--csv", "a.csv", "--out", "lines.html")
    assert (copy / "lines.html").read_text() == "<pre>accuracy\n1\n2\n</pre>"
    refused = start(copy, "dd", "lines", "--csv", "a.csv", "--out", "lines.tex")
    assert refused.stderr == "error: --out: lines.tex must end in .md or .html\n"


def test_they_are_planned_by_their_names(copy):
    def planned(name):
        words = ("snakemake", name, "-n", "--cores", "1", "--printshellcmds", "--configfile", "own.yaml")
        (command,) = [line for line in run(copy, *words).splitlines() if f"/{name}.log" in line and " -m dd " in line]
        return command.partition("python -m dd ")[2].replace("results/paper/", "")

    assert planned("number1") == (
        "single-number --metrics evaluate/mnist_fixed.csv --table figures/number1.csv --out figures/number1.png "
        "--out figures/number1.pdf > logs/figures/number1.log 2>&1"
    )
    assert planned("table9") == (
        "table table9 --metrics evaluate/mnist_fixed.csv --metrics baseline/mnist_fixed/average.csv --data "
        "results/data/mnist.json --scale paper --out tables/table9.csv --out tables/table9.md --out tables/table9.tex "
        "--out tables/table9.html > logs/tables/table9.log 2>&1"
    )
    assert planned("lines1") == (
        "lines --csv evaluate/mnist_fixed.csv --csv evaluate/mnist_random.csv --out tables/lines1.md "
        "--out tables/lines1.html > logs/tables/lines1.log 2>&1"
    )


@pytest.mark.parametrize(
    ("overlay", "told"),
    [
        ({"numbers": {"a": {"experiment": "mnist_fixed", "colour": 1}}}, "numbers.a: unknown key 'colour'"),
        ({"numbers": {"a": {"experiment": "mnist_fixd"}}}, "numbers.a: no experiment 'mnist_fixd'; did you mean"),
        ({"tables": {"tabel9": ["mnist_fixed"]}}, "tables: unknown key 'tabel9'; did you mean table9?"),
        ({"tables": {"table9": ["mnist_fixd"]}}, "tables.table9: no experiment 'mnist_fixd'"),
        ({"lines": {"a": []}}, "lines.a: is empty"),
        ({"number": {}}, "unknown key 'number'; did you mean numbers?"),
    ],
)
def test_mistakes_in_their_sections_are_named(copy, overlay, told):
    program = (
        "import sys, yaml; from dd.plan.plan import Plan\n"
        "try:\n"
        "    targets = Plan(yaml.safe_load(sys.argv[1])).targets\n"
        "    for target in targets.targets(taken=[]): targets.files_of(target.name)\n"
        "except Exception as error: print(error)"
    )
    config = merged(load_yaml(copy / "config.yaml"), overlay)
    assert run(copy, "-c", program, yaml.safe_dump(config)).startswith(told)


def test_their_sections_are_documented(copy):
    program = (
        "import runpy; from dd.config.schema import schema\n"
        f"print(runpy.run_path({str(ROOT / 'tools/configuration_page.py')!r})['page']())\n"
        "print(schema()['properties']['numbers']['description'])"
    )
    told = run(copy, "-c", program).splitlines()
    assert "| `numbers.<name>.experiment` | text | *required* | whose accuracy |" in told
    assert "| `tables.table9` | list of name |  | one number |" in told
    assert "Tables of histories, by name." in told
    assert told[-1] == "Single numbers, by name."


def test_declarations_are_read_without_heavy_packages(copy):
    """As every plan of the workflow reads them."""
    heavy = ("torch", "pandas", "numpy", "matplotlib", "sklearn", "scipy")
    program = (
        "import sys, dd.report.comparison\n"
        "from dd.report.kinds import KINDS\n"
        "from dd.report.tables import TABLES\n"
        "print(*(kind.rule for kind in KINDS))\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    assert run(copy, "-c", program).splitlines() == [
        "draw_overview draw_figure draw_curves draw_bars draw_linear_case draw_cost draw_number write_transfer "
        "write_judged write_table write_beyond write_grid write_lines",
        "[]",
    ]


@pytest.mark.parametrize(
    ("file", "text", "taken"),
    [
        ("figures/taken.py", FIGURE.replace('"single-number"', '"compare"'), "compare"),
        ("tables/taken.py", KIND.replace('command = "lines"', 'command = "bars"'), "bars"),
    ],
)
def test_a_kind_takes_no_name_of_another_command(tmp_path, file, text, taken):
    folder = checkout(tmp_path)
    (folder / "dd/report" / file).write_text(text)
    done = start(folder, "dd", "--help")
    assert done.returncode == 1
    module = f"dd.report.{file.removesuffix('.py').replace('/', '.')}"
    assert done.stderr == (
        f"error: {module}: the command {taken!r} exists already; choose another name in its `command`\n"
    )
