"""Pools of networks: their shards."""

from pathlib import Path

from dd.config.checks import check_pool
from dd.config.model import Config
from dd.config.sections import PoolEntry
from dd.plan.options import flags
from dd.pools import modules
from dd.runtime.errors import UserError

COUNTS = {"dataset", "nets", "held_out", "shard"}
"""The keys of a pool that are not settings of `dd pool train`."""


class PoolPlan:
    """What the rules of `pool.smk` need."""

    def __init__(self, config: Config) -> None:
        self.config, self.files = config, config.files

    def data(self, pool: str) -> dict[str, str]:
        """The prepared files of a pool's dataset, by their endings.

        Raises:
            UserError: there is no such dataset or network, or the pool's folder has shards of other settings.
        """
        check_pool(pool, self.config)
        self._check_left(pool)
        return self.files.prepared(self.config.pools[pool].dataset)

    def shards(self, pool: str) -> list[str]:
        """The files of a pool."""
        settings = self.config.pools[pool]
        return [
            self.files.shard(pool, part, first)
            for part, total in self._totals(settings).items()
            for first in range(0, total, settings.shard)
        ]

    def options(self, pool: str, part: str, first: int) -> str:
        """Options of `dd pool train` for one shard."""
        settings = self.config.pools[pool]
        total = self._totals(settings)[part]
        which = {"part": part, "first": first, "nets": settings.shard, "total": total}
        return flags(which | settings.model_dump(exclude_unset=True, exclude=COUNTS))

    def modules(self, pool: str) -> tuple[str, ...]:
        """The modules that make a pool train again when they change."""
        return modules(self.config.pools[pool].net)

    def _check_left(self, pool: str) -> None:
        """Refuse a pool whose folder has shards of other settings."""
        found = {str(path) for path in Path(self.files.pool(pool)).glob("[!.]*.safetensors")}
        others = sorted(found - set(self.shards(pool)))
        if others:
            these = f"{others[0]} and {len(others) - 1} more are" if others[1:] else f"{others[0]} is"
            raise UserError(
                f"pools.{pool}: {these} left from other values of nets, held_out or shard; remove what is left"
            )

    @staticmethod
    def _totals(settings: PoolEntry) -> dict[str, int]:
        return {"train": settings.nets, "held-out": settings.held_out}
