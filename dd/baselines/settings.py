"""How baselines are tried and tested."""

from dataclasses import dataclass

from dd.runtime.settings import Settings, setting


@dataclass(frozen=True)
class BaselineSettings(Settings):
    """How baselines are tried and tested. In the paper, the test set chooses the best combination."""

    draws: int = setting(10, "sets of each kind", least=1)
    nets: int = setting(20, "nets that every combination is tried on; of a pool, the first training nets", least=1)
    test_nets: int = setting(200, "held-out nets that the best combination is tested on", least=1)
    choose_on: str = setting(
        "held-out",
        "what chooses the best combination: training images that distillation kept aside, which are in no set, or the "
        "test set as in the paper",
        ("held-out", "test"),
    )
    candidates: int = setting(50, "random sets of which the optimized ones are the best `draws`", least=1)
    candidate_nets: int = setting(20, "nets that those are chosen on; of a pool, the first training nets", least=1)
    augment: bool = setting(False, "crop and flip the real images at random, but not for k-means")
