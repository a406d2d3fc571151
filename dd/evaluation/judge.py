"""Many distilled sets judged alike: each under every protocol that fits it, on the same networks."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from dd.data.batches import normalise, rows_of_each_class
from dd.data.prepared import Dataset
from dd.distill.distilled_set import DistilledSet
from dd.distill.initial_weights import Initial, Pool
from dd.distill.loss import classification
from dd.evaluation.made_for import for_epochs, for_net
from dd.evaluation.plain_nets import initial_for, trained
from dd.evaluation.protocols import LENGTH, NATIVE, PROTOCOLS, WHOLE, EvaluationProtocol
from dd.evaluation.whole_data import by_epochs, whole_data
from dd.nets.init_schemes import count
from dd.nets.stacked import NETS_AT_ONCE, SMALL_NETWORK, StackedNet
from dd.runtime.errors import UserError
from dd.runtime.seeds import generator


@dataclass(frozen=True)
class Case:
    """A set under one protocol, with networks of one kind."""

    name: str
    """Of the set."""
    digest: str
    """Of the set as it was given."""
    distilled: DistilledSet
    """The set as if it were made for these networks."""
    protocol: EvaluationProtocol
    initial: Initial
    nets: int
    """How many there are."""

    @property
    def net(self) -> str:
        """What they are called."""
        return self.distilled.info["config"]["net"]


class Trial(NamedTuple):
    """Some networks of a case, trained and tested at once."""

    case: int
    """Its number."""
    nets: range
    random: bool
    """Whether they are trained on random real images in place of the set."""


class Judge:
    """Measures all cases; a `dd.runtime.loop.Job`, one step of which is a trial."""

    unit = "trial"

    def __init__(self, cases: Sequence[Case], dataset: Dataset, *, rank: bool, seed: int, device: str = "cpu") -> None:
        """If `rank`, every net is also trained on as many random real images, drawn by `seed` and the net's number."""
        self.cases, self.dataset, self.rank, self.seed, self.device = cases, dataset, rank, seed, device
        self.trials = [trial for number, case in enumerate(cases) for trial in _trials(number, case, device, rank)]
        self.measured: list[dict[str, Any]] = []
        """Of each finished trial the accuracies in percent, how many networks overflowed, and the seconds that
        training and testing took."""

    @property
    def settings(self) -> dict[str, Any]:
        """What the results depend on: a judge that was killed goes on with the same only."""
        cases = [
            [case.name, case.digest, case.protocol.name, case.net, case.nets, len(case.distilled.lrs)]
            for case in self.cases
        ]
        told = {"seed": self.seed, "rank": self.rank, "device": self.device}
        return {"cases": cases, "data": self.dataset.info["sha256"]} | told

    @property
    def total(self) -> int:
        """See `Job`."""
        return len(self.trials)

    @property
    def done(self) -> int:
        """See `Job`."""
        return len(self.measured)

    def advance(self, bar: tqdm) -> None:
        """See `Job`."""
        trial = self.trials[self.done]
        case = self.cases[trial.case]
        started = time.perf_counter()
        distilled = case.distilled
        if trial.random:
            distilled = with_random_images(distilled, self.dataset, generator(self.seed, "random real", *trial.nets))
        accuracy, finite = _measured(replace(case, distilled=distilled), self.dataset, trial.nets, self.device)
        found = {"accuracy": accuracy.tolist(), "overflowed": int((~finite).sum())}
        self.measured.append(found | {"seconds": time.perf_counter() - started})
        bar.set_postfix_str(f"{case.name}, {case.protocol.name}: {accuracy.mean():.1f} %", refresh=False)

    def state(self) -> tuple[dict[str, Tensor], dict]:
        """See `Job`."""
        return {}, {"measured": self.measured}

    def restore(self, _tensors: dict[str, Tensor], values: dict) -> None:
        """See `Job`."""
        self.measured = values["measured"]

    def table(self) -> pd.DataFrame:
        """One row for each case; docs/formats.md tells the columns. All trials must be done."""
        table = pd.DataFrame([self._row(number, case) for number, case in enumerate(self.cases)])
        return table.astype({column: "Int64" for column in LENGTH if column in table})  # which some rows lack

    def _row(self, number: int, case: Case) -> dict[str, Any]:
        own, random = (self._of(number, random=random) for random in (False, True))
        accuracy = pd.Series(own["accuracy"])
        row = {
            "kind": "judgement",
            "set": case.name,
            "set_digest": f"sha256:{case.digest}",
            "dataset": self.dataset.name,
            "fidelity": self.dataset.info["fidelity"],
            "images": case.distilled.images.shape[:2].numel(),
            "protocol": case.protocol.name,
            **self._length(case),
            "net": case.net,
            "seed": case.distilled.info["config"]["seed"],
            "stage": "after",
            "test_images": len(self.dataset.x_test),
            "nets": case.nets,
            "accuracy": accuracy.mean(),
            "accuracy_std": accuracy.std(),
            "overflowed": own["overflowed"],
            "seconds": own["seconds"],
        }
        if random["accuracy"]:
            others = pd.Series(random["accuracy"])
            margin = accuracy - others
            row |= {"random": others.mean(), "random_std": others.std()}
            row |= {"margin": margin.mean(), "margin_std": margin.std()}
            row |= {"random_overflowed": random["overflowed"], "random_seconds": random["seconds"]}
        return {key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()}

    @staticmethod
    def _length(case: Case) -> dict[str, int]:
        """The columns of `LENGTH`, if the training is as long as the set says."""
        lrs = case.distilled.lrs
        return dict(zip(LENGTH, (len(lrs), lrs.numel()), strict=True)) if case.protocol.name == NATIVE else {}

    def _of(self, number: int, *, random: bool) -> dict[str, Any]:
        """The accuracies of a case's nets, how many overflowed, and the seconds of all of them."""
        pairs = zip(self.trials, self.measured, strict=True)
        own = [found for trial, found in pairs if (trial.case, trial.random) == (number, random)]
        return {
            "accuracy": [accuracy for found in own for accuracy in found["accuracy"]],
            **{name: sum(found[name] for found in own) for name in ("overflowed", "seconds")},
        }


