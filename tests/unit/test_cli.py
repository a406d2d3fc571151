import os
import re
import subprocess
import sys

import pandas as pd
import pytest

from dd.report.measurements import EVALUATION_COLUMNS, read_table
from dd.runtime.errors import UserError
from tests.conftest import ROOT, TINY_DISTILL, checkout
from tests.warm import run_module


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["data", "prepare"],
        ["distill"],
        ["evaluate"],
        ["figure"],
        ["baseline"],
        ["table"],
        ["data", "vary"],
        ["data", "weights"],
        ["pool", "train"],
        ["pool", "check"],
        ["adapt"],
        ["bars"],
        ["linear-case"],
        ["export"],
        ["transfer"],
        ["publish"],
    ],
    ids=" ".join,
)
def test_help_teaches(dd, arguments):
    done = dd(*arguments, "--help")
    assert done.returncode == 0
    assert "Usage: python -m dd" in done.stdout


def test_from_data_to_picture(dd, digits, tmp_path):
    out = {name: tmp_path / name for name in ("set.safetensors", "history.csv", "accuracy.csv", "a.png", "a.pdf")}
    done = dd(
        *("distill", "--data", digits, "--out", out["set.safetensors"], "--history", out["history.csv"]),
        *("--meta-steps", 10, *TINY_DISTILL),
    )
    assert done.returncode == 0, done.stderr
    assert "10/10 steps" in done.stderr
    done = dd("evaluate", "--set", out["set.safetensors"], "--data", digits, "--out", out["accuracy.csv"])
    assert "after: " in done.stdout
    done = dd(
        *("figure", "--set", out["set.safetensors"], "--metrics", out["accuracy.csv"], "--steps", "2"),
        *("--out", out["a.png"], "--out", out["a.pdf"]),
    )
    assert done.returncode == 0, done.stderr
    assert out["a.png"].read_bytes().startswith(b"\x89PNG")
    assert out["a.pdf"].read_bytes().startswith(b"%PDF")
    assert out["history.csv"].read_text().splitlines()[-1].startswith("history,10,")
    assert {p.name for p in tmp_path.iterdir()} == set(out)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["data", "prepare", "nothing", "--out", "x.npz"], "dataset 'nothing' is not known"),
        (["evaluate", "--set", "no.safetensors", "--data", "no.npz", "--out", "x.csv"], "no.safetensors: no such file"),
        (["figure", "--set", "no.safetensors", "--metrics", "no.csv", "--out", "x.png"], "no such file"),
        (
            ["figure", "--set", "no.safetensors", "--metrics", "no.csv", "--out", "x.foo"],
            "must end in .png, .pdf or .svg",
        ),
        (["distill", "--data", "no.npz", "--out", "x", "--history", "y"], "no.npz: no such file; prepare it again"),
        (
            ["distill", "--data", "no.npz", "--out", "x", "--history", "y", "--attack-class", "3"],
            "target_class: is missing; poisoning needs",
        ),
    ],
)
def test_mistakes_are_one_line(dd, arguments, message):
    done = dd(*arguments)
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def test_other_tables_are_refused(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_table(tmp_path / "no.csv", EVALUATION_COLUMNS, "evaluate")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="not a table of"):
        read_table(tmp_path / "other.csv", EVALUATION_COLUMNS, "evaluate")


def test_from_a_set_to_table_1(dd, digits, tmp_path):
    files = {name: tmp_path / name for name in ("set.safetensors", "history.csv", "ours.csv", "average.csv", "knn.csv")}
    made = ("--out", files["set.safetensors"], "--history", files["history.csv"], "--meta-steps", 2)
    assert dd("distill", "--data", digits, *made, *TINY_DISTILL).returncode == 0
    source = ("--set", files["set.safetensors"], "--data", digits)
    few = ("--draws", 2, "--nets", 1, "--test-nets", 1)
    for command in (
        ("evaluate", *source, "--out", files["ours.csv"]),
        ("baseline", "average", *source, *few, "--out", files["average.csv"]),
        ("baseline", "knn_random", *source, *few, "--out", files["knn.csv"]),
    ):
        done = dd(*command)
        assert done.returncode == 0, done.stderr
    assert re.search(r"knn_random: [\d.]+ ± [\d.]+ \[[\d., ]+\] % over 2 set\(s\).*, l[12], K = [13]", done.stdout)
    metrics = [word for name in ("ours.csv", "average.csv", "knn.csv") for word in ("--metrics", files[name])]
    outputs = [tmp_path / f"table.{suffix}" for suffix in ("csv", "md", "tex", "html")]
    out = [word for path in outputs for word in ("--out", path)]
    done = dd("table", "table1", *metrics, "--data", digits, "--scale", "test", *out)
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(outputs[0])
    assert list(table["label"]) == ["Ours, fixed init", "Average real", "Random real, K-NN"]
    for path in outputs[1:]:
        assert "Average real" in path.read_text()
    done = dd("table", "table1", *metrics, "--scale", "test", "--out", tmp_path / "table.doc")
    assert done.returncode == 1
    assert "table.doc must end in .csv, .md, .tex or .html" in done.stderr


