"""Networks trained on real images, many side by side."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial

import torch
from torch import Tensor
from tqdm import tqdm

from dd.data.batches import RealBatches
from dd.data.prepared import Dataset
from dd.distill.initial_weights import RandomInitial
from dd.distill.loss import Loss, accuracy, classification
from dd.distill.run import StoppedError, Store, stop_signals
from dd.distill.unroll import judge
from dd.nets.build import build, try_out
from dd.nets.stacked import StackedNet, net_batches
from dd.pools.settings import PoolConfig, TrainConfig
from dd.runtime.errors import UserError
from dd.runtime.progress import silent


class PoolTrainer:
    """Networks under training with Adam (beta1 0.5), the rate halved every `halve_every` epochs.

    Every network sees the same batches in the same order, so they share the work on them, and none depends on how many
    others there are. What differs is where they start.
    """

    def __init__(
        self, loss: Loss, theta: Tensor, x: Tensor, y: Tensor, mean: Tensor, std: Tensor, recipe: TrainConfig
    ) -> None:
        """Args:
        loss: as for distillation.
        theta: initial weights `[nets, P]`.
        x: training images, uint8 `[N, C, H, W]`; all of them are one batch if they are fewer than `recipe.batch`.
        y: labels `[N]`.
        mean: `[C]`, on the scale 0 to 1.
        std: `[C]`.
        recipe: how.
        """
        self.loss, self.recipe = loss, recipe
        x, y = x.to(theta.device), y.to(theta.device)
        self.real = RealBatches(x, y, mean, std, min(recipe.batch, len(x)), recipe.seed)
        self.theta = theta.clone()
        self.adam = torch.optim.Adam([self.theta], betas=(0.5, 0.999))
        self.steps, self.done = recipe.epochs * self.real.per_pass, 0

    def step(self) -> float:
        """One batch for every network; their mean loss.

        Raises:
            UserError: it is not finite; nothing has been updated then.
        """
        x, y = self.real.batch(self.done)
        losses, gradients = zip(*(judge(self.loss, part, x, y) for part in net_batches(self.theta)), strict=True)
        loss = torch.cat(losses).mean()
        if not loss.isfinite():
            raise UserError(f"step {self.done}: the loss is {loss:.3g}; lower lr (now {self.recipe.lr:g})")
        self.theta.grad = torch.cat(gradients)
        halvings = self.done // self.real.per_pass // self.recipe.halve_every
        self.adam.param_groups[0]["lr"] = self.recipe.lr * 0.5**halvings
        self.adam.step()
        self.done += 1
        return loss.item()

    def state(self) -> tuple[dict[str, Tensor], dict]:
        """Everything a restart needs: tensors, and plain values for JSON."""
        return {"theta": self.theta} | self.adam.state_dict()["state"].get(0, {}), {"done": self.done}

    def restore(self, tensors: dict[str, Tensor], values: dict) -> None:
        """Go on from a `state`."""
        moments = {key: value for key, value in tensors.items() if key != "theta"}
        self.theta.copy_(tensors["theta"])
        self.adam.load_state_dict(self.adam.state_dict() | {"state": {0: moments}})
        self.done = values["done"]


def train_pool(trainer: PoolTrainer, store: Store, progress: Callable[..., tqdm]) -> None:
    """Train to the end, from the last checkpoint in `store` if there is one.

    Raises:
        StoppedError: a signal came; the state is in `store`.
    """
    if saved := store.load():
        trainer.restore(*saved)
    with stop_signals() as stop, progress(trainer.steps, trainer.done) as bar:
        while trainer.done < trainer.steps:
            bar.set_postfix({"loss": f"{trainer.step():.3f}"}, refresh=False)
            bar.update()
            if stop or store.due:
                store.save(*trainer.state())
            if stop:
                raise StoppedError(f"stopped at step {trainer.done} of {trainer.steps}; run again to go on")


def train_nets(*arguments, progress: Callable[..., tqdm] = silent) -> Tensor:
    """Weights `[nets, P]` after the whole training of a `PoolTrainer`, whose arguments these are."""
    trainer = PoolTrainer(*arguments)
    with progress(trainer.steps) as bar:
        while trainer.done < trainer.steps:
            trainer.step()
            bar.update()
    return trainer.theta


class PoolShard:
    """Nets of one part of a pool, to be trained."""

    def __init__(self, config: PoolConfig, dataset: Dataset, part: str, numbers: range, device: str = "cpu") -> None:
        """`part` is `train` or `held-out`; a net depends on its number in that, not on what else is in the shard.

        Raises:
            UserError: the network does not go with the data.
        """
        (channels, size, _), classes = dataset.image_shape, len(dataset.classes)
        make = partial(build, config.net, channels, size, classes)
        try_out(make(), config.net, channels, size, classes)
        self.config, self.dataset, self.net = config, dataset, StackedNet(make()).to(device)
        theta = RandomInitial(make, config.init_scheme, config.seed)(f"pool {part}", numbers).to(device)
        data = (dataset.x_train, dataset.y_train, dataset.mean, dataset.std)
        self.trainer = PoolTrainer(classification(self.net), theta, *data, config)

    def accuracy(self) -> Tensor:
        """On the test images, percent `[nets]`."""
        data = self.dataset
        return accuracy(self.net, self.trainer.theta, data.x_test, data.y_test, data.mean, data.std)

    def description(self) -> dict:
        """What all shards of the pool have in common."""
        data = {key: self.dataset.info[key] for key in ("name", "sha256", "source", "fidelity")}
        common = {"dataset": data, "image": list(self.dataset.image_shape), "classes": self.dataset.classes}
        return asdict(self.config) | common
