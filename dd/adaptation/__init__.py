"""Other ways than distilled images to adapt pre-trained networks to new data (Tables 2 and 3)."""

from typing import NamedTuple


class Adaptation(NamedTuple):
    """A way of adapting networks."""

    name: str
    label: str
    """Its row in a table."""
    description: str
    module: str
    """What computes it."""
    settings: tuple[str, ...]
    """The fields of `dd.pools.settings.TrainConfig` that it takes."""
    needs_source: bool = False
    """Whether it needs the images that the networks were trained on."""


ADAPTATIONS = {
    adaptation.name: adaptation
    for adaptation in (
        Adaptation(
            name="full",
            label="Full target dataset",
            description="fine-tuned on all training images",
            module="dd.adaptation.adapt",
            settings=("epochs", "lr", "halve_every", "batch", "seed"),
        ),
        Adaptation(
            name="fada",
            label="FADA (Motiian et al. 2017)",
            description="few-shot adversarial domain adaptation (Motiian et al. 2017)",
            module="dd.adaptation.fada",
            settings=("seed",),
            needs_source=True,
        ),
    )
}
"""Ways of adapting by name."""