ADAPTATION = """
from dd.adaptation.adaptation import Adaptation

ADAPTATION = Adaptation(
    name="nothing",
    order=9,
    label="Nothing",
    description="leave them as they are",
    adapt=lambda task, theta, config: theta,
    needs_source=True,
    settings=("seed",),
    module=__name__,
)
"""
PROTOCOL = """
PROTOCOLS["untrained"] = EvaluationProtocol("untrained", "no training", lambda distilled, loss, theta: theta)
"""


def test_a_new_way_of_adapting_is_one_new_file_and_a_protocol_one_entry(tmp_path):
    copy = checkout(tmp_path)
    (copy / "dd/adaptation/nothing.py").write_text(ADAPTATION)
    with (copy / "dd/evaluation/protocols.py").open("a") as file:
        file.write(PROTOCOL)

    def run(*words):
        return run_module("dd", *words, folder=copy)

    told = " ".join(run("adapt", "--help").stdout.split())
    assert "nothing leave them as they are Examples" in told
    assert "With fada, nothing: prepared dataset" in told
    done = run("adapt", "nothing", "--set", "a", "--data", "b", "--out", "c", "--lr", "0.1")
    assert done.stderr == "error: --lr: nothing does not take this option; leave it out\n"
    done = run("adapt", "nothing", "--set", "a", "--data", "b", "--out", "c")
    assert done.stderr == "error: --source: nothing needs the data that the nets were trained on\n"
    told = " ".join(run("evaluate", "--help").stdout.split())
    assert "untrained no training Example" in told
    assert "--protocol [native|dc|dsa|soft|untrained]" in told


def test_declarations_are_read_without_what_takes_seconds_to_load():
    program = (
        "import sys; from dd.adaptation import ADAPTATIONS; from dd.baselines import BASELINES\n"
        "from dd.baselines.settings import BaselineSettings; from dd.evaluation.protocols import PROTOCOLS\n"
        "assert ADAPTATIONS and BASELINES and PROTOCOLS\n"
        "print({'torch', 'sklearn', 'pandas', 'numpy', 'scipy', 'matplotlib'} & sys.modules.keys() or 'none')"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "none\n"


def test_a_command_imports_only_what_it_needs():
    program = (
        "import sys; from dd.commands.main import main; main(['evaluate', '--help'], standalone_mode=False)\n"
        "print([name for name in sys.modules if name == 'torch' or name.startswith('dd.commands.')])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    needed = [f"dd.commands.{name}" for name in ("main", "listing", "options", "evaluate")]
    assert done.stdout.endswith(f"{needed}\n"), done.stdout


def test_linear_case_and_its_picture(dd, tmp_path):
    csv, png = tmp_path / "linear.csv", tmp_path / "linear.png"
    few = ("--dimension", 3, "--sizes", "1,3", "--problems", 1, "--meta-steps", 20)
    done = dd("linear-case", *few, "--out", csv)
    assert done.returncode == 0, done.stderr
    assert "closed form: M >= D leaves" in done.stdout
    assert dd("linear-figure", "--metrics", csv, "--out", png).returncode == 0
    assert png.read_bytes().startswith(b"\x89PNG")
    assert "--sizes: 'a' is not a list of numbers" in dd("linear-case", "--sizes", "a", "--out", csv).stderr


def test_files_that_are_no_measurements_are_said_in_one_line(dd, tmp_path):
    other, table = tmp_path / "other.csv", tmp_path / "table.md"
    other.write_text("stage,accuracy\nafter,1\n")
    arguments = ("table", "table1", "--metrics", other, "--scale", "test", "--out", table)
    assert "other.csv: not a table of `python -m dd evaluate`" in dd(*arguments).stderr
    assert "other.json: not the metadata of a prepared dataset" in dd(*arguments, "--data", other).stderr
    assert not table.exists()


def test_threads_bind_scikit_learn_too():
    """K-NN and k-means run on OpenMP threads of their own."""
    program = (
        "import click; from dd.commands.options import compute_options\n"
        "@click.command()\n@compute_options\n"
        "def count(device, workers):\n"
        "    import sklearn.cluster; from threadpoolctl import threadpool_info\n"
        "    print({pool['num_threads'] for pool in threadpool_info() if 'scikit_learn' in pool['filepath']})\n"
        "count(['--threads', '3'])"
    )
    # from nothing, as the threads of what is imported already are set in another way
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "{3}"


def test_text_is_utf_8_whatever_the_locale(dd, tmp_path):
    """Where it is ASCII, "±" and "→" are still written and read, in sources too."""
    options = {"env": os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}}
    tables = ROOT / "results/published/laptop/tables"
    measured = [word for name in ("table1", "table2") for word in ("--measured", name, tables / f"{name}.csv")]
    written = {suffix: tmp_path / f"compare{suffix}" for suffix in (".csv", ".md", ".html")}
    outs = [word for path in written.values() for word in ("--out", path)]
    done = dd("compare", *measured, "--scale", "x", *outs, **options)
    assert done.returncode == 0, done.stderr
    assert all("mnist → usps" in path.read_text("utf-8").lower() for path in written.values())
    assert re.search(r"\d ± \d", written[".md"].read_text("utf-8"))

    program = "from dd.runtime.code_digest import digest; print(digest('dd.report.tables.table_rows'))"
    digests = [
        subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=env, capture_output=True, check=True).stdout
        for env in (os.environ, options["env"])
    ]
    assert digests[0] == digests[1]
