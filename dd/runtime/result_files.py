"""Where the files of a run lie."""

from pathlib import Path
from typing import NamedTuple


class ResultFiles(NamedTuple):
    """Paths of what the workflow makes at one scale, from the folder it runs in; figures and tables know their own."""

    scale: str

    @property
    def results(self) -> str:
        """The folder of everything but data."""
        return f"results/{self.scale}"

    @property
    def work(self) -> str:
        """The folder of checkpoints."""
        return f"work/{self.scale}"

    def dataset(self, name: str, ending: str = "npz") -> str:
        """A prepared dataset, or with `json` its metadata: the same for all scales."""
        return f"results/data/{name}.{ending}"

    def prepared(self, name: str) -> dict[str, str]:
        """A prepared dataset and its metadata, by their endings."""
        return {ending: self.dataset(name, ending) for ending in ("npz", "json")}

    def weights(self, name: str) -> str:
        """A prepared file of weights: the same for all scales."""
        return f"results/data/weights/{name}.safetensors"

    def pool(self, name: str) -> str:
        """The folder of a pool."""
        return f"{self.results}/pools/{name}"

    def shard(self, pool: str, part: str, first: int) -> str:
        """The networks of a pool from number `first` of a part."""
        return f"{self.pool(pool)}/{part}-{first:05}.safetensors"

    def distilled(self, experiment: str) -> str:
        """The distilled set of an experiment."""
        return f"{self.results}/distill/{experiment}/set.safetensors"

    def history(self, experiment: str) -> str:
        """What was measured while an experiment was distilled."""
        return f"{self.results}/distill/{experiment}/history.csv"

    def snapshots(self, experiment: str) -> str:
        """Images of an experiment while it was distilled."""
        return f"{self.results}/distill/{experiment}/snapshots.safetensors"

    def training(self, experiment: str) -> str:
        """The training curves of an experiment."""
        return f"{self.results}/distill/{experiment}/training.png"

    def evaluated(self, experiment: str) -> str:
        """What held-out networks measured of an experiment's set."""
        return f"{self.results}/evaluate/{experiment}.csv"

    def on_other_inits(self, experiment: str) -> str:
        """What newly initialised networks measured of an experiment's set, which was made for one other."""
        return f"{self.results}/other_inits/{experiment}.csv"

    def transferred(self, experiment: str) -> str:
        """What other networks measured of an experiment's set."""
        return f"{self.results}/transfer/{experiment}.csv"

    def judged(self) -> str:
        """What networks measured of the sets of the section `judge`."""
        return f"{self.results}/judge/judge.csv"

    def baseline(self, experiment: str, name: str) -> str:
        """What was measured of a baseline in place of an experiment's set."""
        return f"{self.results}/baseline/{experiment}/{name}.csv"

    def adapted(self, experiment: str, method: str) -> str:
        """What was measured of another way to adapt an experiment's networks."""
        return f"{self.results}/adapt/{experiment}/{method}.csv"

    def page(self, experiment: str) -> str:
        """The page of an experiment."""
        return f"{self.results}/pages/{experiment}.html"

    def linear_case(self) -> str:
        """The measurements of Section 3.3."""
        return f"{self.results}/linear/linear_case.csv"


def set_name(path: Path) -> str:
    """The name of a distilled set in tables: that of its experiment in a run's folders, elsewhere that of its file.

    Published sets lie in folders like a run's.
    """
    whole = path.absolute()
    of_run, of_published = (ResultFiles(scale).distilled("*") for scale in ("*", "published/*"))
    return whole.parent.name if whole.match(of_run) or whole.match(of_published) else path.stem
