"""Every baseline on every learning rate and number of epochs; the best combination is tested (Section 4)."""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor

from dd.baselines.knn import Judged, combinations, knn_accuracy
from dd.baselines.real_images import SETS, RealImages, sets
from dd.data.prepared import Dataset
from dd.distill.distilled_set import DistilledSet
from dd.distill.initial_weights import Initial
from dd.distill.loss import classification, poisoned
from dd.distill.unroll import DistilledData, train
from dd.nets.stacked import NETS_AT_ONCE, StackedNet
from dd.runtime.errors import UserError
from dd.runtime.seeds import generator

RATES = ("learned", 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
EPOCHS = (1, 3, 5)
OPTIMIZED_IMAGES = 1024
"""Training images by which the optimized sets are chosen (S-1)."""
MISLED = 10.0
"""Percent of the attack class that a baseline of poisoning must mislead."""
KNN_KINDS = {"knn_random": "random", "knn_k_means": "k_means"}
KINDS = (*SETS, *KNN_KINDS)


@dataclass(frozen=True)
class Protocol:
    """How a baseline is judged."""

    draws: int = 10
    """Sets of each kind."""
    nets: int = 20
    """Nets each combination is tried on, and no test: of a pool, the first of its training nets."""
    test_nets: int = 200
    """Held-out nets the best one is tested on."""
    choose_on: str = "held-out"
    """`held-out`: the training images that distillation kept aside, of which no set has any; `test`: the test set, as
    in the paper."""
    candidates: int = 50
    """Random sets of which the optimized ones are the best `draws` ..."""
    candidate_nets: int = 20
    """... on so many nets; of a pool, the same."""
    augment: bool = False
    """See `RealImages`."""


class Judge:
    """A baseline in place of a distilled set: same network, steps, number of images, initial weights.

    Its gradient descent is plain, whatever the momentum of the set, and its labels are the images' classes.
    """

    def __init__(
        self, distilled: DistilledSet, dataset: Dataset, initial: Initial, protocol: Protocol, device="cpu"
    ) -> None:
        """`initial` are the set's initial weights.

        Raises:
            UserError: the dataset is not the one of the set.
        """
        distilled.check(dataset)
        config, self.protocol, self.device = distilled.info["config"], protocol, device
        self.distilled, self.dataset, classes = distilled, dataset, len(dataset.classes)
        self.test = (dataset.x_test, dataset.y_test)
        if protocol.choose_on == "test":
            self.choice_stream, self.choice, (x, y) = "held-out", self.test, (dataset.x_train, dataset.y_train)
        else:
            self.choice_stream = "choice"
            (x, y), self.choice = (
                (dataset.x_train[rows], dataset.y_train[rows])
                for rows in dataset.split(config["validation_images"], config["seed"])
            )
        steps, per_step = len(distilled.images), config["images_per_class"]
        statistics = (distilled.mean, distilled.std)
        self.real = RealImages(x, y, *statistics, classes, steps, per_step, config["seed"], protocol.augment)
        chosen = torch.randperm(len(x), generator=generator(config["seed"], "optimized"))[:OPTIMIZED_IMAGES]
        self.optimized_images = (x[chosen], y[chosen])
        self.net = StackedNet(distilled.make()).to(device)
        self.loss = classification(self.net)
        self.initial = initial
        # an attack has as many as the attacker's own: in the paper one, of one GD step (Section 3.6)
        self.epochs = (len(distilled.lrs),) if distilled.attacks else EPOCHS

    def labels(self, images: Tensor) -> Tensor:
        """`[steps, n]` of a set `[steps, n, ...]`, classes in order; for poisoning as the attacker wants them."""
        classes, config = self.real.classes, self.distilled.info["config"]
        labels = torch.arange(classes).repeat_interleave(images.shape[1] // classes).expand(len(images), -1)
        return poisoned(labels, config["attack_class"], config["target_class"]) if self.distilled.attacks else labels

    def rates(self, rate: str | float) -> Tensor:
        """`[most epochs, steps]`. Of the learned rates, epochs beyond those learned repeat the last."""
        learned, epochs = self.distilled.lrs, max(self.epochs)
        if rate == "learned":
            return learned[[min(epoch, len(learned) - 1) for epoch in range(epochs)]]
        return torch.full((epochs, self.real.steps), float(rate))

    def after(
        self,
        rates: Sequence[str | float],
        epochs: Sequence[int],
        images: Tensor,
        judged: Judged,
        stream: str,
        nets: int,
    ) -> list[dict]:
        """A row a combination: lr, epochs, means and standard deviations over nets, and how many they are.

        One run at each rate serves all of `epochs`.
        """
        images, labels = images.to(self.device), self.labels(images).to(self.device)
        nets, measured = self.initial.nets(stream, nets), defaultdict(list)
        for first in range(0, nets, NETS_AT_ONCE):  # not the weights of all of them at once
            initial = self.initial(stream, range(first, min(first + NETS_AT_ONCE, nets))).to(self.device)
            for rate in rates:
                weights, lrs = initial, self.rates(rate)
                for done, until in itertools.pairwise((0, *epochs)):
                    weights = train(self.loss, weights, DistilledData(images, labels, lrs[done:until]))
                    measured[rate, until].append(self.distilled.measures(self.net, weights, *judged))
        return [
            {"lr": rate, "epochs": until} | summary(**{name: torch.cat([p[name] for p in parts]) for name in parts[0]})
            for (rate, until), parts in measured.items()
        ]

    def optimized(self, candidates: list[Tensor], on_set: Callable[[], object]) -> list[Tensor]:
        """The `draws` sets that are best, each in its best combination, on other nets and 1024 training images."""
        scores = []
        for images in candidates:
            nets = self.protocol.candidate_nets
            rows = pd.DataFrame(self.after(RATES, self.epochs, images, self.optimized_images, "optimized", nets))
            best = best_combination(rows, ["lr", "epochs"])
            scores.append(rows.set_index(["lr", "epochs"]).loc[best, "accuracy"])
            on_set()
        best = torch.tensor(scores).argsort(descending=True, stable=True)[: self.protocol.draws]
        return [candidates[i] for i in best]


def summary(**measured: Tensor) -> dict:
    """Mean and standard deviation over nets of measurements `[nets]` by name, and how many nets there are."""
    row = {}
    for name, values in measured.items():
        row |= {name: values.mean().item(), f"{name}_std": values.std(correction=0).item(), "nets": len(values)}
    return row


def measure(kind: str, judge: Judge, on_set: Callable[[], object] = lambda: None) -> pd.DataFrame:
    """Try baseline `kind` of `KINDS` in every combination, and test the best one.

    `on_set` is called whenever one more of `sets_of` sets is done.

    Returns:
        A row a set, combination and stage: what `DistilledSet.setting` says, baseline, draw, the combination (`lr` and
        `epochs`, or `metric` and `neighbours`), stage (`choice`, or `test` for the best combination), images,
        chosen_on, augment, accuracy (mean over nets, %), accuracy_std (over nets), nets, and the same of misled and
        others for poisoning.

    Raises:
        UserError: too few images of a class, or too few candidates.
    """
    protocol, distilled = judge.protocol, judge.distilled
    images_of = KNN_KINDS.get(kind, kind)
    chosen = list(sets(images_of, judge.real, protocol.draws, protocol.candidates))
    if kind == "optimized":
        if len(chosen) < protocol.draws:
            raise UserError(f"candidates: {len(chosen)} are fewer than the {protocol.draws} draws chosen from them")
        chosen = judge.optimized(chosen, on_set)
    if kind in KNN_KINDS:
        tried, test = _neighbours(judge)
    else:
        tried, test = _descent(judge)
    rows = []
    for draw, images in enumerate(chosen):
        rows += [{"draw": draw, "stage": "choice", "images": len(judge.choice[0])} | row for row in tried(images)]
        on_set()
    keys = ["metric", "neighbours"] if kind in KNN_KINDS else ["lr", "epochs"]
    best = best_combination(pd.DataFrame(rows), keys)
    for draw, images in enumerate(chosen):
        row = {"draw": draw, "stage": "test", "images": len(judge.test[0])} | dict(zip(keys, best, strict=True))
        rows.append(row | test(images, *best))
        on_set()
    common = distilled.setting() | {"dataset": judge.dataset.name, "baseline": kind, "chosen_on": protocol.choose_on}
    common["augment"] = protocol.augment and images_of != "k_means"  # centroids are of the images as they are
    del common["epochs"]
    return pd.DataFrame([common | row for row in rows])


def best_combination(tried: pd.DataFrame, keys: list[str]) -> tuple:
    """The values of `keys` with the highest mean accuracy over sets.

    For poisoning it is the highest among those that mislead at least 10 % of the attack class, lest rates too low to
    change anything win (Section 4.2); where none does, the one that misleads most.
    """
    mean = tried.groupby(keys, sort=False).mean(numeric_only=True)
    if "misled" in mean:
        most = mean["misled"].max()
        mean = mean[mean["misled"] >= min(MISLED, most)]
    return mean["accuracy"].idxmax()


def sets_of(kind: str, protocol: Protocol) -> int:
    """How often `measure` reports a set done."""
    return 2 * (1 if kind == "average" else protocol.draws) + (protocol.candidates if kind == "optimized" else 0)


def _descent(judge: Judge) -> tuple[Callable, Callable]:
    protocol = judge.protocol

    def tried(images: Tensor) -> list[dict]:
        return judge.after(RATES, judge.epochs, images, judge.choice, judge.choice_stream, protocol.nets)

    def test(images: Tensor, rate: str | float, epochs: int) -> dict:
        return judge.after([rate], [epochs], images, judge.test, "held-out", protocol.test_nets)[0]

    return tried, test


def _neighbours(judge: Judge) -> tuple[Callable, Callable]:
    def right(images: Tensor, metric: str, neighbours: int, judged: Judged) -> dict:
        statistics = (judge.distilled.mean, judge.distilled.std)
        labels = judge.labels(images).flatten()
        percent = knn_accuracy(images.flatten(0, 1), labels, metric, neighbours, judged, *statistics)
        return summary(accuracy=torch.tensor([percent]))

    def tried(images: Tensor) -> Iterator[dict]:
        for metric, neighbours in combinations():
            if neighbours <= len(images.flatten(0, 1)):
                yield {"metric": metric, "neighbours": neighbours} | right(images, metric, neighbours, judge.choice)

    return tried, lambda images, metric, neighbours: right(images, metric, neighbours, judge.test)
