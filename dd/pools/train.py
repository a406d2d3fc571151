"""Networks trained on real images, many side by side."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from tqdm import tqdm

from dd.data.batches import RealBatches, TrainingImages
from dd.data.prepared import Dataset
from dd.distill.derivatives import value_and_gradient_in_chunks
from dd.distill.initial_weights import RandomInitial
from dd.distill.light_adam import LightAdam
from dd.distill.loss import Loss, classification
from dd.distill.metrics import accuracy
from dd.nets.factory import build
from dd.nets.stacked import StackedNet, net_batches
from dd.nets.trial import check_network
from dd.pools.settings import PoolConfig, TrainConfig
from dd.runtime.errors import UserError
from dd.runtime.progress import silent


class PoolTrainer:
    """Trains networks with Adam (beta1 0.5); the rate is halved every `halve_every` epochs.

    All networks see the same batches in the same order, so they share the work on the batches. They differ only in
    their initial weights. No network depends on how many others there are. This class is a `dd.runtime.loop.Job`.
    """

    unit = "step"

    def __init__(self, loss: Loss, theta: Tensor, images: TrainingImages, *, config: TrainConfig) -> None:
        """A trainer at step 0.

        Args:
            loss: each net's mean loss on a batch, as for distillation.
            theta: initial weights `[nets, P]`.
            images: what to train on. If there are fewer images than `config.batch`, all of them are one batch.
            config: how to train.
        """
        self.loss, self.config = loss, config
        batch_size = min(config.batch, len(images.x))
        # as the authors, it also trains on the last images of a pass, which do not fill a batch
        self.real = RealBatches(images.to(theta.device), batch_size=batch_size, seed=config.seed, short_batches=True)
        self.theta = theta.clone()
        self.adam = LightAdam([self.theta], lr=config.lr, betas=(0.5, 0.999))
        self.total = config.epochs * self.real.per_pass
        self.done = 0

    def step(self) -> float:
        """Train every network on one batch, and return their mean loss.

        Raises:
            UserError: the loss is not finite. Then nothing has been updated.
        """
        x, y = self.real.batch(self.done)
        parts = [value_and_gradient_in_chunks(self.loss, part, x, y) for part in net_batches(self.theta)]
        loss = torch.cat([losses for losses, _ in parts]).mean()
        if not loss.isfinite():
            raise UserError(f"step {self.done}: the loss is {loss:.3g}; lower lr (now {self.config.lr:g})")
        self.theta.grad = torch.cat([gradient for _, gradient in parts])
        halvings = self.done // self.real.per_pass // self.config.halve_every
        self.adam.lr = self.config.lr * 0.5**halvings
        self.adam.step()
        self.done += 1
        return loss.item()

    def advance(self, bar: tqdm) -> None:
        """Do one step, and show its loss on the bar."""
        bar.set_postfix({"loss": f"{self.step():.3f}"}, refresh=False)

    def state(self) -> tuple[dict[str, Tensor], dict]:
        """Everything a restart needs: tensors, and plain values for JSON."""
        return {"theta": self.theta} | self.adam.moments[0], {"done": self.done}

    def restore(self, tensors: dict[str, Tensor], values: dict) -> None:
        """Go on from a `state`."""
        moments = {key: value for key, value in tensors.items() if key != "theta"}
        self.theta.copy_(tensors["theta"])
        self.adam.restore([moments])
        self.done = values["done"]


def train_nets(
    loss: Loss,
    theta: Tensor,
    images: TrainingImages,
    *,
    config: TrainConfig,
    progress: Callable[[int], tqdm] = silent,
) -> Tensor:
    """Weights `[nets, P]` after the whole training of a `PoolTrainer`; `progress` makes the bar from the total."""
    trainer = PoolTrainer(loss, theta, images, config=config)
    with progress(trainer.total) as bar:
        while trainer.done < trainer.total:
            trainer.step()
            bar.update()
    return trainer.theta


class PoolShard:
    """Some nets of one part of a pool, with their training."""

    def __init__(self, config: PoolConfig, dataset: Dataset, *, part: str, numbers: range, device: str = "cpu") -> None:
        """`part` is `train` or `held-out`. A net depends on its number in the part, not on the other nets of the shard.

        Raises:
            UserError: the network does not fit the data.
        """
        channels, size, _ = dataset.image_shape
        classes = len(dataset.classes)
        make = partial(build, config.net, channels, size, classes)
        check_network(make, config.net, channels, size, classes)
        self.config, self.dataset, self.net = config, dataset, StackedNet(make()).to(device)
        theta = RandomInitial(make, config.init_scheme, config.seed)(f"pool {part}", numbers).to(device)
        self.trainer = PoolTrainer(classification(self.net), theta, dataset.training_images(), config=config)

    def accuracy(self) -> Tensor:
        """Accuracy on the test images, in percent `[nets]`."""
        data = self.dataset
        return accuracy(self.net, self.trainer.theta, data.x_test, data.y_test, data.mean, data.std)

    def description(self) -> dict:
        """Net, data and train config, which are the same in all shards of the pool."""
        common = {
            "dataset": self.dataset.origin,
            "image": list(self.dataset.image_shape),
            "classes": self.dataset.classes,
        }
        return self.config.model_dump() | common
