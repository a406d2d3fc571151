"""One experiment assembled from its settings: network, initial weights, real batches, trainer."""

from dataclasses import asdict
from functools import partial

import torch
from torch import Tensor

from dd.data.dataset import Dataset
from dd.data.real import RealBatches, normalise
from dd.distill.config import DistillConfig
from dd.distill.initial import fixed_initial, random_initial
from dd.distill.objective import accuracy, classification
from dd.distill.steps import DistilledSet
from dd.distill.trainer import Trainer
from dd.distill.unroll import tangents_exact, train
from dd.nets import build, try_out
from dd.nets.stacked import StackedNet
from dd.runtime.artifacts import provenance
from dd.runtime.errors import UserError


class Experiment:
    """A dataset, a configuration and everything Algorithm 1 needs of them."""

    def __init__(self, config: DistillConfig, dataset: Dataset, device: str = "cpu"):
        self.config, self.dataset = config, dataset
        channels, size, _ = dataset.image_shape
        classes = len(dataset.classes)
        make = partial(build, config.net, channels, size, classes)
        module = make()
        try_out(module, config.net, channels, size, classes)
        self.net = StackedNet(module).to(device)
        if config.compile and not self.net.stacks:
            raise UserError(f"compile: only for nets with a method `stacked`, which {config.net} lacks")
        initial = random_initial(make, config.init_law, config.seed)
        self.fixed_weights = initial("fixed", [0])[0] if config.init == "fixed" else None
        self.initial = initial if self.fixed_weights is None else fixed_initial(self.fixed_weights)
        (x, y), self.validation = dataset.split(config.validation_images, config.seed)
        real = RealBatches(x.to(device), y.to(device), dataset.mean, dataset.std, config.real_batch, config.seed)
        loss = classification(self.net, config.compile)
        x, y = normalise(dataset.x_train[:8], dataset.mean, dataset.std).double(), dataset.y_train[:8]
        theta = self.initial("validation", [0]).double()
        tangents = tangents_exact(classification(StackedNet(module.double())), theta, x, y)
        self.trainer = Trainer(config, loss, loss, self.initial, real, dataset.image_shape, classes, device, tangents)

    def validate(self) -> Tensor:
        """Accuracies in percent `[nets]` on the images kept aside, of nets never trained on in distillation."""
        trainer, images = self.trainer, self.trainer.images.detach()
        nets = 1 if self.fixed_weights is not None else self.config.validation_nets
        percent, mine = torch.zeros(nets), list(trainer.team.share(range(nets)))
        if mine:
            theta = self.initial("validation", mine).to(trainer.device)
            trained = train(trainer.loss, theta, images, trainer.labels, trainer.lrs)
            percent[mine] = accuracy(self.net, trained, *self.validation, self.dataset.mean, self.dataset.std)
        return trainer.team.add_up(percent)

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
        images, labels, lrs = (t.detach().cpu() for t in (self.trainer.images, self.trainer.labels, self.trainer.lrs))
        return DistilledSet(images, labels, lrs, data.mean, data.std, self.fixed_weights, info)