def make_cases(
    sets: Mapping[str, DistilledSet],
    dataset: Dataset,
    *,
    protocols: Sequence[str] = (),
    nets: Sequence[str] = (),
    count: int,
    seed: int,
    pool: Pool | None = None,
    epochs: Sequence[int] = (),
    whole: int = 0,
) -> list[Case]:
    """All cases, checked before anything is trained.

    Args:
        sets: by name.
        dataset: on whose test images networks are tested.
        protocols: names of `PROTOCOLS`, by default all; a set is judged by those that fit it, or left out.
        nets: names of networks; by default each set is judged on its own kind.
        count: networks of each kind.
        seed: of initial weights and minibatches, for protocols with plain networks; the others take that of the set.
        pool: of a set for pre-trained networks.
        epochs: of native training, a case for each; by default those of the set.
        whole: epochs for which each kind of network is trained on all training images too; 0 leaves it out.

    Raises:
        UserError: a set is not of this dataset or is made for poisoning; the protocols fit no set; `epochs` are given,
            but no set is trained on natively.
    """
    cases: list[Case] = []
    for name, distilled in sets.items():
        distilled.check(dataset, whitens=True)
        if distilled.attacks:
            raise UserError(f"{name}: is made to mislead networks, so its accuracy means nothing; use dd evaluate")
        chosen = [PROTOCOLS[each] for each in protocols or PROTOCOLS if PROTOCOLS[each].fits(distilled)]
        for net in nets or (distilled.info["config"]["net"],):
            for protocol in chosen:
                made = _for_protocol(distilled, net, protocol, seed)
                initial = initial_for(made, protocol, pool)
                found = initial.nets("held-out", count)
                cases += _lengths(Case(name, distilled.digest, made, protocol, initial, found), epochs)
    if not cases:
        PROTOCOLS[protocols[0]].check(next(iter(sets.values())))
    if epochs and not any(case.protocol.name == NATIVE for case in cases):
        raise UserError(f"--epochs: is for --protocol {NATIVE}, by which no set is judged here; leave it out")
    if whole:
        all_images, used = whole_data(next(iter(sets.values())), dataset), dict.fromkeys(case.net for case in cases)
        cases += _on_whole_data(all_images, used, by_epochs(whole), count=count, seed=seed)
    return cases


