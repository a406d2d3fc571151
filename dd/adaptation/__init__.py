"""Other ways to adapt pre-trained networks (Tables 2 and 3)."""

from typing import NamedTuple


class Adaptation(NamedTuple):
    """A way of adapting."""

    label: str


ADAPTATIONS = {
    "full": Adaptation("Full target dataset"),
    "fada": Adaptation("FADA (Motiian et al. 2017)"),
}
