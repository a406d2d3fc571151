"""Held-out evaluation: train networks on a distilled set and test them on real images (Section 4)."""

from collections.abc import Callable

import pandas as pd
import torch
from torch import Tensor

from dd.data.prepared import Dataset
from dd.distill.distilled_set import DistilledSet
from dd.distill.initial_weights import Initial
from dd.distill.loss import classification
from dd.distill.settings import POISONING
from dd.evaluation.made_for import made_for
from dd.evaluation.plain_nets import trained
from dd.evaluation.protocols import NATIVE, PROTOCOLS
from dd.evaluation.traits import traits
from dd.nets.stacked import NETS_AT_ONCE, StackedNet
from dd.runtime.process_group import ProcessGroup

STAGES = ("before", "after")
"""When nets are tested: before and after training on the set."""


def evaluate(
    distilled: DistilledSet,
    dataset: Dataset,
    initial: Initial,
    nets: int,
    *,
    device: str = "cpu",
    group: ProcessGroup | None = None,
    on_nets: Callable[[int], object] = lambda _count: None,
    protocol: str = "",
) -> pd.DataFrame:
    """Train held-out nets on a set by a protocol, and test each on the whole test set before and after.

    The processes of a group share the nets, and each process gets the whole table.

    Args:
        distilled: the set.
        dataset: the dataset whose test images the nets classify.
        initial: the set's initial weights.
        nets: number of nets, at most as many as `initial` has: one for a fixed initialisation.
        device: the device to compute on.
        group: the processes that share the nets; by default this process alone.
        on_nets: called with a number of nets whenever this process has done that many more.
        protocol: a name of `PROTOCOLS`. If empty, the native protocol is used, and the table has no such column.

    Returns:
        One row for each net and stage: kind (`evaluation`), the columns of `distilled.setting` with the name of this
        `dataset`, the columns of `traits`, made_for if the nets have another initialisation than the set was made for,
        protocol if given, held_out_net, stage (`before` or `after`), test_images, fidelity (of the dataset), and in
        percent the measurements of `distilled.measures`: accuracy, or for poisoning all of `POISONING`.

    Raises:
        UserError: the images of the dataset are not those of the set, or it is to be trained at rates it lacks.
    """
    whitening = distilled.whitening(dataset)
    group = group or ProcessGroup()
    names = list(POISONING if distilled.attacks else POISONING[:1])
    nets = initial.nets("held-out", nets)
    percent = torch.zeros(len(STAGES), len(names), nets)
    net = StackedNet(distilled.make()).to(device)
    loss = classification(net)
    chosen = PROTOCOLS[protocol or NATIVE]
    share = group.share(range(nets))
    for first in range(0, len(share), NETS_AT_ONCE):
        indices = list(share[first : first + NETS_AT_ONCE])
        theta = initial("held-out", indices).to(device)
        for stage, tested in enumerate(([(net, theta)], trained(distilled, net, loss, theta, chosen))):
            measured = [distilled.measures(*each, dataset.x_test, dataset.y_test, whitening) for each in tested]
            percent[stage][:, indices] = torch.stack([torch.cat([each[name] for each in measured]) for name in names])
        on_nets(len(indices))
    return _table(group.all_reduce(percent), distilled, dataset, names=names, protocol=protocol)


def _table(
    percent: Tensor, distilled: DistilledSet, dataset: Dataset, *, names: list[str], protocol: str
) -> pd.DataFrame:
    """One row for each net and stage of `percent [stages, measurements, nets]`; `names` of measurements."""
    common = {"kind": "evaluation"} | distilled.setting() | {"dataset": dataset.name}
    common |= traits(distilled) | made_for(distilled)
    if protocol:
        common["protocol"] = protocol
    rows = []
    for index, of_net in enumerate(percent.permute(2, 0, 1).tolist()):
        for stage, values in zip(STAGES, of_net, strict=True):
            row = {"held_out_net": index, "stage": stage}
            row |= {"test_images": len(dataset.x_test), "fidelity": dataset.info["fidelity"]}
            row |= {name: round(value, 4) for name, value in zip(names, values, strict=True)}
            rows.append(common | row)
    return pd.DataFrame(rows)
