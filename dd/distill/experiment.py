"""One experiment assembled from its settings: network, initial weights, real batches, trainer."""

import copy
from dataclasses import asdict
from functools import partial

import torch
from torch import Tensor

from dd.data.batches import RealBatches, normalise, rows_of_each_class
from dd.data.prepared import Dataset
from dd.distill.distilled_set import DistilledSet
from dd.distill.initial_weights import FixedInitial, Pool, PoolInitial, RandomInitial
from dd.distill.loss import accuracy, classification, poisoned
from dd.distill.settings import DistillConfig
from dd.distill.trainer import Trainer
from dd.distill.unroll import refusal, tangents_exact, train
from dd.nets.build import build, try_out
from dd.nets.init_schemes import count, flat_weights
from dd.nets.pretrained import PretrainedFile, pretrained
from dd.nets.stacked import StackedNet, net_batches
from dd.runtime.errors import UserError
from dd.runtime.files import provenance
from dd.runtime.seeds import generator

FEW = 2
"""Images that the way back is tried on: in double precision, large networks take seconds and gigabytes for more."""


class Experiment:
    """A dataset, a configuration and everything Algorithm 1 needs of them."""

    def __init__(
        self,
        config: DistillConfig,
        dataset: Dataset,
        device: str = "cpu",
        pool: Pool | None = None,
        file: PretrainedFile | None = None,
    ) -> None:
        """Initial weights that are pre-trained come from a `pool` or, where there is one net, from a `file` instead.

        Raises:
            UserError: settings, data, network and weights do not go together.
        """
        self.config, self.dataset, self.pretrained = config, dataset, pool or file
        channels, size, _ = dataset.image_shape
        classes = len(dataset.classes)
        if max(config.attack_class, config.target_class) >= classes:
            raise UserError(f"attack_class, target_class: {dataset.name} has the classes 0 to {classes - 1}")
        if (pool or file) and not config.init.endswith("_pretrained"):
            raise UserError(f"init: {config.init} takes no weights from a pool or a file; leave it out")
        if pool and file:
            raise UserError("pool, pretrained: initial weights come from one of them; leave out the other")
        make = partial(build, config.net, channels, size, classes)
        # a file's batch statistics and normalisation of images belong to its weights
        self.module = pretrained(make, file.tensors, str(file.path)) if file else make()
        statistics = (torch.tensor(file.info[key]) for key in ("mean", "std")) if file else (dataset.mean, dataset.std)
        self.mean, self.std = statistics
        parameters = {name for name, _ in self.module.named_parameters()}
        self.buffers = {n: t for n, t in self.module.state_dict().items() if n not in parameters} if file else {}
        try_out(self.module, config.net, channels, size, classes)
        if pool:
            pool.check(config.net, dataset.image_shape, classes, count(self.module))
        self.net = StackedNet(self.module).to(device)
        self.fixed_weights = self._fixed_weights(make, pool, file)
        if self.fixed_weights is not None:
            self.initial = FixedInitial(self.fixed_weights)
        elif config.init == "random_pretrained":
            self.initial = PoolInitial(_needed(pool, config), config.validation_nets, config.seed)
        else:
            self.initial = RandomInitial(make, config.init_scheme, config.seed)
        rows, kept = dataset.split(config.validation_images, config.seed)
        start = self._real_images(rows) if config.start == "real" else None
        x, y = dataset.x_train, poisoned(dataset.y_train, config.attack_class, config.target_class)
        self.validation = x[kept], y[kept]
        real = RealBatches(x.to(device), y.to(device), self.mean, self.std, config.real_batch, config.seed, rows)
        loss, tangents = classification(self.net), self._tangents()
        shape = dataset.image_shape
        self.trainer = Trainer(config, loss, loss, self.initial, real, shape, classes, device, tangents, start)

    def _tangents(self) -> bool:
        """Which of the two ways back this network allows, as it will be computed.

        Raises:
            UserError: it allows neither.
        """
        x, y = normalise(self.dataset.x_train[:FEW], self.mean, self.std), self.dataset.y_train[:FEW]
        theta, device = self.initial("validation", [0]), next(self.net.module.parameters()).device
        in_double = classification(StackedNet(copy.deepcopy(self.module).double()))
        # as many nets at once as there will be: one and several are computed by other operations
        several = net_batches(theta.repeat(min(self.config.nets, 2), 1).to(device))[0]
        one_step = partial(refusal, classification(self.net), several, x.to(device), y.to(device))
        if tangents_exact(in_double, theta.double(), x.double(), y) and not one_step(True):
            return True
        if why := one_step(False):
            raise UserError(f"net {self.config.net}: PyTorch has no second derivative of all it does ({why})")
        return False

    def _fixed_weights(self, make, pool: Pool | None, file: PretrainedFile | None) -> Tensor | None:
        match self.config.init:
            case "fixed":
                return RandomInitial(make, self.config.init_scheme, self.config.seed)("fixed", [0])[0]
            case "fixed_pretrained" if file:
                return flat_weights(self.module)
            case "fixed_pretrained":
                return _needed(pool, self.config).rows("train", [self.config.pool_net])[0]
        return None

    def _real_images(self, rows: Tensor) -> Tensor:
        """Of those in `rows`, images of each class, none twice, to start from: `[steps, n, C, H, W]`."""
        x, y = self.dataset.x_train, self.dataset.y_train[rows]
        steps, per_class = self.config.steps, self.config.images_per_class
        draw = generator(self.config.seed, "start")
        own = rows_of_each_class(y, len(self.dataset.classes), steps * per_class, draw, "steps or images_per_class")
        chosen = rows[own].unflatten(1, (steps, per_class)).transpose(0, 1).flatten(1)
        return normalise(x[chosen.flatten()], self.mean, self.std).unflatten(0, chosen.shape)

    def validate(self) -> Tensor:
        """Accuracies in percent `[nets]` on the images kept aside, of nets never trained on in distillation."""
        trainer, images = self.trainer, self.trainer.images.detach()
        nets = self.initial.nets("validation", self.config.validation_nets)
        percent, mine = torch.zeros(nets), list(trainer.group.share(range(nets)))
        if mine:
            theta = self.initial("validation", mine).to(trainer.device)
            data = images, trainer.labels, trainer.lrs
            trained = train(trainer.loss, theta, *data, momentum=self.config.momentum)
            percent[mine] = accuracy(self.net, trained, *self.validation, self.mean, self.std)
        return trainer.group.all_reduce(percent)

    def distilled(self, last: dict) -> DistilledSet:
        """The set as it stands; `last` is the last row of its history."""
        data = self.dataset
        info = {
            "dataset": {key: data.info[key] for key in ("name", "sha256", "source", "fidelity")},
            "classes": data.classes,
            "config": asdict(self.config),
            "validation": {key: last[key] for key in ("accuracy", "accuracy_std", "nets")},
            "made with": provenance(),
        }
        if self.pretrained:
            info["pretrained"] = self.pretrained.info
        images, labels, lrs = (t.detach().cpu() for t in (self.trainer.images, self.trainer.labels, self.trainer.lrs))
        return DistilledSet(images, labels, lrs, self.mean, self.std, self.fixed_weights, self.buffers, info)


def _needed(pool: Pool | None, config: DistillConfig) -> Pool:
    if pool is None:
        or_file = " or of a file (--pretrained)" if config.init == "fixed_pretrained" else ""
        raise UserError(f"init: {config.init} needs the nets of a pool (--pool){or_file}")
    return pool
