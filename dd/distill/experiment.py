"""One experiment assembled from its settings: network, initial weights, real batches, trainer."""

import copy
import math
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from dd.data.batches import RealBatches, normalise, rows_of_each_class
from dd.data.prepared import OWN_NORMALISATION, Dataset
from dd.distill.begun import check_begun, images_for
from dd.distill.derivatives import reverse_over_forward_is_exact, second_derivative_error
from dd.distill.differentiable_augmentation import NONE
from dd.distill.distilled_set import DistilledSet
from dd.distill.init_kinds import INITS
from dd.distill.initial_weights import FixedInitial, Pool, WeightSources, initial_distribution
from dd.distill.inner_training import native
from dd.distill.loss import Loss, classification, poisoned
from dd.distill.metrics import accuracy
from dd.distill.networks import build_for, check_for, is_image, session_identity
from dd.distill.run import MakeBar, Record, run
from dd.distill.settings import DistillConfig
from dd.distill.snapshots import Snapshots
from dd.distill.trainer import Trainer
from dd.distill.unroll import train
from dd.nets.init_schemes import count, flat_weights
from dd.nets.pretrained import PretrainedFile
from dd.nets.stacked import StackedNet, net_batches
from dd.runtime.errors import UserError
from dd.runtime.files import provenance
from dd.runtime.loop import Store
from dd.runtime.process_group import ProcessGroup
from dd.runtime.seeds import generator

TRIAL_IMAGES = 2
"""Images on which second derivatives are tried. With more, large networks would take seconds and gigabytes in double
precision."""


class Experiment:
    """A dataset, a configuration, and everything that Algorithm 1 needs, made from them."""

    def __init__(
        self,
        config: DistillConfig,
        dataset: Dataset,
        *,
        device: str = "cpu",
        pool: Pool | None = None,
        file: PretrainedFile | None = None,
        begun: DistilledSet | None = None,
    ) -> None:
        """Pre-trained initial weights come from a `pool` or, if the init has only one net, from a `file` instead.

        With `begun`, a finished set, images, labels and rates begin as that set's, and a fixed net as the set's own.

        Raises:
            UserError: settings, data, network and weights do not fit each other.
        """
        self.config, self.dataset, self.begun = config, dataset, begun
        self.pool, self.pretrained = pool, pool or file
        _check(config, dataset, pool, file)
        shape, classes = dataset.image_shape, len(dataset.classes)
        make = partial(build_for, config.net, shape, classes)
        # a file's batch statistics belong to its weights, and so does its normalisation of images as a rule
        self.module = file.network(make) if file else make()
        told = None if dataset.info.get("normalisation") == OWN_NORMALISATION else file
        self.mean = torch.tensor(told.info["mean"]) if told else dataset.mean
        self.std = torch.tensor(told.info["std"]) if told else dataset.std
        self.buffers = _buffers(self.module) if file else {}
        check_for(make, config.net, shape, classes, net=self.module)
        if begun:
            check_begun(begun, config, dataset)
        if pool:
            pool.check(config.net, shape, classes, count(self.module))
        self.net = StackedNet(self.module).to(device)
        begun_weights = begun.fixed_weights if begun else None
        sources = WeightSources(
            make=make,
            scheme=config.init_scheme,
            seed=config.seed,
            weights=flat_weights(self.module) if file else begun_weights,
            pool=pool,
            pool_net=config.pool_net,
            reserved=config.validation_nets,
        )
        self.initial = initial_distribution(INITS[config.init], sources)
        self.fixed_weights = self.initial.weights if isinstance(self.initial, FixedInitial) else None
        self._make_trainer(device)
        first_step = self.trainer.learned.classes_of_images[0]
        self.snapshots = Snapshots(config.meta_steps, first_step.tolist())

    def _make_trainer(self, device: str) -> None:
        config, dataset = self.config, self.dataset
        rows, watched = dataset.split(config.validation_images, config.seed, withhold=not config.train_on_all)
        start = None
        if self.begun:
            start = images_for(self.begun, self.mean, self.std)
        elif config.start == "real":
            start = self._real_images(rows)
        y = poisoned(dataset.y_train, attack_class=config.attack_class, target_class=config.target_class)
        self.validation = dataset.x_train[watched], y[watched]
        images = dataset.training_images()._replace(y=y, mean=self.mean, std=self.std)
        real = RealBatches(
            images.to(device),
            batch_size=config.real_batch,
            seed=config.seed,
            rows=rows,
            short_batches=config.short_batches,
        )
        loss = classification(self.net)
        self.trainer = Trainer(
            config,
            loss,
            self.initial,
            real,
            image_shape=dataset.image_shape,
            classes=len(dataset.classes),
            device=device,
            reverse_over_forward=self._allows_reverse_over_forward(loss),
            start=start,
        )
        if self.begun:
            self.trainer.learned.go_on_from(self.begun.labels, self.begun.lrs)

    def _allows_reverse_over_forward(self, loss: Loss) -> bool:
        """Whether reverse-over-forward works for this network, with the device and precision of the training.

        Raises:
            UserError: neither reverse-over-forward nor reverse-over-reverse works.
        """
        x = normalise(self.dataset.x_train[:TRIAL_IMAGES], self.mean, self.std)
        y = self.dataset.y_train[:TRIAL_IMAGES]
        theta, device = self.initial("validation", [0]), next(self.net.module.parameters()).device
        in_double = classification(StackedNet(copy.deepcopy(self.module).double()))
        # two nets at once if training computes several at once, which takes other operations than one net
        several = net_batches(theta.repeat(min(self.config.nets, 2), 1).to(device))[0]
        error = partial(second_derivative_error, loss, several, x.to(device), y.to(device))
        exact = reverse_over_forward_is_exact(in_double, theta.double(), x.double(), y)
        if exact and not error(reverse_over_forward=True):
            return True
        if why := error(reverse_over_forward=False):
            raise UserError(
                f"net {self.config.net}: PyTorch has no second derivative of some of its operations ({why})"
            )
        return False

    def _real_images(self, rows: Tensor) -> Tensor:
        """Images of each class to start from, drawn without replacement from `rows`: `[steps, n, C, H, W]`."""
        x, y = self.dataset.x_train, self.dataset.y_train[rows]
        steps, per_class = self.config.steps, self.config.images_per_class
        draw = generator(self.config.seed, "start")
        own = rows_of_each_class(y, len(self.dataset.classes), steps * per_class, draw, "steps or images_per_class")
        chosen = rows[own].unflatten(1, (steps, per_class)).transpose(0, 1).flatten(1)
        return normalise(x[chosen.flatten()], self.mean, self.std).unflatten(0, chosen.shape)

    def identity(self) -> dict:
        """The settings and data that decide the result; a checkpoint of another identity is refused."""
        return {
            **self.config.model_dump(),
            "dataset": self.dataset.info["sha256"],
            "augmentation": self.dataset.augmentation,
            "pretrained": self.pretrained.info if self.pretrained else None,
            "pool": self.pool.digest if self.pool else None,
            "begun": self.begun.digest if self.begun else None,
            **session_identity(self.config.net, self.module),
        }

    def run(self, store: Store, *, group: ProcessGroup, progress: MakeBar, record: Record) -> DistilledSet:
        """Distil to the last meta-step, as `dd.distill.run.run` tells, and return the set."""
        self.trainer.group = group
        history = run(self.trainer, self.validate, store, progress, record, self.snapshots)
        return self.distilled(history[-1])

    def validate(self) -> Tensor:
        """Accuracies in percent `[nets]` on the validation images, of nets that distillation has never seen.

        With `train_on_all` it has seen the images.
        """
        trainer = self.trainer
        nets = self.initial.nets("validation", self.config.validation_nets)
        percent, share = torch.zeros(nets), list(trainer.group.share(range(nets)))
        if share:
            theta = self.initial("validation", share).to(trainer.device)
            data = trainer.learned.data()
            trained = train(trainer.loss, theta, data, options=native(self.config, data))
            percent[share] = accuracy(self.net, trained, *self.validation, self.mean, self.std)
        return trainer.group.all_reduce(percent)

    def distilled(self, last: dict) -> DistilledSet:
        """The distilled set as it is now; `last` is the last row of its history."""
        dataset = self.dataset
        std = None if math.isnan(last["accuracy_std"]) else last["accuracy_std"]  # of one net; JSON has no NaN
        info = {
            "dataset": dataset.origin,
            "classes": dataset.classes,
            "config": self.config.model_dump(),
            "validation": {"accuracy": last["accuracy"], "accuracy_std": std, "nets": last["nets"]},
            "made with": provenance(),
        }
        if self.pretrained:
            info["pretrained"] = self.pretrained.info
        if self.pool:
            info["pool"] = self.pool.digest
        if self.begun:
            info["begun"] = self.begun.digest
        data = self.trainer.learned.data().to("cpu")
        return DistilledSet(
            images=data.images,
            labels=data.labels,
            lrs=data.lrs,
            mean=self.mean,
            std=self.std,
            fixed_weights=self.fixed_weights,
            buffers=self.buffers,
            info=info,
        )


