"""Recipes: values of the settings that decide how long a distillation takes and how well it ends.

docs/recipe.md says what each is worth. Imports no torch, so that planning is quick.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dd.distill.init_kinds import INITS
from dd.distill.settings import DistillConfig
from dd.runtime.errors import UserError
from dd.runtime.settings_model import did_you_mean

SHORT = {"meta_lr": 0.02, "schedule": "cosine", "real_batch": 256, "image_std": 0.3, "clip_adjoint": 1.0}
FOR_ONE_NET = {"real_batch_growth": 4, "clip_adjoint_share": 0.75}
"""What is better where all networks start from the same weights."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Values of settings, which hold unless the user gives others."""

    name: str
    description: str
    values: Mapping[str, Any] = field(default_factory=dict)
    for_one_net: Mapping[str, Any] = field(default_factory=dict)
    """Further values for an `init` by which all networks start from the same weights."""

    def values_for(self, init: str) -> dict[str, Any]:
        """The values for this `init`; none for one that does not exist, which is refused elsewhere."""
        if init not in list(INITS):
            return {}
        return {**self.values, **(self.for_one_net if INITS[init].one_net else {})}


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="quick",
            description="minutes on a CPU",
            values={**SHORT, "meta_steps": 300},
            for_one_net={**FOR_ONE_NET, "nets": 1, "meta_steps": 1000},
        ),
        Recipe(
            name="laptop",
            description="better, in a quarter of an hour or more",
            values={**SHORT, "meta_steps": 1500},
            for_one_net={**FOR_ONE_NET, "nets": 1, "meta_steps": 2400},
        ),
        Recipe(name="paper", description="the authors' for MNIST: a GPU, or hours of a CPU"),
    )
}
"""Every `Recipe` by its name, which is a value of `--recipe` and of the key `recipe` of config.yaml."""
RECIPE_SETTINGS = {key for recipe in RECIPES.values() for key in {**recipe.values, **recipe.for_one_net}}
"""The settings that recipes have values of."""


def by_recipe(name: str, given: Mapping[str, Any]) -> DistillConfig:
    """All settings of a distillation: those `given`, and for the others the values of the recipe or the defaults.

    Raises:
        UserError: a setting is unknown or not allowed, or there is no such recipe.
    """
    if name not in RECIPES:
        raise UserError(f"recipe: {name!r} is not one of {', '.join(RECIPES)}{did_you_mean(name, RECIPES)}")
    init = given.get("init", DistillConfig.model_fields["init"].default)
    return DistillConfig(**RECIPES[name].values_for(init) | dict(given))
