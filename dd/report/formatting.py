"""How numbers are written."""

import math


def mean_std(mean: float, std: float | None, digits: int = 1) -> str:
    """`87.1 ± 3.9`; without a standard deviation the mean alone, and a dash where there is no mean."""
    if math.isnan(mean):
        return "—"
    if std is None or math.isnan(std):
        return f"{mean:.{digits}f}"
    return f"{mean:.{digits}f} ± {std:.{digits}f}"
