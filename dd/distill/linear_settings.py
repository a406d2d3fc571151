"""How the linear case (Section 3.3) is measured. Imports no torch, so that planning is quick."""

from dd.runtime.settings_model import Count, Counts, Settings


class LinearSettings(Settings):
    """How distilled least squares (Section 3.3) are measured."""

    dimension: Count = 8
    """D: number of weights"""
    sizes: Counts = [1, 2, 3, 4, 6, 8, 10, 12]  # noqa: RUF012 (the model copies it)
    """values of M: distilled pairs"""
    problems: Count = 3
    """random problems"""
    meta_steps: Count = 1000
    """meta-steps of Algorithm 1"""
