"""What docs/extending.md promises: one of each kind is added to a copy, and everything that lists it knows it.

Tests of each kind's own file run the additions too: test_declarations.py, test_baselines.py, test_cli.py and
test_report_additions.py.
"""

import os
import shutil

import pytest
import yaml

from tests.conftest import ROOT, checkout
from tests.unit.test_baselines import MIDDLE
from tests.unit.test_cli import ADAPTATION, PROTOCOL
from tests.unit.test_declarations import CIRCLES, LINEAR
from tests.warm import run_module, run_python

SET_FORMAT = """from dd.sets.set_format import RawSet, SetFormat

FORMAT = SetFormat(
    name="in-bytes",
    order=20,
    description="images in bytes",
    recognises=lambda file, asked: False,
    read=lambda file, asked: RawSet(*file.content),
    normalisation="pixels",
    write=lambda distilled, path: None,
)
"""
FILES = {
    "dd/data/datasets/circles.py": CIRCLES,
    "dd/nets/one_layer.py": LINEAR,
    "dd/baselines/middle.py": MIDDLE,
    "dd/adaptation/nothing.py": ADAPTATION,
    "dd/sets/formats/in_bytes.py": SET_FORMAT,
}
APPENDED = {"dd/evaluation/protocols.py": PROTOCOL}
ENTRIES = {
    "dd/nets/__init__.py": (
        "NETWORKS: dict[str, NamedNetwork] = {\n",
        '    "OneLayer": NamedNetwork("dd.nets.one_layer:Linear", "a single layer"),\n',
    ),
    "dd/nets/init_schemes.py": (
        "INIT_SCHEMES: dict[str, InitScheme] = {\n",
        '    "as_built": InitScheme(description="as it was built", draw=lambda module, generator: None),\n',
    ),
    "dd/data/weights.py": (
        "WEIGHTS: dict[str, PretrainedWeights] = {\n",
        '    "one_layer": PretrainedWeights(\n        description="for the net OneLayer", file="one-00000000.pth", '
        "fetch=download, mean=(0.5,), std=(0.5,)\n    ),\n",
    ),
    "dd/report/tables/table1.py": ("    rows=(*TABLE1_ROWS, OTHER_INITS", ', "middle"'),
    "dd/distill/settings.py": (
        '    """passes over the distilled images"""\n',
        '    temperature: Positive = 1.0\n    """softmax temperature of the loss"""\n',
    ),
}
CONFIG = {
    "scale": "extended",
    "pools": {"circles_pool": {"dataset": "circles", "net": "OneLayer"}},
    "experiments": {
        "mine": {"dataset": "circles", "net": "OneLayer", "init_scheme": "as_built", "temperature": 2.5},
        "tuned": {"dataset": "circles", "net": "OneLayer", "init": "fixed_pretrained", "pretrained": "one_layer"},
    },
    "tables": {"table1": ["mine"]},
    "transfer": {"experiments": ["mine"], "nets": ["OneLayer"], "protocols": ["untrained"]},
    "adapt": {"nothing": {"nets": 3, "seed": 1}},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A copy of the project to which one of each kind was added."""
    folder = checkout(tmp_path_factory.mktemp("extended"))
    for name, text in FILES.items():
        (folder / name).write_text(text)
    for name, text in APPENDED.items():
        (folder / name).write_text((folder / name).read_text() + text)
    for name, (place, line) in ENTRIES.items():
        text = (folder / name).read_text()
        assert place in text, f"{name} has no {place!r}"
        (folder / name).write_text(text.replace(place, place + line, 1))
    (folder / "own.yaml").write_text(yaml.safe_dump(CONFIG))
    return folder


@pytest.fixture(scope="module")
def run(folder):
    """Run a Python module there."""

    def run(*words):
        environment = {name: value for name, value in os.environ.items() if name != "DD_DATA_MIRROR"}
        environment["PYTHONPATH"] = str(folder)  # for scripts, which begin in their own folder
        if not words[0].endswith(".py"):
            return run_module(*words, folder=folder, env=environment)
        return run_python(*words, folder=folder, env=environment)

    return run


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("data prepare", ["circles"]),
        ("data weights", ["one_layer"]),
        ("distill", ["OneLayer", "as_built", "--temperature", "softmax temperature of the loss"]),
        ("pool train", ["OneLayer", "as_built"]),
        ("evaluate", ["untrained"]),
        ("baseline", ["middle"]),
        ("adapt", ["nothing"]),
        ("import", ["in-bytes", "images in bytes"]),
        ("export", ["in-bytes", "images in bytes"]),
    ],
)
def test_help_lists_them(run, command, names):
    shown = run("dd", *command.split(), "--help").stdout
    assert [name for name in names if name not in " ".join(shown.split())] == []


@pytest.mark.parametrize(
    ("target", "planned"),
    [
        ("mine", ["dd data prepare circles", "--net OneLayer", "--init-scheme as_built", "--temperature 2.5"]),
        ("tuned", ["dd data weights one_layer"]),
        ("circles_pool", ["dd pool train", "--net OneLayer"]),
        ("transfer", ["--net OneLayer", "--protocol untrained"]),
        ("table1", ["dd baseline middle", "dd table table1"]),
        ("results/extended/baseline/mine/middle.csv", ["dd baseline middle"]),
        ("results/extended/adapt/mine/nothing.csv", ["dd adapt nothing", "--seed 1", "--nets 3"]),
    ],
)
def test_the_workflow_plans_them(run, target, planned):
    done = run("snakemake", target, "--dry-run", "--printshellcmds", "--cores", "1", "--configfile", "own.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [words for words in planned if words not in done.stdout] == []


@pytest.mark.parametrize(
    ("overlay", "message"),
    [
        ("distill.net=OneLayr", "distill.net: 'OneLayr' is not one of OneLayer, LeNet"),
        ("distill.init_scheme=as_bilt", "did you mean as_built?"),
        ("distill.temperature=0", "distill.temperature: 0 must be above 0"),
        ("distill.temperatur=1", "unknown key 'temperatur'; did you mean temperature?"),
        ("transfer.protocols=[untraind]", "did you mean untrained?"),
        ("adapt.nothng={}", "unknown key 'nothng'; did you mean nothing?"),
    ],
)
def test_the_config_knows_them(run, overlay, message):
    key, _, value = overlay.partition("=")
    section, _, name = key.partition(".")
    done = run("snakemake", "--dry-run", "--cores", "1", "--config", f"{section}={{{name}: {value}}}")
    assert done.returncode == 1
    assert message in done.stdout + done.stderr


def test_the_page_and_the_schema_of_the_configuration_tell_of_them(run, folder):
    (folder / "docs").mkdir()
    shutil.copytree(ROOT / "tools", folder / "tools")
    done = run("tools/configuration_page.py")
    assert done.returncode == 0, done.stderr
    for name in ("docs/configuration.md", "workflow/schemas/config.schema.json"):
        text = (folder / name).read_text()
        names = ("OneLayer", "as_built", "one_layer", "softmax temperature of the loss", "nothing", "untrained")
        assert [each for each in names if each not in text] == []
