"""How baselines are tried and tested."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from dd.runtime.errors import UserError
from dd.runtime.settings_model import Count, Settings


class BaselineSettings(Settings):
    """How baselines are tried and tested. In the paper, the test set chooses the best combination."""

    old_names: ClassVar[Mapping[str, str]] = {"augment": "data.augment, for a dataset"}

    draws: Count = 10
    """sets of each kind"""
    nets: Count = 20
    """nets that every combination is tried on; of a pool, the first training nets"""
    test_nets: Count = 200
    """held-out nets that the best combination is tested on"""
    choose_on: Literal["held-out", "test"] = "held-out"
    """what chooses the best combination: the validation_images of distillation, which are in no set, or the test set
    as in the paper"""
    candidates: Count = 50
    """random sets of which the optimized ones are the best `draws`"""
    candidate_nets: Count = 20
    """nets that the candidates are compared on, by 1024 training images; of a pool, the first training nets"""

    def check_candidates(self) -> None:
        """Refuse fewer candidates than are chosen; not a validator, as only the baseline `optimized` has candidates.

        Raises:
            UserError: there are too few.
        """
        if self.candidates < self.draws:
            raise UserError(f"candidates: {self.candidates} are fewer than the {self.draws} draws chosen from them")
