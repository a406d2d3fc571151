"""The whole plan of a run, made from a config."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dd.config.read import read_config
from dd.plan.data import DataPlan
from dd.plan.experiments import ExperimentPlan
from dd.plan.judge import JudgePlan
from dd.plan.pools import PoolPlan
from dd.plan.targets import TargetPlan
from dd.plan.wall_time import WallTime
from dd.runtime.errors import UserError


class Plan:
    """What a run makes and needs. The workflow's rules ask this object."""

    def __init__(self, written: Mapping[str, Any]) -> None:
        """`written` has the keys and values of config.yaml and its overlays.

        Raises:
            UserError: there is a mistake in them.
        """
        self.config = read_config(written)
        self.files = self.config.files
        self.data = DataPlan(self.config)
        self.pools = PoolPlan(self.config)
        self.experiments = ExperimentPlan(self.config, self.pools)
        self.judge = JudgePlan(self.config)
        self.wall_time = WallTime(self.config)
        self.targets = TargetPlan(self.config, self.pools)
        self.configuration = self.targets.configuration(written)

    def check_container(self) -> None:
        """Refuse a missing image, for runs whose jobs run in it.

        Raises:
            UserError: there is no such file.
        """
        image = self.config.container
        if "://" not in image and not Path(image).exists():
            raise UserError(f"container: no such file {image}; docs/scaling.md says how to build it")
