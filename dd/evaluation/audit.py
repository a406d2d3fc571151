"""What a distilled set gives away of its data, and how networks trained on it differ and err."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from dd.data.prepared import Dataset
from dd.data.whitening import Whitening
from dd.distill.distilled_set import DistilledSet
from dd.distill.initial_weights import Initial
from dd.distill.loss import classification
from dd.distill.metrics import BATCH, percent
from dd.evaluation.plain_nets import trained
from dd.evaluation.protocols import NATIVE, PROTOCOLS
from dd.nets.stacked import StackedNet
from dd.runtime.errors import UserError
from dd.runtime.seeds import generator

ATTACKED = 5_000
"""At most so many members, and as many others, are attacked."""
REFERENCE = 500
"""At most so many test images say how near real images of the same data lie to each other."""
CHUNK = 1_000
"""Images whose distances are computed at once."""


class Nearest(NamedTuple):
    """The training image that is nearest to each image."""

    rows: Tensor
    """Of the training images, `[n]`."""
    distances: Tensor
    """Root mean square differences of normalised values, `[n]`."""


class Share(NamedTuple):
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


class Audit(NamedTuple):
    """What was found."""

    nearest: Nearest
    """Of the distilled images of all steps, one step after the other."""
    reference: Tensor
    """How far some test images are from their nearest training image, `[n]`."""
    advantage: Share
    """How much more often, in points, the attack takes a member for one than another image."""
    accuracy: Tensor
    """Of each net on the test images, in percent `[nets]`."""
    confusion: Tensor
    """`[classes, classes]`: of the test images of a class (row), the percentage given each class, mean over nets."""


def check_source(distilled: DistilledSet, dataset: Dataset) -> None:
    """Refuse data that a set was not distilled from.

    Raises:
        UserError: the dataset is another one.
    """
    if dataset.info["sha256"] != distilled.info.get("dataset", {}).get("sha256"):
        raise UserError(f"{dataset.name}: is not the data that the set was distilled from; the audit needs those")
    distilled.check(dataset, whitens=True)


def audit(
    distilled: DistilledSet,
    dataset: Dataset,
    initial: Initial,
    nets: int,
    *,
    protocol: str = NATIVE,
    on_nets: Callable[[int], object] = lambda _count: None,
) -> Audit:
    """Compare a set with its real images, and train held-out nets on it by a protocol.

    The attack (Yeom et al. 2018) sees the loss of these nets, mean over nets, and takes an image of less loss than a
    threshold for one that the set was distilled from. The threshold is the mean loss of one half of the members; its
    advantage, the true positive rate less the false positive rate, is measured on the other half and on test images.

    Args:
        distilled: the set.
        dataset: what it was distilled from.
        initial: the initial weights of this protocol.
        nets: how many held-out nets.
        protocol: a name of `PROTOCOLS`.
        on_nets: called with 1 after each net.

    Raises:
        UserError: what `check_source` raises, or nets cannot be trained on the set by the protocol.
    """
    check_source(distilled, dataset)
    whitening = distilled.whitening(dataset)
    members = _members(distilled, dataset)
    others = torch.randperm(len(dataset.x_test), generator=generator(0, "audit", "others"))[:ATTACKED]
    net = StackedNet(distilled.make())
    loss = classification(net)
    losses, predicted = torch.zeros(len(members) + len(others)), []
    for index in range(initial.nets("held-out", nets)):
        (one,) = trained(distilled, net, loss, initial("held-out", [index]), PROTOCOLS[protocol])
        attacked = _outputs(distilled, *one, dataset.x_train[members], whitening)
        tested = _outputs(distilled, *one, dataset.x_test, whitening)
        labels = torch.cat([dataset.y_train[members], dataset.y_test[others]])
        losses += torch.nn.functional.cross_entropy(torch.cat([attacked, tested[others]]), labels, reduction="none")
        predicted.append(tested.argmax(1))
        on_nets(1)
    right = torch.stack(predicted) == dataset.y_test
    images = distilled.images.flatten(0, 1)
    real = torch.randperm(len(dataset.x_test), generator=generator(0, "audit", "reference"))[:REFERENCE]
    return Audit(
        nearest_training_images(images, dataset, distilled),
        nearest_training_images(distilled.normalise(dataset.x_test[real], whitening), dataset, distilled).distances,
        advantage(losses[: len(members)], losses[len(members) :]),
        percent(right),
        _confusion(torch.stack(predicted), dataset.y_test, len(dataset.classes)),
    )


def _members(distilled: DistilledSet, dataset: Dataset) -> Tensor:
    """Some of the training images that the set was distilled from, as rows."""
    config = distilled.config
    rows = torch.arange(len(dataset.x_train))
    if not config.train_on_all:
        rows, _ = dataset.split(config.validation_images, config.seed)
    return rows[torch.randperm(len(rows), generator=generator(0, "audit", "members"))[:ATTACKED]]


def _outputs(distilled: DistilledSet, net: StackedNet, theta: Tensor, x: Tensor, whitening: Whitening | None) -> Tensor:
    with torch.no_grad():
        return torch.cat([net.logits(theta, distilled.normalise(part, whitening))[0] for part in x.split(BATCH)])


def nearest_training_images(images: Tensor, dataset: Dataset, distilled: DistilledSet) -> Nearest:
    """The training image nearest to each of `images [n, ...]`, which are normalised as those of the set."""
    flat, whitening = images.flatten(1), distilled.whitening(dataset)
    best, rows = torch.full((len(flat),), torch.inf), torch.zeros(len(flat), dtype=torch.long)
    for first in range(0, len(dataset.x_train), CHUNK):
        part = distilled.normalise(dataset.x_train[first : first + CHUNK], whitening).flatten(1)
        distances, found = torch.cdist(flat, part).min(1)
        rows = torch.where(distances < best, found + first, rows)
        best = torch.minimum(best, distances)
    return Nearest(rows, best / flat.shape[1] ** 0.5)


def advantage(members: Tensor, others: Tensor) -> Share:
    """The advantage of the threshold attack in points, by losses of members and others; see `audit`.

    The interval is Newcombe's (1998) of a difference of two shares, by the draw of the images alone.
    """
    known, judged = members[::2], members[1::2]
    threshold = known.mean()
    hits, alarms = (_share(int((losses < threshold).sum()), len(losses)) for losses in (judged, others))
    value = hits.value - alarms.value
    below = ((hits.value - hits.low) ** 2 + (alarms.high - alarms.value) ** 2) ** 0.5
    above = ((hits.high - hits.value) ** 2 + (alarms.value - alarms.low) ** 2) ** 0.5
    return Share(value, value - below, value + above)


def _share(count: int, of: int) -> Share:
    """A share in percent with Wilson's interval."""
    from scipy.stats import binomtest

    interval = binomtest(count, of).proportion_ci(method="wilson")
    return Share(100 * count / of, 100 * interval.low, 100 * interval.high)


def _confusion(predicted: Tensor, y: Tensor, classes: int) -> Tensor:
    """See `Audit`; `predicted [nets, n]`, true labels `y [n]`."""
    pairs = (y * classes + predicted).flatten()
    counts = torch.bincount(pairs, minlength=classes**2).view(classes, classes)
    return 100 * counts / counts.sum(1, keepdim=True)
