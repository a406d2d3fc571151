"""Where the initial weights of networks come from (Section 3.5). Imports no torch, so that planning is quick."""

from dataclasses import dataclass
from typing import Literal

Source = Literal["pool", "file"]


@dataclass(frozen=True, kw_only=True)
class Init:
    """One way to choose the initial weights of the networks that images are distilled for."""

    name: str
    description: str
    one_net: bool
    """Whether all networks start from the same weights."""
    sources: tuple[Source, ...] = ()
    """Where pre-trained weights can come from: a pool of networks, or a file. Empty if they are not pre-trained."""

    @property
    def pretrained(self) -> bool:
        """Whether the networks are pre-trained."""
        return bool(self.sources)

    @property
    def needs_pool(self) -> bool:
        """Whether the networks can come from a pool only."""
        return self.sources == ("pool",)


INITS = {
    init.name: init
    for init in (
        Init(name="random", description="a new draw for every network", one_net=False),
        Init(name="fixed", description="one draw for all networks", one_net=True),
        Init(
            name="random_pretrained",
            description="networks of a pool, drawn anew every time",
            one_net=False,
            sources=("pool",),
        ),
        Init(
            name="fixed_pretrained",
            description="one pre-trained network, of a pool or a file",
            one_net=True,
            sources=("pool", "file"),
        ),
    )
}
"""Every `Init` by its name, which is a value of the setting `init`."""
