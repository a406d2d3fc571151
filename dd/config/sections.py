"""The sections of config.yaml that say what is computed: data, pools, experiments, and what they are judged by."""

from typing import Annotated, Any

from pydantic import Field

from dd.adaptation import ADAPTATIONS
from dd.adaptation.adaptation import Adaptation
from dd.baselines.settings import BaselineSettings
from dd.data.settings import Changes
from dd.data.weights import WEIGHTS
from dd.distill.settings import DistillConfig
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
    """One subfolder a class, or train/ and test/ of those, or a labels.csv (columns file, class, split)."""

    folder: Text
    """where they lie"""
    size: Count
    """pixels a side: the shorter side is scaled to it, and the centre square cut out"""
    gray: bool = False
    """one channel instead of three, of your own images"""
    test_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """share of each class set aside as test images where there is no split"""


class Variant(Changes):
    """The dataset it is made from, and what changes; the rest stays as it is."""

    of: Name
    """the dataset it is made from"""


class Data(Settings):
    """Where images come from."""

    mirror: Line = ""
    """folder of `<name>.npz` or official files, searched before downloading; if empty, `$DD_DATA_MIRROR` or none"""
    folders: dict[Name, ImageFolder] = Field(default_factory=dict)
    """your own images, by the name that experiments call them"""
    variants: dict[Name, Variant] = Field(default_factory=dict)
    """datasets made from others, so that two domains meet at one size and number of channels"""


class PoolSection(PoolConfig):
    """How networks to start from are trained on real images (Section 3.5): what every pool starts from."""

    nets: Count = 2000
    """networks to distil for"""
    held_out: Count = 200
    """others, to judge by"""
    shard: Count = 40
    """networks of a job, trained together"""


class PoolEntry(PoolSection):
    """Its dataset, and what differs from `pool`."""

    dataset: Name
    """the real images they are trained on"""


class ExperimentEntry(DistillConfig):
    """Its dataset, where its nets come from, and what differs from `distill`."""

    dataset: Name
    """one that `python -m dd data prepare --help` names, or of `data.folders` or `data.variants`"""
    pool: IfGiven[Name] = None
    """the pool that nets come from, with init random_pretrained or fixed_pretrained"""
    pretrained: IfGiven[Annotated[str, OneOf.of(WEIGHTS)]] = None
    """instead, with fixed_pretrained, the file that one net comes from"""


class Evaluate(Settings):
    """How sets are judged."""

    nets: Count = 200
    """held-out networks a set is judged on; one for a fixed init"""


class Baselines(BaselineSettings):
    """Real images in place of distilled ones, in the tables (Section 4, S-1)."""

    experiments: dict[str, BaselineSettings] = Field(default_factory=dict)
    """other values for one experiment"""


class AdaptedNets(Settings):
    """How many networks are adapted."""

    nets: Count = 200
    """networks; where there is but one, runs"""


def _settings_of(adaptation: Adaptation) -> type[Settings]:
    """What config.yaml may say of a way of adapting: the settings it takes, and how many networks."""
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
    """The experiment."""


class Adapt(made_settings("Methods", _METHODS)):  # type: ignore[misc]
    """How else nets are adapted to new data (Tables 2 and 3)."""

    experiments: dict[str, AdaptedExperiment] = Field(
        default_factory=dict, description="other values for one experiment"
    )
