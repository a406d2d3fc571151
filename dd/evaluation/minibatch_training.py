"""Training on a distilled set as the field's code does it: by SGD in random minibatches of all its images."""

from typing import NamedTuple

import torch
from torch import Tensor

from dd.data.named_dataset import DIGIT_NAMES
from dd.data.tensors import NAME as GIVEN_NAME
from dd.distill.derivatives import value_and_gradient_in_chunks
from dd.distill.distilled_set import DistilledSet
from dd.distill.loss import Loss
from dd.evaluation.minibatch_augmentation import Augmentation, dc_augmentation, dsa_augmentation
from dd.evaluation.protocols import SGD
from dd.nets.stacked import net_batches
from dd.runtime.progress import progress
from dd.runtime.seeds import generator


class Training(NamedTuple):
    """What networks are trained on."""

    labels: Tensor
    """Of the set's images, `[steps, n]` or `[steps, n, classes]`."""
    epochs: int
    """Passes over the images."""
    augment: Augmentation | None
    """What is done to each minibatch, if anything."""


def training(distilled: DistilledSet, protocol: str) -> Training:
    """What the code of DC or DSA trains networks on, given a set of this dataset."""
    labels = distilled.labels if protocol == "soft" else distilled.hard_labels
    if protocol == "dsa":
        return Training(labels, SGD.augmented_epochs, dsa_augmentation(flip=not _are_digits(distilled)))
    if distilled.info.get("dataset", {}).get("name") == "mnist":
        return Training(labels, SGD.augmented_epochs, dc_augmentation)
    return Training(labels, SGD.epochs, None)


def _are_digits(distilled: DistilledSet) -> bool:
    """Whether the images are of digits, which mirrored are none; their classes are `0` or, of torchvision, `0 - zero`.

    Data given in Python without names of classes are no digits: their classes are numbered.
    """
    classes = tuple(distilled.info["classes"])
    if distilled.info.get("dataset", {}).get("name") == GIVEN_NAME and classes == DIGIT_NAMES:
        return False
    return tuple(name.partition(" - ")[0] for name in classes) == DIGIT_NAMES


def train(distilled: DistilledSet, loss: Loss, theta: Tensor, *, protocol: str, passes: int = 0) -> Tensor:
    """Train networks by SGD; the order and the learned rates of the set are not used.

    As the field's code counts, there is one epoch more than `Training.epochs`. After half of these and two more, the
    rate is a tenth, and momentum begins anew. All nets see the same minibatches and changes of images.

    Args:
        distilled: the set, whose seed draws minibatches and changes.
        loss: each net's mean loss on a batch.
        theta: initial weights `[nets, P]`.
        protocol: `dc`, `dsa` or `soft`; the draws depend on it.
        passes: epochs in all in place of the protocol's, with the classes as labels and no augmentation.
    """
    if passes:
        labels, epochs, augment = Training(distilled.hard_labels, passes - 1, None)
    else:
        labels, epochs, augment = training(distilled, protocol)
    x, y = (t.flatten(0, 1).to(theta.device) for t in (distilled.images, labels))
    seed = distilled.info["config"]["seed"]
    trained = []
    parts = net_batches(theta)
    with progress(len(parts) * (epochs + 1), unit="epoch", within_a_step=True) as bar:
        for part in parts:
            weights = part.clone()
            sgd = _optimiser(weights, SGD.lr)
            for epoch in range(epochs + 1):
                rng = generator(seed, protocol, epoch)
                for rows in torch.randperm(len(x), generator=rng).to(x.device).split(SGD.batch):
                    images = augment(x[rows], rng) if augment else x[rows]
                    _, weights.grad = value_and_gradient_in_chunks(loss, weights, images, y[rows])
                    sgd.step()
                if epoch == epochs // 2 + 1:
                    sgd = _optimiser(weights, SGD.lr / 10)
                bar.update()
            trained.append(weights)
    return torch.cat(trained)


def _optimiser(weights: Tensor, lr: float) -> torch.optim.SGD:
    return torch.optim.SGD([weights], lr=lr, momentum=SGD.momentum, weight_decay=SGD.weight_decay)
