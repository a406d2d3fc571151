"""A config without the paper's experiments."""

import pytest

from dd.config.extends import SETTINGS, extended
from dd.plan.plan import Plan
from dd.runtime.errors import UserError
from tests.conftest import ROOT, load_yaml, merged

PAPER = load_yaml(ROOT / "config.yaml")
STUDY = {
    "extends": "none",
    "scale": "mine",
    "experiments": {"small": {"dataset": "digits", "net": "MLP"}},
    "grids": {"widths": {"experiment": "small", "vary": {"steps": [1, 2]}}},
    "evaluate": {"nets": 3, "experiments": {"small": {"nets": 2}}},
}


def plan(own: dict) -> Plan:
    return Plan(extended(merged(PAPER, own), own))


def test_only_the_overlays_own_experiments_are_there():
    mine = plan(STUDY)
    assert list(mine.config.experiments) == ["small"]
    assert mine.config.pools == {}
    assert mine.config.wanted == ["small", "widths"]
    assert [artefact.name for artefact in mine.config.artefacts if artefact.experiments()] == ["widths"]
    made = mine.targets.all()
    assert "results/mine/evaluate/small.csv" in made
    assert "results/mine/tables/widths.csv" in made
    assert not [path for path in made if "compare" in path]  # nothing of the paper's
    assert mine.targets.downloads() == ["results/data/digits.npz"]
    # settings stay those of config.yaml unless the overlay changes them
    small = mine.config.experiments["small"]
    assert small.meta_steps == PAPER["distill"]["meta_steps"]
    assert mine.experiments.evaluation_nets("small") == 2
    assert mine.config.adapt.experiments == {}


def test_without_it_the_papers_stay():
    own = {"experiments": STUDY["experiments"]}
    assert extended(merged(PAPER, own), own) == merged(PAPER, own)


def test_what_all_makes_can_be_said():
    assert plan(STUDY | {"all": ["widths"]}).config.wanted == ["widths"]
    with pytest.raises(UserError, match="all: no figure, table or experiment 'fig3a'; there are"):
        plan(STUDY | {"all": ["fig3a"]})


def test_mistakes():
    with pytest.raises(UserError, match="scale: is missing; with extends: none"):
        plan({key: value for key, value in STUDY.items() if key != "scale"})
    with pytest.raises(UserError, match="extends"):
        plan(STUDY | {"extends": "nothing"})
    with pytest.raises(UserError, match="experiments: is missing"):
        plan({key: value for key, value in STUDY.items() if key not in ("experiments", "grids", "evaluate")})


def test_every_section_is_settings_or_things_by_name():
    plain = {key for key, value in PAPER.items() if not isinstance(value, dict)}
    assert set(PAPER) - plain - set(SETTINGS) <= {
        *("pools", "experiments", "tables", "bars", "curves", "overview", "figures", "grids", "costs", "not_run")
    }
