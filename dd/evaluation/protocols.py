"""How networks are trained on a distilled set to judge it. Each protocol is a function and an entry of `PROTOCOLS`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dd.runtime.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

    from dd.distill.distilled_set import DistilledSet
    from dd.distill.loss import Loss

    Train = Callable[[DistilledSet, Loss, Tensor], Tensor]


@dataclass(frozen=True)
class EvaluationProtocol:
    """A way of training networks on a distilled set."""

    name: str
    """The name in commands, the config and files."""
    description: str
    """Text for the help, and for below tables."""
    train: Train
    """Takes the set, each net's mean loss on a batch, and initial weights `[nets, P]`; returns trained weights."""
    plain_nets: bool = False
    """Whether networks are as PyTorch makes and trains them: they have the initial weights of their class, and batch
    normalisation is by the minibatch. If not, the weights are as in distillation; so is batch normalisation for the
    network that the set was distilled for."""
    needs: str = ""
    """What a set must have: `rates` of its own, `soft labels` or `square images`; empty if it fits every set."""

    def check(self, distilled: DistilledSet) -> None:
        """Refuse a set on which networks cannot be trained so.

        Raises:
            UserError: it lacks what the protocol `needs`.
        """
        if self.fits(distilled):
            return
        if self.needs == "rates":
            distilled.check_rates()
        if self.needs == "square images":
            raise UserError(f"--protocol {self.name}: changes square images, not inputs {list(distilled.image_shape)}")
        raise UserError(f"--protocol {self.name}: is for learned labels, and this set has one class an image; use dc")

    def fits(self, distilled: DistilledSet) -> bool:
        """Whether networks can be trained on this set so."""
        shape = distilled.image_shape
        has = {"": True, "rates": len(distilled.lrs) > 0, "soft labels": distilled.labels.ndim == 3}
        has["square images"] = len(shape) == 3 and shape[1] == shape[2]
        return has[self.needs]


NATIVE = "native"
"""The name of the protocol that a set is made for, which is the default."""
WHOLE = "all training images"
"""What stands in place of the name of a set where networks are trained on those."""
LENGTH = ("epochs", "gd_steps")
"""The columns of a judgement that tell how long native training is."""


@dataclass(frozen=True)
class SgdSettings:
    """How networks are trained by SGD in random minibatches."""

    epochs: int
    """One less than the passes over the images, as DC's code counts; in the second half the rate is a tenth of `lr`."""
    augmented_epochs: int
    """The same where images are augmented."""
    batch: int
    """Images of a minibatch."""
    lr: float
    momentum: float
    weight_decay: float


SGD = SgdSettings(epochs=300, augmented_epochs=1000, batch=256, lr=0.01, momentum=0.9, weight_decay=5e-4)
"""The settings in the code of DC (Zhao et al. 2021) and DSA (Zhao and Bilen 2021)."""


def native(distilled: DistilledSet, loss: Loss, theta: Tensor) -> Tensor:
    """Train on the set as in distillation: by default its steps in order, at its learned rates, for its epochs."""
    return distilled.trained(loss, theta)


def by_sgd(protocol: str) -> Train:
    """What trains on a set as the field does, by the protocol of this name; see `dd.evaluation.minibatch_training`."""

    def train(distilled: DistilledSet, loss: Loss, theta: Tensor) -> Tensor:
        from dd.evaluation import minibatch_training

        return minibatch_training.train(distilled, loss, theta, protocol=protocol)

    return train


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        EvaluationProtocol(
            name=NATIVE,
            description="the set's images in their order, at their learned rates, as often as in distillation or as "
            "--epochs says",
            train=native,
            needs="rates",
        ),
        EvaluationProtocol(
            name="dc",
            description="as DC's code does it (Zhao et al. 2021): the class of each image, "
            f"{SGD.epochs + 1} epochs of SGD in random minibatches of {SGD.batch}, rate {SGD.lr} and a tenth of it in "
            f"the second half, momentum {SGD.momentum}, weight decay {SGD.weight_decay}; for MNIST "
            f"{SGD.augmented_epochs + 1} epochs of cropped, scaled or turned images",
            train=by_sgd("dc"),
            plain_nets=True,
        ),
        EvaluationProtocol(
            name="dsa",
            description=f"as dc, but {SGD.augmented_epochs + 1} epochs of images that are changed by one kind of DSA's "
            "augmentation a minibatch (Zhao and Bilen 2021)",
            train=by_sgd("dsa"),
            plain_nets=True,
            needs="square images",
        ),
        EvaluationProtocol(
            name="soft",
            description="as dc, but on learned labels, by the cross entropy with them",
            train=by_sgd("soft"),
            plain_nets=True,
            needs="soft labels",
        ),
    )
}
"""Every protocol by name, in the order of the help."""
