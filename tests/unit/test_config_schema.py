"""The models of config.yaml beside its values, its schema and the command line."""

import json
import re

import pytest
import yaml
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from dd.commands.distill import distill
from dd.config.read import typed
from dd.config.schema import LOCATION, schema_text
from dd.distill.settings import DistillConfig
from dd.pools.settings import PoolConfig
from tests.conftest import ROOT, load_yaml

PAPER = load_yaml(ROOT / "config.yaml")


def test_the_papers_values_are_the_defaults_of_the_commands():
    # the first decides no result; by default, what progress is watched on is held out
    paper = PAPER["distill"] | {"validate_every": 0, "train_on_all": False, "short_batches": False}
    assert paper == DistillConfig().model_dump() | {"seeds": 1}  # a command distils one set
    counts = {"nets", "held_out", "shard"}
    assert {key: value for key, value in PAPER["pool"].items() if key not in counts} == PoolConfig().model_dump()


def test_numbers_of_the_command_line():
    given = {"distill": {"steps": "3", "clip": "0.5", "soft_labels": "true", "net": "MLP"}, "all": ["fig2a", "1e3"]}
    found = {"distill": {"steps": 3, "clip": 0.5, "soft_labels": True, "net": "MLP"}, "all": ["fig2a", 1000.0]}
    assert typed(given) == found


SCHEMA = ROOT / LOCATION
FILES = [ROOT / "config.yaml", *sorted((ROOT / "workflow/scales").glob("*.yaml"))]


def test_the_schema_is_the_models():
    assert SCHEMA.read_text() == schema_text(), "run `make docs`"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_editors_find_the_schema_and_accept_our_files(path):
    first = path.read_text().partition("\n")[0]
    named = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)[1]
    assert (path.parent / named).resolve() == SCHEMA
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(load_yaml(path))


@pytest.mark.parametrize(
    "overlay",
    [
        "distill: {step: 3}",
        "distill: {steps: 0}",
        "distill: {momentum: 1.0}",
        "distill: {init: fixd}",
        "distill: {net: Lenet}",
        "experiments: {mine: {epoch: 3}}",
        "experiments: {1a: {dataset: mnist}}",
        "figures: {fig2a: {steps: [1, 1]}}",
        "adapt: {fada: {epochs: 3}}",
        "baselines: {experiments: {mnist_random: {draw: 3}}}",
    ],
)
def test_editors_refuse_by_the_schema(overlay):
    assert not Draft202012Validator(json.loads(SCHEMA.read_text())).is_valid(yaml.safe_load(overlay))


@pytest.mark.parametrize(
    ("options", "range_of"),
    [
        (["--steps", "0"], "x>=1"),
        (["--meta-lr", "0.0"], "x>0"),
        (["--momentum", "1.0"], "0<=x<1"),
        (["--clip-adjoint-share", "1.5"], "0<=x<=1"),
        (["--attack-class", "-2"], "x>=-1"),
    ],
)
def test_options_have_the_limits_of_settings(options, range_of):
    done = CliRunner().invoke(distill, ["--data", "no.npz", "--out", "x", "--history", "y", *options])
    assert done.exit_code == 2
    assert f"Invalid value for '{options[0]}': {options[1]} is not in the range {range_of}." in done.output
