"""The kinds of initial weights, p(theta_0) of Section 3.5, by name."""

from typing import NamedTuple


class Init(NamedTuple):
    """Where the initial weights of networks come from."""

    name: str
    description: str
    takes_pool: bool = False
    """Whether they may come from a pool of trained networks; where `takes_file` is false, they must."""
    takes_file: bool = False
    """Whether they may come from a file of pre-trained weights instead."""
    one_net: bool = False
    """Whether there is only one network."""


INITS = {
    init.name: init
    for init in (
        Init("random", "a new draw each time"),
        Init("fixed", "one draw, known to the images", one_net=True),
        Init("random_pretrained", "networks of a pool", takes_pool=True),
        Init("fixed_pretrained", "one pre-trained network", takes_pool=True, takes_file=True, one_net=True),
    )
}
"""Kinds of initial weights by name."""
