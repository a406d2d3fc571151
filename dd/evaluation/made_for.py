"""Distilled sets as if they were made for other networks, other initial weights or a longer training."""

from dataclasses import replace

import torch

from dd.distill.distilled_set import DistilledSet

MADE_FOR = "made_for"
"""The key and column of a set that trains nets of another initialisation: the one that it was made for."""
OTHER_NET = "other_net"
"""The key of a set that trains another network than it was distilled for."""


def for_net(distilled: DistilledSet, name: str, *, random_init: bool = False) -> DistilledSet:
    """The set as if it were made for random weights of the network `name`; the set itself if it is made for those.

    The random weights are drawn by the set's own initialisation scheme. Whether the network fits these images and
    classes is found when they are, by `DistilledSet.initial`.

    Args:
        distilled: the set.
        name: the network. The set's own keeps the weights that the set is made for.
        random_init: whether the set's own network gets random weights too, whatever weights the set was made for.
    """
    config = distilled.info["config"]
    if name == config["net"] and (not random_init or config["init"] == "random"):
        return distilled
    info = {key: value for key, value in distilled.info.items() if key != "pretrained"}
    info |= {"config": config | {"net": name, "init": "random"}, MADE_FOR: config["init"]}
    if name != config["net"]:
        info[OTHER_NET] = True
    return replace(distilled, fixed_weights=None, buffers={}, info=info)


def made_for(distilled: DistilledSet) -> dict[str, str]:
    """The column of that name, if the set trains nets of another initialisation than it was made for."""
    init = distilled.info.get(MADE_FOR)
    return {} if init in (None, distilled.info["config"]["init"]) else {MADE_FOR: init}


def for_epochs(distilled: DistilledSet, epochs: int) -> DistilledSet:
    """The set as if it were made for so many epochs: beyond its own, the rates are those of its last one."""
    own = torch.arange(epochs).clamp(max=len(distilled.lrs) - 1)
    info = distilled.info | {"config": distilled.info["config"] | {"epochs": epochs}}
    return replace(distilled, lrs=distilled.lrs[own], info=info)
