"""The distilled set: distillation produces it, and networks are trained on it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from dd.data.batches import normalise
from dd.data.prepared import FLOATS, Dataset
from dd.data.whitening import Whitening, fitted
from dd.distill.distilled_data import DistilledData
from dd.distill.init_kinds import INITS
from dd.distill.initial_weights import Initial, Pool, WeightSources, initial_distribution
from dd.distill.inner_training import native
from dd.distill.loss import Loss
from dd.distill.metrics import percent, poisoning, predictions
from dd.distill.networks import build_for
from dd.distill.set_checks import check_fits, check_initial
from dd.distill.set_description import described, setting_columns
from dd.distill.set_metadata import BUFFER, SET_FORMAT, check_set
from dd.distill.settings import PAPERS, DistillConfig
from dd.distill.unroll import train
from dd.nets.factory import refusing
from dd.nets.stacked import StackedNet
from dd.old_settings import current_settings
from dd.runtime.errors import UserError
from dd.runtime.files import digest_of, load_tensors, save_tensors


@dataclass
class DistilledSet:
    """Distilled images with all that training on them needs: order, labels, learning rates, epochs, normalisation."""

    images: Tensor
    """`[steps, n, C, H, W]`, normalised; or inputs of another shape, `[steps, n, ...]`."""
    labels: Tensor
    """`[steps, n]`; learned labels are probabilities `[steps, n, classes]`."""
    lrs: Tensor
    """`[epochs, steps]`; of no epochs if an imported set has no training of its own."""
    mean: Tensor
    """`[C]`, of the training set: of bytes on the scale 0 to 1, of floats on their own."""
    std: Tensor
    """`[C]`."""
    fixed_weights: Tensor | None = None
    """`[P]`: the initial weights of a fixed initialisation, pre-trained or not."""
    buffers: dict[str, Tensor] = field(default_factory=dict)
    """Batch statistics that came with pre-trained weights from a file, by name."""
    info: dict[str, Any] = field(default_factory=dict)
    """`classes` (names), `dataset`, `config` (settings), `validation` (accuracy at the end), `made with` (versions),
    for pre-trained nets `pretrained` (what they were trained on, and how), `begun` (the digest of the finished set that
    it went on from), and for sets of other programs
    `imported_from` and, if they are whitened, `whitening` (its `kind`, and the checksum of the `data`)."""

    def __repr__(self) -> str:
        """What the set is, in a few lines, without its tensors."""
        return described(self)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """The shape of one image, (C, H, W), or of what else it holds."""
        return tuple(self.images.shape[2:])

    def make(self, seed: int = 0) -> nn.Module:
        """The architecture this set was made for, as its class builds it from `seed`, in evaluation mode."""
        name = self.info["config"]["net"]
        module = build_for(name, self.image_shape, len(self.info["classes"]), seed)
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
        check_initial(self, pool)
        sources = WeightSources(
            make=self.make,
            scheme=(PAPERS | config)["init_scheme"],
            seed=config["seed"],
            weights=self.fixed_weights,
            pool=pool,
            reserved=config.get("validation_nets", 0),
        )
        return initial_distribution(init, sources)

    def setting(self) -> dict:
        """The columns by which tables of measurements describe this set.

        dataset, source (the data its nets were pre-trained on, or empty), net, init, steps, epochs, distilled_images,
        seed, beyond (in words, the settings that differ from `PAPERS`, or empty), and for poisoning attack_class and
        target_class.
        """
        return setting_columns(self)

    @property
    def data(self) -> DistilledData:
        """The data that networks are trained on; raises what `check_rates` raises."""
        self.check_rates()
        return DistilledData(self.images, self.labels, self.lrs)

    @property
    def hard_labels(self) -> Tensor:
        """The class `[steps, n]` of each image; for learned labels, the one with the highest probability."""
        return self.labels.argmax(2) if self.labels.ndim == 3 else self.labels

    @property
    def config(self) -> DistillConfig:
        """The settings it was made with; those that are newer than the set have their defaults."""
        return DistillConfig.model_construct(**self.info.get("config", {}))

    @property
    def momentum(self) -> float:
        """The momentum of the GD steps on this set."""
        return self.config.momentum

    @property
    def of_floats(self) -> bool:
        """Whether it was distilled from floats and not from bytes."""
        return self.info.get("dataset", {}).get("values") == FLOATS

    @property
    def attacks(self) -> bool:
        """Whether this set was made for poisoning."""
        return self.info["config"].get("attack_class", -1) >= 0

    def check_rates(self) -> None:
        """Refuse to train by the set's own order and rates if it has none.

        Raises:
            UserError: it was imported without them.
        """
        if not len(self.lrs):
            origin = self.info["imported_from"]
            cure = f", or import it with --epochs, for its rate {origin['lr']:.3g}" if "lr" in origin else ""
            raise UserError(
                f"the set of {origin['file']} has no learning rates of its own, so it has no native protocol; use "
                f"another (--protocol dc){cure}"
            )

    def check(self, dataset: Dataset, *, whitens: bool = False) -> None:
        """Refuse data that networks trained on this set cannot be tested on.

        Args:
            dataset: the data.
            whitens: whether the caller makes real images like those of a whitened set.

        Raises:
            UserError: the images of `dataset` have another shape, or its classes are others; or the set is whitened,
                and the caller does not whiten or `dataset` is not what it was whitened by.
        """
        check_fits(self, dataset, whitens=whitens)

    def whitening(self, dataset: Dataset) -> Whitening | None:
        """What is done to normalised real images for networks of this set; None if nothing is.

        It is computed from the training images of `dataset`, which takes seconds to a minute.
        """
        self.check(dataset, whitens=True)
        if recipe := self.info.get("whitening"):
            return fitted(recipe["kind"], dataset, self.mean, self.std)
        return None

    def measures(
        self, net: StackedNet, theta: Tensor, x: Tensor, y: Tensor, whitening: Whitening | None = None
    ) -> dict[str, Tensor]:
        """How well nets classify real images, in percent `[nets]`.

        Args:
            net: their architecture.
            theta: their weights `[nets, P]`.
            x: uint8 images `[n, C, H, W]`, or what else the set was distilled from.
            y: labels `[n]`.
            whitening: of a whitened set.

        Returns:
            `accuracy`, or for poisoning all of `dd.distill.metrics.poisoning`.
        """
        predicted = predictions(net, theta, x, self.mean, self.std, whitening)
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
        return module.to(self.images.device)

    def trained(self, loss: Loss, theta: Tensor) -> Tensor:
        """Weights `theta [nets, P]` after training on this set as its settings say, at its rates.

        By default that is gradient descent on its steps in order, for its epochs (Equation 9).
        """
        data = self.data.to(theta.device)
        return train(loss, theta, data, options=native(self.config, data))

    def normalise(self, x: Tensor, whitening: Whitening | None = None) -> Tensor:
        """uint8 images `[n, C, H, W]`, or what else it was distilled from, as the networks of this set expect them.

        Raises:
            UserError: `x` has another type or shape, such as floats from 0 to 1 where the set was distilled from bytes,
                or the set is whitened and `whitening` is missing.
        """
        if "whitening" in self.info and whitening is None:
            raise UserError("normalise: the set is whitened; its second argument must be distilled.whitening(dataset)")
        wanted = torch.float32 if self.of_floats else torch.uint8
        if not isinstance(x, Tensor) or x.dtype != wanted or tuple(x.shape[1:]) != self.image_shape:
            given = f"{x.dtype} {list(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
            kind = str(wanted).removeprefix("torch.")
            raise UserError(f"normalise: takes {kind} tensors [n, {str([*self.image_shape])[1:]}, not {given}")
        normalised = normalise(x, self.mean, self.std)
        return whitening(normalised) if whitening else normalised

    def save(self, path: Path | str) -> None:
        """Write the whole set as one `.safetensors`.

        Raises:
            UserError: its parts do not fit each other or its settings, so that `load` would refuse it.
        """
        tensors, info = self.tensors(), {"format": SET_FORMAT} | self.info
        check_set(tensors, info, path)
        save_tensors(path, tensors, info)

    @property
    def digest(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of the set's tensors, whatever its file is called."""
        return digest_of(self.tensors())[:16]

    def tensors(self) -> dict[str, Tensor]:
        """The tensors of its file, by name."""
        tensors = {name: getattr(self, name) for name in ("images", "labels", "lrs", "mean", "std")}
        if self.fixed_weights is not None:
            tensors["fixed_weights"] = self.fixed_weights
        return tensors | {f"{BUFFER}{name}": value for name, value in self.buffers.items()}

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read a set written by `save`.

        Raises:
            UserError: the file is missing, damaged, or not a distilled set.
        """
        tensors, info = load_tensors(path)
        check_set(tensors, info, path)
        del info["format"]
        for part in {"config", "pretrained"} & info.keys():
            info[part] = current_settings(info[part])
        buffers = {name.removeprefix(BUFFER): tensors.pop(name) for name in list(tensors) if name.startswith(BUFFER)}
        return cls(**tensors, buffers=buffers, info=info)
