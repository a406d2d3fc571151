"""Networks trained on all training images, in the way of the field's protocols: the upper line of distilled sets."""

from dataclasses import replace

import torch
from torch import Tensor

from dd.data.batches import normalise
from dd.data.prepared import Dataset
from dd.distill.distilled_set import DistilledSet
from dd.distill.loss import Loss
from dd.evaluation import minibatch_training
from dd.evaluation.protocols import EvaluationProtocol


def whole_data(distilled: DistilledSet, dataset: Dataset) -> DistilledSet:
    """All training images as one step of a set, for the network of a distilled one, normalised as the dataset is."""
    info = {key: value for key, value in distilled.info.items() if key != "whitening"}
    images = normalise(dataset.x_train, dataset.mean, dataset.std).unsqueeze(0)
    labels = dataset.y_train.unsqueeze(0)
    own = replace(distilled, fixed_weights=None, buffers={}, info=info)
    return replace(own, images=images, labels=labels, lrs=torch.zeros(0, 1), mean=dataset.mean, std=dataset.std)


def by_epochs(epochs: int) -> EvaluationProtocol:
    """SGD as of `dc` for so many epochs, without augmentation."""

    def train(distilled: DistilledSet, loss: Loss, theta: Tensor) -> Tensor:
        return minibatch_training.train(distilled, loss, theta, protocol="whole", passes=epochs)

    return EvaluationProtocol(
        name=f"{epochs} epochs",
        description=f"{epochs} epochs of SGD as of dc, without augmentation",
        train=train,
        plain_nets=True,
    )
