"""Networks trained on a set of real images, at every learning rate and for every number of epochs (Section 4)."""

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dd.baselines.trial import BaselineTrial, LabelledImages, joined, summary
from dd.distill.distilled_data import DistilledData
from dd.distill.inner_training import native_steps
from dd.distill.loss import classification
from dd.distill.unroll import UnrollOptions, train
from dd.nets.stacked import NETS_AT_ONCE, StackedNet

RATES = ("learned", 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
"""Learning rates that are tried: those of the distilled set, or one for all steps."""
EPOCHS = (1, 3, 5)
"""Numbers of epochs that are tried."""


class Schedule(NamedTuple):
    """A combination of learning rate and number of epochs."""

    lr: str | float
    epochs: int


class GradientDescent:
    """Plain gradient descent on a set, in the steps of the distilled set, whatever optimiser that has."""

    keys: tuple[str, ...] = Schedule._fields
    only: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, trial: BaselineTrial) -> None:
        self.trial = trial
        self.net = StackedNet(trial.distilled.make()).to(trial.device)
        self.loss = classification(self.net)
        self.rates_tried = RATES if len(trial.distilled.lrs) else RATES[1:]  # an imported set may have learned none
        # for poisoning, as many epochs as the distilled set has: in the paper one, of one GD step (Section 3.6)
        self.epochs = (len(trial.distilled.lrs),) if trial.distilled.attacks else EPOCHS

    def try_all(self, images: Tensor, judged: LabelledImages, *, stream: str, nets: int) -> list[dict[str, Any]]:
        """See `Classifier.try_all`, and `measure`."""
        return self.measure(images, self.rates_tried, self.epochs, judged, stream=stream, nets=nets)

    def test(self, images: Tensor, combination: dict[str, Any]) -> dict[str, Any]:
        """The row of one combination, measured on the test images; see `measure`."""
        trial, nets = self.trial, self.trial.settings.test_nets
        rates, epochs = [combination["lr"]], [int(combination["epochs"])]
        (row,) = self.measure(images, rates, epochs, trial.test, stream="held-out", nets=nets)
        return row

    def measure(
        self,
        images: Tensor,
        rates: Sequence[str | float],
        epochs: Sequence[int],
        judged: LabelledImages,
        *,
        stream: str,
        nets: int,
    ) -> list[dict[str, Any]]:
        """Train nets on a set with every combination of `rates` and `epochs`.

        Args:
            images: the images of the set, `[steps, n, C, H, W]`.
            rates: learning rates, or `"learned"`.
            epochs: numbers of epochs in ascending order; one run at each rate serves all of them.
            judged: the images that the trained nets classify.
            stream: the stream of the nets' initial weights.
            nets: number of nets, at most as many as the stream has.

        Returns:
            One row for each combination: lr, epochs, means and standard deviations over nets, and the number of nets.
        """
        trial, labels = self.trial, self.trial.labels(images).to(self.trial.device)
        images, nets = images.to(trial.device), trial.initial.nets(stream, nets)
        parts: dict[Schedule, list[dict[str, Tensor]]] = defaultdict(list)
        for first in range(0, nets, NETS_AT_ONCE):  # not all weights are in memory at once
            initial = trial.initial(stream, range(first, min(first + NETS_AT_ONCE, nets))).to(trial.device)
            for rate in rates:
                weights, lrs = initial, self.rates(rate)
                data, each = DistilledData(images, labels, lrs), lrs.shape[1]
                steps = native_steps(trial.distilled.config, data)
                for done, until in itertools.pairwise((0, *epochs)):
                    options = UnrollOptions(steps=steps[done * each : until * each])
                    weights = train(self.loss, weights, data, options=options)
                    measured = trial.distilled.measures(self.net, weights, judged.x, judged.y)
                    parts[Schedule(rate, until)].append(measured)
        return [schedule._asdict() | summary(joined(measured)) for schedule, measured in parts.items()]

    def rates(self, rate: str | float) -> Tensor:
        """The rates `[largest number of epochs, steps]`; beyond the learned epochs, the last one's are repeated."""
        learned, epochs = self.trial.distilled.lrs, max(self.epochs)
        if rate == "learned":
            return learned[[min(epoch, len(learned) - 1) for epoch in range(epochs)]]
        return torch.full((epochs, learned.shape[1]), float(rate))
