"""The published measurements, which several tests compare with the paper."""

import pytest

from dd.report.comparison import read_measurement
from tests.conftest import ROOT

PUBLISHED = ROOT / "results/published/laptop"
SOURCES = {
    "fig2a": "evaluate/mnist_fixed",
    "fig2b": "evaluate/cifar10_fixed",
    "fig3a": "evaluate/mnist_random",
    "fig3b": "evaluate/cifar10_random",
    **{name: f"figures/{name}" for name in ("fig4", "fig5", "fig6")},
    **{name: f"tables/{name}" for name in ("table1", "table2", "table3")},
    "linear_case": "linear/linear_case",
}


@pytest.fixture
def published():
    """The published measurements, by table or figure."""
    return {name: read_measurement(PUBLISHED / f"{path}.csv") for name, path in SOURCES.items()}
