"""The distilled set: distillation produces it, and networks are trained on it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dd.data.batches import normalise
from dd.data.prepared import Dataset
from dd.distill.init_kinds import INITS
from dd.distill.initial_weights import Initial, Pool, WeightSources, initial_distribution
from dd.distill.loss import classification
from dd.distill.metrics import percent, poisoning, predictions
from dd.distill.settings import PAPERS
from dd.distill.unroll import DistilledData, UnrollOptions, train
from dd.nets.factory import build, refusing
from dd.nets.init_schemes import count, flat_weights
from dd.nets.stacked import StackedNet
from dd.nets.trial import check_network
from dd.old_settings import current_settings
from dd.runtime.errors import UserError
from dd.runtime.files import digest_of, load_tensors, save_tensors

SET_FORMAT = "dd distilled set 1"
BUFFER = "buffer."
"""Prefix of the names of buffers among a set's tensors."""


@dataclass
class DistilledSet:
    """Distilled images with all that training on them needs: order, labels, learning rates, epochs, normalisation."""

    images: Tensor
    """`[steps, n, C, H, W]`, normalised."""
    labels: Tensor
    """`[steps, n]`; learned labels are probabilities `[steps, n, classes]`."""
    lrs: Tensor
    """`[epochs, steps]`."""
    mean: Tensor
    """`[C]`, of the training set on the scale 0 to 1."""
    std: Tensor
    """`[C]`."""
    fixed_weights: Tensor | None = None
    """`[P]`: the initial weights of a fixed initialisation, pre-trained or not."""
    buffers: dict[str, Tensor] = field(default_factory=dict)
    """Batch statistics that came with pre-trained weights from a file, by name."""
    info: dict[str, Any] = field(default_factory=dict)
    """`classes` (names), `dataset`, `config` (settings), `validation` (accuracy at the end), `made with` (versions),
    and for pre-trained nets `pretrained` (what they were trained on, and how)."""

    def __repr__(self) -> str:
        """What the set is, in a few lines, without its tensors."""
        steps, images, *shape = self.images.shape
        config = self.info.get("config", {})
        made_for = [self.info.get("dataset", {}).get("name"), config.get("net"), config.get("init")]
        labels = "hard" if self.labels.ndim == 2 else "learned"
        lines = [
            " ".join(["DistilledSet", *filter(None, made_for)]),
            f"  {steps} steps x {len(self.lrs)} epochs, {images} images {shape} a step, {labels} labels",
            f"  learning rates {self.lrs.min():.3g} to {self.lrs.max():.3g}",
        ]
        if measured := self.info.get("validation"):
            lines.append(f"  accuracy at validation: {measured['accuracy']:.1f} % over {measured['nets']} net(s)")
        return "\n".join(lines)

    def make(self, seed: int = 0) -> nn.Module:
        """The architecture this set was made for, as its class builds it from `seed`, in evaluation mode."""
        channels, size = self.images.shape[2], self.images.shape[-1]
        name = self.info["config"]["net"]
        module = build(name, channels, size, len(self.info["classes"]), seed)
        with refusing(f"net {name}: has other buffers than when this set was distilled: ", ""):
            module.load_state_dict(self.buffers, strict=False)
        return module.eval()

    def initial(self, pool: Pool | None = None) -> Initial:
        """The distribution of initial weights this set was made for.

        Raises:
            UserError: the set was made for the nets of a pool, and `pool` is None or another one; or a network of the
                user's own cannot be trained on these images, or has another number of weights than before.
        """
        config = self.info["config"]
        init = INITS[config["init"]]
        channels, size = self.images.shape[2], self.images.shape[-1]
        check_network(self.make, config["net"], channels, size, len(self.info["classes"]))
        self._check_weights()
        if init.needs_pool:
            self._check_pool(pool)
        sources = WeightSources(
            make=self.make,
            scheme=(PAPERS | config)["init_scheme"],
            seed=config["seed"],
            weights=self.fixed_weights,
            pool=pool,
            reserved=config.get("validation_nets", 0),
        )
        return initial_distribution(init, sources)

    def _check_weights(self) -> None:
        if self.fixed_weights is None:
            return
        weights, saved = count(self.make()), self.fixed_weights.numel()
        if saved != weights:
            net = self.info["config"]["net"]
            raise UserError(f"net {net}: has {weights} weights, but had {saved} when this set was distilled")

    def _check_pool(self, pool: Pool | None) -> None:
        if pool is None:
            raise UserError("this set was made for the pre-trained nets of a pool: name its folder (--pool)")
        if pool.info != self.info["pretrained"]:
            raise UserError(f"{pool.folder}: another pool than the one this set was made for")
        net, classes = self.info["config"]["net"], len(self.info["classes"])
        pool.check(net, tuple(self.images.shape[2:]), classes, count(self.make()))

    def setting(self) -> dict:
        """The columns by which tables of measurements describe this set.

        dataset, source (the data its nets were pre-trained on, or empty), net, init, steps, epochs, distilled_images,
        seed, beyond (in words, the settings that differ from `PAPERS`, or empty), and for poisoning attack_class and
        target_class.
        """
        config, before = self.info["config"], self.info.get("pretrained", {})
        source = before["dataset"]["name"] if "dataset" in before else before.get("trained_on", "")
        columns = {"dataset": self.info["dataset"]["name"], "source": source}
        columns |= {key: config[key] for key in ("net", "init", "steps", "epochs")}
        columns |= {"distilled_images": self.images.shape[:2].numel(), "seed": config["seed"]}
        settings = PAPERS | config
        if before:  # nets of a pool were drawn by the pool's own scheme, those of a file by none of ours
            settings["init_scheme"] = before.get("init_scheme", PAPERS["init_scheme"])
        different = {name: settings[name] for name in PAPERS if settings[name] != PAPERS[name]}
        columns["beyond"] = ", ".join(name if value is True else f"{name} {value}" for name, value in different.items())
        if self.attacks:
            columns |= {key: config[key] for key in ("attack_class", "target_class")}
        return columns

    @property
    def data(self) -> DistilledData:
        """The data that networks are trained on."""
        return DistilledData(self.images, self.labels, self.lrs)

    @property
    def hard_labels(self) -> Tensor:
        """The class `[steps, n]` of each image; for learned labels, the one with the highest probability."""
        return self.labels.argmax(2) if self.labels.ndim == 3 else self.labels

    @property
    def momentum(self) -> float:
        """The momentum of the GD steps on this set."""
        return self.info["config"].get("momentum", 0.0)

    @property
    def attacks(self) -> bool:
        """Whether this set was made for poisoning."""
        return self.info["config"].get("attack_class", -1) >= 0

    def check(self, dataset: Dataset) -> None:
        """Refuse data that networks trained on this set cannot be tested on.

        Raises:
            UserError: the images of `dataset` have another shape, or its classes are others.
        """
        if dataset.image_shape != tuple(self.images.shape[2:]):
            raise UserError(
                f"{dataset.name} has images {list(dataset.image_shape)}, "
                f"but the set was distilled for {list(self.images.shape[2:])}"
            )
        if dataset.classes != self.info["classes"]:
            raise UserError(f"{dataset.name} has other classes than the set, which knows {self.info['classes']}")

    def measures(self, net: StackedNet, theta: Tensor, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """How well nets classify real images, in percent `[nets]`.

        Args:
            net: their architecture.
            theta: their weights `[nets, P]`.
            x: uint8 images `[n, C, H, W]`.
            y: labels `[n]`.

        Returns:
            `accuracy`, or for poisoning all of `dd.distill.metrics.poisoning`.
        """
        predicted = predictions(net, theta, x, self.mean, self.std)
        if self.attacks:
            config = self.info["config"]
            return poisoning(predicted, y, attack_class=config["attack_class"], target_class=config["target_class"])
        return {"accuracy": percent(predicted == y)}

    def net(self, index: int | None = None, pool: Pool | None = None) -> nn.Module:
        """A network with initial weights, ready to `train`.

        For a fixed initialisation, these are the weights the set was made for. For a random one, they are drawn by the
        set's scheme or from its `pool`: new ones at each call or, with `index`, those of that held-out net.
        """
        initial, module = self.initial(pool), self.make()
        if index is None:
            weights = initial("anew", [int(torch.randint(2**62, ()))])[0]
        else:
            weights = initial("held-out", [index])[0]
        nn.utils.vector_to_parameters(weights.clone(), module.parameters())
        return module

    def train(self, net: nn.Module) -> nn.Module:
        """Train all weights of `net` in place on the distilled images, in their order and at their rates (Equation 9).

        Layers are in evaluation mode, as in distillation, and stay in it. On a GPU, PyTorch rounds convolutions to TF32
        until `dd.runtime.devices.exact_products` is called. The commands call it.
        """
        stacked = StackedNet(net)
        device = next(net.parameters()).device
        theta, options = flat_weights(net).unsqueeze(0), UnrollOptions(momentum=self.momentum)
        trained = train(classification(stacked), theta, self.data.to(device), options=options)
        nn.utils.vector_to_parameters(trained[0], net.parameters())
        return net.eval()

    def normalise(self, x: Tensor) -> Tensor:
        """uint8 images `[n, C, H, W]` as the networks of this set expect them.

        Raises:
            UserError: `x` has another type or shape, such as floats from 0 to 1.
        """
        if not isinstance(x, Tensor) or x.dtype != torch.uint8 or x.shape[1:] != self.images.shape[2:]:
            given = f"{x.dtype} {list(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
            raise UserError(f"normalise: takes uint8 tensors [n, {str([*self.images.shape[2:]])[1:]}, not {given}")
        return normalise(x, self.mean, self.std)

    def save(self, path: Path | str) -> None:
        """Write the whole set as one `.safetensors`."""
        save_tensors(path, self._tensors(), {"format": SET_FORMAT} | self.info)

    @property
    def digest(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of the set's tensors, whatever its file is called."""
        return digest_of(self._tensors())[:16]

    def _tensors(self) -> dict[str, Tensor]:
        """The tensors of its file, by name."""
        tensors = {name: getattr(self, name) for name in ("images", "labels", "lrs", "mean", "std")}
        if self.fixed_weights is not None:
            tensors["fixed_weights"] = self.fixed_weights
        return tensors | {f"{BUFFER}{name}": value for name, value in self.buffers.items()}

    @classmethod
    def load(cls, path: Path | str) -> "DistilledSet":
        """Read a set written by `save`.

        Raises:
            UserError: the file is missing, damaged, or not a distilled set.
        """
        tensors, info = load_tensors(path)
        if info.pop("format", None) != SET_FORMAT:
            raise UserError(f"{path}: not a distilled set ({SET_FORMAT})")
        for part in {"config", "pretrained"} & info.keys():
            info[part] = current_settings(info[part])
        buffers = {name.removeprefix(BUFFER): tensors.pop(name) for name in list(tensors) if name.startswith(BUFFER)}
        return cls(**tensors, buffers=buffers, info=info)