def made_with(path: Path) -> dict:
    """The settings and data that the distilled set at `path` was made with, as `Experiment.identity` names them.

    Raises:
        UserError: the file is missing, damaged, or not a distilled set.
    """
    info = DistilledSet.load(path).info
    settings = DistillConfig().model_dump() | info.get("config", {})  # older sets lack newer settings
    nets = {"pool": info["pool"]} if "pool" in info else {}  # which older sets lack
    data = info.get("dataset", {})
    known = {"dataset": data.get("sha256"), "pretrained": info.get("pretrained"), "begun": info.get("begun")}
    if "augmentation" in data:  # which older sets lack
        known["augmentation"] = data["augmentation"]
    return {**settings, **known, **nets}


def _check(config: DistillConfig, dataset: Dataset, pool: Pool | None, file: PretrainedFile | None) -> None:
    if lacks := config.missing_class(dataset.name, len(dataset.classes)):
        raise UserError(lacks)
    if not is_image(shape := dataset.image_shape):
        if config.dsa != NONE:
            raise UserError(f"dsa: changes square images [C, S, S], not inputs {list(shape)}; leave it out")
        if pool or file:
            raise UserError("pool, pretrained: their networks are for square images; leave them out")
    if (pool or file) and not INITS[config.init].pretrained:
        raise UserError(f"init: {config.init} takes no weights from a pool or a file; leave it out")
    if pool and file:
        raise UserError("pool, pretrained: initial weights come from one of them; leave out the other")


def _buffers(module: nn.Module) -> dict[str, Tensor]:
    parameters = {name for name, _ in module.named_parameters()}
    return {name: tensor for name, tensor in module.state_dict().items() if name not in parameters}
