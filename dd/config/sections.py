"""The sections of config.yaml that say what is computed: data, pools, experiments, and how they are evaluated."""

from typing import Annotated, Any

from pydantic import Field

from dd.adaptation import ADAPTATIONS
from dd.adaptation.adaptation import Adaptation
from dd.baselines.settings import BaselineSettings
from dd.data.augmentation import AugmentationName
from dd.data.settings import TEST_FRACTION, Changes
from dd.data.weights import WEIGHTS
from dd.distill.settings import DistillConfig, DistillSettings
from dd.pools.settings import PoolConfig, TrainConfig
from dd.runtime.settings_model import (
    Count,
    IfGiven,
    Line,
    Name,
    OneOf,
    Settings,
    Text,
    made_settings,
)


class ImageFolder(Settings):
    """A subfolder for each class, or train/ and test/ with such subfolders, or a labels.csv (file, class, split)."""

    folder: Text
    """the folder of the images"""
    size: Count
    """pixels a side: the shorter side is scaled to it, and the centre square cut out"""
    gray: bool = False
    """one channel instead of three, of your own images"""
    test_fraction: Annotated[float, Field(gt=0, lt=1)] = TEST_FRACTION
    """share of each class set aside as test images where there is no split"""


class Variant(Changes):
    """How it differs from the dataset that it is made from."""

    of: Name
    """that dataset"""


class Data(Settings):
    """Where images come from."""

    mirror: Line = ""
    """folder of `<name>.npz` or official files, searched before downloading; if empty, `$DD_DATA_MIRROR` or none"""
    folders: dict[Name, ImageFolder] = Field(default_factory=dict)
    """your own images, by the name that experiments call them"""
    augment: dict[Name, AugmentationName] = Field(default_factory=dict)
    """how training images are changed at random whenever they are trained on, by dataset"""
    variants: dict[Name, Variant] = Field(default_factory=dict)
    """datasets made from others, for example to give two datasets the same size and number of channels"""


class PoolSection(PoolConfig):
    """How networks are trained on real images, to start from (Section 3.5), unless a pool says otherwise."""

    nets: Count = 2000
    """networks that sets are distilled for"""
    held_out: Count = 200
    """further networks, that sets are judged by"""
    shard: Count = 40
    """networks that one job trains"""


class PoolEntry(PoolSection):
    """Its dataset, and the settings that differ from `pool`."""

    dataset: Name
    """the real images they are trained on"""


class DistillSection(DistillSettings):
    """How sets are distilled, unless an experiment says otherwise."""

    seeds: Count = 1
    """how many sets each experiment distils: with `seed`, `seed + 1`, ...; tables and figures are over all of them"""


class ExperimentEntry(DistillConfig, DistillSection):
    """Its dataset, where its networks come from, and the settings that differ from `distill`."""

    dataset: Name
    """a name that `python -m dd data prepare --help` lists, or one in `data.folders` or `data.variants`"""
    pool: IfGiven[Name] = None
    """the pool that the networks come from, with init random_pretrained or fixed_pretrained"""
    pretrained: IfGiven[Annotated[str, OneOf.of(WEIGHTS)]] = None
    """instead of a pool, with init fixed_pretrained: the file of weights that the one network comes from"""


class EvaluatedNets(Settings):
    """How many networks a set is judged on."""

    nets: Count = 200
    """held-out networks that are trained on a set; a fixed init has only one, and this many of other inits (Table 1)"""


class Evaluate(EvaluatedNets):
    """How sets are evaluated."""

    experiments: dict[str, EvaluatedNets] = Field(default_factory=dict)
    """other values for one experiment, its seeds and the points of curves that start from it"""


class Baselines(BaselineSettings):
    """Real images in place of distilled ones, for the tables (Section 4, S-1)."""

    experiments: dict[str, BaselineSettings] = Field(default_factory=dict)
    """other values for one experiment"""


class AdaptedNets(Settings):
    """How many networks are adapted."""

    nets: Count = 200
    """networks that are adapted; if there is only one, how often it is adapted"""


def _settings_of(adaptation: Adaptation) -> type[Settings]:
    """The settings of a way of adapting in config.yaml: those that it takes, and the number of networks."""
    taken = [(TrainConfig, key) for key in adaptation.settings] + [(AdaptedNets, "nets")]
    return made_settings(
        adaptation.name, {key: (model.__annotations__[key], model.model_fields[key]) for model, key in taken}
    )


def _methods() -> dict[str, tuple[Any, Any]]:
    """A key for each way of adapting."""
    models = {name: _settings_of(adaptation) for name, adaptation in ADAPTATIONS.items()}
    return {
        name: (model, Field(default=model(), description=ADAPTATIONS[name].description))
        for name, model in models.items()
    }


_METHODS = _methods()


class AdaptedExperiment(made_settings("Methods", _METHODS)):  # type: ignore[misc]  # declared in dd.adaptation
    """One experiment."""


class Adapt(made_settings("Methods", _METHODS)):  # type: ignore[misc]
    """Other ways to train networks: to adapt to new data (Tables 2 and 3), or fully, from new weights (Table 1)."""

    experiments: dict[str, AdaptedExperiment] = Field(
        default_factory=dict, description="other values for one experiment"
    )
