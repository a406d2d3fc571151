"""How well networks that are trained on a distilled set classify each class."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from dd.data.prepared import Dataset
    from dd.distill.distilled_set import DistilledSet
    from dd.distill.initial_weights import Pool

CLASS_NETS = 5
"""At most so many held-out nets are trained anew: few, as the page of an experiment must be cheap."""


def class_accuracies(
    distilled: DistilledSet, dataset: Dataset, pool: Pool | None = None, *, nets: int = CLASS_NETS, device: str = "cpu"
) -> pd.DataFrame:
    """Train the first held-out nets on a set, and test them on the test images of each class, by the true labels.

    They are the first of the nets that `dd evaluate` tests.

    Returns:
        One row for each class that has test images: class, accuracy and std over nets in percent, nets, test_images.

    Raises:
        UserError: the data do not fit the set, or it needs the nets of another pool, or has no rates of its own.
    """
    import pandas as pd
    import torch

    from dd.distill.loss import classification
    from dd.distill.metrics import percent, predictions, sample_std
    from dd.nets.stacked import StackedNet

    whitening, initial = distilled.whitening(dataset), distilled.initial(pool)
    net = StackedNet(distilled.make()).to(device)
    theta = initial("held-out", range(initial.nets("held-out", nets))).to(device)
    trained = distilled.trained(classification(net), theta)
    predicted = predictions(net, trained, dataset.x_test, distilled.mean, distilled.std, whitening)
    rows = []
    for label in torch.unique(dataset.y_test).tolist():
        of_class = predicted[:, dataset.y_test == label]
        found = percent(of_class == label)
        row = {"class": dataset.classes[label], "accuracy": found.mean().item(), "std": sample_std(found)}
        rows.append(row | {"nets": len(found), "test_images": of_class.shape[1]})
    return pd.DataFrame(rows)
