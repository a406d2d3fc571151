"""Recipes: on the command line, in Python and in config.yaml."""

import pytest

import dd as package
from dd.distill.distilled_set import DistilledSet
from dd.distill.recipes import RECIPE_SETTINGS, RECIPES, by_recipe
from dd.distill.settings import DistillConfig
from dd.plan.plan import Plan
from dd.runtime.errors import UserError
from tests.conftest import ROOT, load_yaml, merged

PAPER, LAPTOP = load_yaml(ROOT / "config.yaml"), load_yaml(ROOT / "workflow/scales/laptop.yaml")
SMALL = {
    "net": "MLP",
    "steps": 1,
    "epochs": 1,
    "nets": 1,
    "real_batch": 64,
    "validation_images": 64,
    "validation_nets": 1,
}


def test_the_laptop_recipe_is_that_of_the_laptop_scale():
    for experiment, init in (("mnist_random", "random"), ("mnist_fixed", "fixed")):
        scale = {"nets": 4} | LAPTOP["distill"] | PAPER["experiments"][experiment] | LAPTOP["experiments"][experiment]
        recipe = RECIPES["laptop"].values_for(init)
        same = {key: value for key, value in recipe.items() if key != "meta_steps" or init == "random"}
        assert same == {key: scale[key] for key in same}


def test_given_settings_stand_in_place_of_a_recipes():
    quick = by_recipe("quick", {"meta_lr": 0.5})
    assert (quick.meta_lr, quick.meta_steps, quick.schedule) == (0.5, 300, "cosine")
    assert by_recipe("quick", {"init": "fixed"}).real_batch_growth == 4
    assert by_recipe("paper", {"init": "fixed"}) == DistillConfig(init="fixed")
    assert DistillConfig.model_fields.keys() >= RECIPE_SETTINGS


def test_a_recipe_that_is_none():
    with pytest.raises(UserError, match="recipe: 'labtop' is not one of quick, laptop, paper; did you mean laptop"):
        by_recipe("labtop", {})
    with pytest.raises(UserError, match="init"):
        by_recipe("quick", {"init": "fixd"})


def test_the_command_and_python_take_the_quick_recipe(dd, digits, tmp_path):
    words = [word for key, value in SMALL.items() for word in (f"--{key.replace('_', '-')}", value)]
    out = tmp_path / "set.safetensors"
    done = dd("distill", "--data", digits, "--out", out, *words, "--meta-steps", 2)
    assert done.returncode == 0, done.stderr
    made = DistilledSet.load(out)
    assert made.config == by_recipe("quick", SMALL | {"meta_steps": 2})
    in_python = package.distill(digits, meta_steps=2, progress=False, **SMALL)
    assert in_python.images.equal(made.images)
    # from a finished set its own settings hold
    further = tmp_path / "further.safetensors"
    done = dd("distill", "--data", digits, "--from", out, "--out", further, "--meta-steps", 1, "--meta-lr", 0.5)
    assert done.returncode == 0, done.stderr
    assert DistilledSet.load(further).config == made.config.model_copy(update={"meta_steps": 1, "meta_lr": 0.5})


def settings(overlay: dict, experiment: str) -> dict:
    return Plan(merged(PAPER, overlay)).config.all_experiments[experiment].model_dump()


def test_the_recipe_of_a_config():
    paper, laptop = (settings({"recipe": name}, "mnist_random") for name in ("paper", "laptop"))
    assert paper == settings({}, "mnist_random")
    assert {key: laptop[key] for key in laptop if laptop[key] != paper[key]} == {
        key: value for key, value in RECIPES["laptop"].values_for("random").items() if value != paper[key]
    }
    assert settings({"recipe": "quick"}, "mnist_fixed")["meta_steps"] == 1000
    # what a user's `distill` or experiment says stands
    assert settings({"recipe": "quick", "distill": {"meta_lr": 0.5}}, "mnist_random")["meta_lr"] == 0.5
    shorter = {"recipe": "quick", "experiments": {"mnist_random": {"meta_steps": 7}}}
    assert settings(shorter, "mnist_random")["meta_steps"] == 7
    with pytest.raises(UserError, match="recipe: 'labtop' is not"):
        Plan(merged(PAPER, {"recipe": "labtop"}))