def _on_whole_data(
    all_images: DistilledSet, nets: Iterable[str], protocol: EvaluationProtocol, *, count: int, seed: int
) -> list[Case]:
    digest = all_images.digest
    made = [_for_protocol(all_images, net, protocol, seed) for net in nets]
    return [Case(WHOLE, digest, each, protocol, initial_for(each, protocol), count) for each in made]


def _lengths(case: Case, epochs: Sequence[int]) -> list[Case]:
    """The case with native training of each of these lengths; the case itself if there are none."""
    if case.protocol.name != NATIVE or not epochs:
        return [case]
    return [replace(case, distilled=for_epochs(case.distilled, each)) for each in epochs]


def _for_protocol(distilled: DistilledSet, net: str, protocol: EvaluationProtocol, seed: int) -> DistilledSet:
    """The set for networks of this kind; all sets have one seed where networks are plain."""
    made = for_net(distilled, net, random_init=protocol.plain_nets)
    if not protocol.plain_nets:
        return made
    return replace(made, info=made.info | {"config": made.info["config"] | {"seed": seed}})


def _trials(number: int, case: Case, device: str, rank: bool) -> list[Trial]:
    """The trials of a case: as many networks at once as are fastest, but those on random images one by one."""
    small = device != "cpu" or count(case.distilled.make()) <= SMALL_NETWORK
    whole = case.name == WHOLE  # whose trials are the longest, and a judge that is killed repeats the last one
    size = NETS_AT_ONCE if small and not whole else 1
    nets = range(case.nets)
    own = [Trial(number, nets[first : first + size], random=False) for first in nets[::size]]
    return own + [Trial(number, nets[net : net + 1], random=True) for net in nets if rank and not whole]


def _measured(case: Case, dataset: Dataset, nets: range, device: str) -> tuple[Tensor, Tensor]:
    """Accuracy on all test images after training, in percent `[nets]`, and whether all weights are finite, `[nets]`."""
    distilled = case.distilled
    whitening = distilled.whitening(dataset)
    theta = case.initial("held-out", nets).to(device)
    net = StackedNet(distilled.make()).to(device)
    tested = trained(distilled, net, classification(net), theta, case.protocol)
    x, y = dataset.x_test, dataset.y_test
    accuracy = torch.cat([distilled.measures(*each, x, y, whitening)["accuracy"] for each in tested])
    return accuracy, torch.cat([weights.isfinite().all(1) for _, weights in tested])


def with_random_images(distilled: DistilledSet, dataset: Dataset, draw: torch.Generator) -> DistilledSet:
    """The set with a random training image of its class in place of each image; labels are the classes.

    Raises:
        UserError: a class has fewer training images than the set has.
    """
    labels = distilled.hard_labels
    flat, classes = labels.flatten(), len(dataset.classes)
    counts = flat.bincount(minlength=classes)
    rows = rows_of_each_class(dataset.y_train, classes, int(counts.max()), draw, "it: leave out --rank")
    chosen = torch.empty_like(flat)
    for label in range(classes):
        chosen[flat == label] = rows[label, : counts[label]]
    whitening = distilled.whitening(dataset)
    images = normalise(dataset.x_train[chosen], distilled.mean, distilled.std)
    images = whitening(images) if whitening else images
    return replace(distilled, images=images.view_as(distilled.images), labels=labels)
