"""The distilled set as `dd.load` and `dd.distill` return it: what it is, and what is measured and drawn of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from dd.data.prepared import Dataset, load
from dd.data.tensors import in_memory, tensors_of
from dd.distill import distilled_set
from dd.distill.inner_training import native
from dd.distill.loss import classification
from dd.distill.networks import Network, name_of
from dd.distill.session import fingerprint
from dd.evaluation import held_out, plain_nets
from dd.evaluation.made_for import OTHER_NET
from dd.evaluation.protocols import NATIVE, PROTOCOLS, EvaluationProtocol
from dd.nets.init_schemes import flat_weights
from dd.nets.stacked import StackedNet
from dd.nets.trial import logits_of
from dd.runtime.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from matplotlib.figure import Figure

    from dd.distill.initial_weights import Pool


class DistilledSet(distilled_set.DistilledSet):
    """Distilled images with all that training on them needs: order, labels, learning rates, epochs, normalisation.

    `for images, labels, lr in distilled` goes through the GD steps of a whole training, as many as `len(distilled)`.
    """

    @classmethod
    def of(cls, distilled: distilled_set.DistilledSet) -> DistilledSet:
        """The same set with what this class adds."""
        return cls(**{field.name: getattr(distilled, field.name) for field in fields(distilled)})

    def __len__(self) -> int:
        """The GD steps of a whole training; raises what `check_rates` raises."""
        return len(native(self.config, self.data).steps_on(self.data))

    def __bool__(self) -> bool:
        """True, with or without rates of its own."""
        return True

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, float]]:
        """Images `[n, ...]`, labels `[n]` or `[n, classes]` and the rate of each GD step of a whole training.

        The images are those of the step, changed where the settings have an augmentation (`dsa`). Where they have a
        momentum or Adam, it is for you to apply it.
        """
        data, options = self.data, native(self.config, self.data)
        rates, (images, labels) = data.lrs.flatten().tolist(), data.flat()
        for number, step in enumerate(options.steps_on(data), start=1):
            yield options.augmented(images[step.rows], number), labels[step.rows], rates[step.rate]

    def as_dataset(self) -> TensorDataset:
        """All images and labels without their order and rates, for a DataLoader."""
        return TensorDataset(self.images.flatten(0, 1), self.labels.flatten(0, 1))

    def to(self, device: torch.device | str) -> DistilledSet:
        """The same set on another device."""
        moved: dict[str, Any] = {
            key: value.to(device) for key, value in vars(self).items() if isinstance(value, Tensor)
        }
        return replace(self, **moved, buffers={key: value.to(device) for key, value in self.buffers.items()})

    def train(self, net: Network, *, protocol: str = NATIVE) -> nn.Module:
        """Train a network on the distilled images, in place; a name, class or function makes a new one.

        By `native`, a new one of the set's own kind has the weights the set is made for, another one random weights by
        the set's scheme; by the other protocols, any has weights as its class draws them. Layers are in evaluation mode
        in `native` training, as in distillation, and after any. Only batch normalisation is by the minibatch, unless
        the network is of the kind that the set was distilled for and trained by `native`. On a GPU, PyTorch rounds
        convolutions to TF32 until `dd.distill` or `dd.runtime.devices.exact_products` is called.

        Args:
            net: a network, or what makes one.
            protocol: how it is trained: see `python -m dd evaluate --help`. A set without rates of its own has no
                `native` protocol; `dc` fits every set.

        Returns:
            The trained network.

        Raises:
            UserError: the network does not fit the set, the protocol is unknown or does not fit it, or a new network
                would come from a pool: give `distilled.net(pool=...)`.
        """
        chosen = self._protocol(protocol)
        made: distilled_set.DistilledSet
        if isinstance(net, nn.Module):
            made = self._as_if_for(net)
        else:
            made, initial = plain_nets.nets_for(self, self._name(net), chosen)
            weights, net = initial("anew", [int(torch.randint(2**62, ()))])[0], made.make()
            nn.utils.vector_to_parameters(weights.clone(), net.parameters())
            net = net.to(self.images.device)
        stacked, theta = StackedNet(net), flat_weights(net).unsqueeze(0)
        ((module, trained),) = plain_nets.trained(made, stacked, classification(stacked), theta, chosen)
        nn.utils.vector_to_parameters(trained[0], net.parameters())
        net.load_state_dict(dict(module.module.named_buffers()), strict=False)  # running statistics
        return net.eval()

    def _as_if_for(self, net: nn.Module) -> distilled_set.DistilledSet:
        """The set as if it were made for a network that is given, if that is known to be of another kind than its own.

        Raises:
            UserError: the network does not fit the set.
        """
        weights = next(iter(net.parameters()), self.images)
        with torch.no_grad():
            logits_of(net.eval(), type(net).__name__, self.images[0, :2].to(weights.device), len(self.info["classes"]))
        other = replace(self, info=self.info | {OTHER_NET: True})
        try:
            return self if fingerprint(net) == fingerprint(self.make()) else other
        except UserError:  # only the session that distilled the set could make its own
            return other

    def _name(self, net: Network | None) -> str:
        """The name of the kind of network that is asked for; the set's own for None."""
        return self.info["config"]["net"] if net is None else name_of(net, self.image_shape, len(self.info["classes"]))

    def evaluate(
        self,
        data: Dataset | Path | str | Any,
        labels: Any = None,
        *,
        nets: int = 20,
        net: Network | None = None,
        protocol: str = NATIVE,
        random_init: bool = False,
        pool: Pool | None = None,
    ) -> pd.DataFrame:
        """Train held-out networks on the set, and test each before and after on real images it was not distilled from.

        It computes where the set is (`to`), on a GPU in the precision that `train` tells of.

        Args:
            data: a prepared dataset or its path, of which the test images are taken; or inputs, with `labels`; or a
                `torch.utils.data.Dataset`.
            labels: of inputs.
            nets: how many; a fixed initialisation has one.
            net: another network than the set's own, which gets new random weights.
            protocol: how they are trained: see `python -m dd evaluate --help`. By all but `native`, networks are new.
            random_init: whether the set's own network gets new random weights too.
            pool: of a set that was made for the nets of one.

        Returns:
            A row for each net and stage; see `dd.evaluation.held_out.evaluate`.

        Raises:
            UserError: the data or the network do not fit the set, `nets` is no whole number from 1, or the protocol is
                unknown or does not fit the set.
        """
        if not isinstance(nets, int) or nets < 1:
            raise UserError(f"nets: {nets!r} is no number of networks; give a whole one from 1")
        chosen = self._protocol(protocol)
        dataset = self._tested_on(data, labels)
        made, initial = plain_nets.nets_for(self, self._name(net), chosen, random_init=random_init, pool=pool)
        return held_out.evaluate(made, dataset, initial, nets, device=str(self.images.device), protocol=protocol)

    def _protocol(self, name: str) -> EvaluationProtocol:
        if not isinstance(name, str) or name not in PROTOCOLS:
            raise UserError(f"protocol: {name!r} is none of {', '.join(PROTOCOLS)}")
        PROTOCOLS[name].check(self)
        return PROTOCOLS[name]

    def _tested_on(self, data: Any, labels: Any) -> Dataset:
        if not isinstance(data, Dataset) and (isinstance(data, str) or hasattr(data, "__fspath__")):
            data = load(data)
        if isinstance(data, Dataset):
            if labels is not None:
                raise UserError("labels: a prepared dataset has its own; leave them out")
            return data
        x, y = tensors_of(data, labels)
        classes = self.info["classes"]
        if int(y.max()) >= len(classes):
            raise UserError(f"labels: {int(y.max())}, but the set has classes 0 to {len(classes) - 1}")
        return replace(in_memory(x, y, classes), x_test=x, y_test=y)

    def plot(self, steps: Sequence[int] | None = None, *, title: str | None = None) -> Figure:
        """A picture of its images with their rates, a column a step and a row a class.

        Args:
            steps: which to show, counted from 1; all by default.
            title: above the picture; by default what the set is.

        Raises:
            UserError: its inputs are no images, or it has no such step.
        """
        from dd.report.figures.distilled_images import drawn

        return drawn(self, steps, title=title)
