"""Networks trained on a set of real images by a protocol of the field, as they are on a distilled set."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from dd.baselines.trial import BaselineTrial, LabelledImages, joined, summary
from dd.distill.loss import classification
from dd.evaluation.plain_nets import trained
from dd.evaluation.protocols import EvaluationProtocol
from dd.nets.stacked import NETS_AT_ONCE, StackedNet


class ByProtocol:
    """Networks trained by one protocol, which leaves nothing to choose."""

    keys: tuple[str, ...] = ("protocol",)

    def __init__(self, protocol: EvaluationProtocol, trial: BaselineTrial) -> None:
        self.protocol, self.trial = protocol, trial
        self.only: Mapping[str, Any] = {"protocol": protocol.name}
        self.net = StackedNet(trial.distilled.make()).to(trial.device)
        self.loss = classification(self.net)

    def try_all(self, images: Tensor, judged: LabelledImages, *, stream: str, nets: int) -> list[dict[str, Any]]:
        """The only row: see `Classifier.try_all`."""
        trial = self.trial
        real = replace(trial.distilled, images=images.contiguous(), labels=trial.labels(images))
        parts: list[dict[str, Tensor]] = []
        nets = trial.initial.nets(stream, nets)
        for first in range(0, nets, NETS_AT_ONCE):  # not all weights are in memory at once
            theta = trial.initial(stream, range(first, min(first + NETS_AT_ONCE, nets))).to(trial.device)
            tested = trained(real, self.net, self.loss, theta, self.protocol)
            parts += [real.measures(net, weights, *judged) for net, weights in tested]
        return [{**self.only} | summary(joined(parts))]

    def test(self, images: Tensor, combination: dict[str, Any]) -> dict[str, Any]:
        """See `Classifier.test`."""
        del combination  # the only one
        (row,) = self.try_all(images, self.trial.test, stream="held-out", nets=self.trial.settings.test_nets)
        return row
