"""What adaptation by distilled images is compared with in Tables 2 and 3: held-out nets adapted in another way."""

import pandas as pd
import torch

from dd.adaptation.adaptation import Adaptation, AdaptationTask
from dd.distill.initial_weights import Initial
from dd.nets.stacked import StackedNet
from dd.pools.settings import TrainConfig


def adapted(
    adaptation: Adaptation,
    task: AdaptationTask,
    initial: Initial,
    config: TrainConfig,
    *,
    nets: int,
    device: str = "cpu",
) -> pd.DataFrame:
    """Adapt held-out nets of a distilled set in another way than by the set, and test their final state.

    Args:
        adaptation: the way of adapting.
        task: what to adapt to.
        initial: the initial weights of the distilled set.
        config: the settings of the way.
        nets: number of nets, at most as many as there are. Where all start from the same weights, each is adapted
            with another seed.
        device: the device to compute on.

    Returns:
        One row for each net: kind (`adaptation`), the columns of `DistilledSet.setting`, method, held_out_net, stage
        (`after`), test_images, accuracy (%).

    Raises:
        UserError: the images of the dataset are not those of the set.
    """
    distilled, dataset = task.distilled, task.dataset
    distilled.check(dataset)
    net, different = StackedNet(distilled.make()).to(device), initial.nets("held-out", nets)
    weights = initial("held-out", range(different)).to(device)
    runs = nets if different == 1 else 1
    percent = []
    for run in range(runs):
        trained = adaptation.adapt(task, weights, config.model_copy(update={"seed": config.seed + run}))
        percent.append(distilled.measures(net, trained, dataset.x_test, dataset.y_test)["accuracy"])
    common = {"kind": "adaptation"} | distilled.setting() | {"dataset": dataset.name, "method": adaptation.name}
    return pd.DataFrame(
        [
            common | {"held_out_net": i, "stage": "after", "test_images": len(dataset.x_test), "accuracy": value}
            for i, value in enumerate(torch.cat(percent).tolist())
        ]
    )
