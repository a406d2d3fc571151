"""`dd.distill`: distillation in Python, by the code and the settings of `python -m dd distill`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from dd import load as load_set
from dd.api.distilled_set import DistilledSet
from dd.data.tensors import dataset_of
from dd.distill import distilled_set, modules
from dd.distill.begun import settings_of
from dd.distill.experiment import Experiment
from dd.distill.networks import Network, name_of
from dd.distill.recipes import by_recipe
from dd.distill.settings import DistillConfig
from dd.nets.pretrained import PretrainedFile
from dd.runtime import progress as bars
from dd.runtime.checkpoints import Checkpoints
from dd.runtime.code_digest import digest
from dd.runtime.devices import attention_restored, exact_products, plain_attention
from dd.runtime.errors import StoppedError, UserError
from dd.runtime.loop import Nowhere, Store
from dd.runtime.process_group import ProcessGroup
from dd.runtime.settings_model import shortened

if TYPE_CHECKING:
    from dd.data.prepared import Dataset
    from dd.distill.initial_weights import Pool

CHECKPOINT_SECONDS = 60


def distill(
    data: Any,
    labels: Any = None,
    net: Network | None = None,
    *,
    classes: Sequence[str] | None = None,
    start: distilled_set.DistilledSet | Path | str = "noise",
    pool: Pool | None = None,
    pretrained: Path | str | None = None,
    device: str = "cpu",
    work: Path | str | None = None,
    progress: bool = True,
    callback: Callable[[dict], object] | None = None,
    recipe: str = "quick",
    **settings: Any,
) -> DistilledSet:
    """Distil a dataset into a few images (Algorithm 1), or inputs of any other shape into a few of those.

    Args:
        data: inputs `[N, ...]`, uint8 or floats; or a `torch.utils.data.Dataset` of pairs; or a prepared dataset, or
            the path of its `.npz`.
        labels: `[N]`, from 0, of inputs.
        net: a name as in `config.yaml`, a class, a function that makes networks, or a network, of which copies with new
            weights are made. A class or function is given those of `channels`, `size` (of
            square images), `shape` (of an input) and `classes` that it takes. The default is LeNet, or that of `start`.
        classes: their names.
        start: what the images start from: `noise`, `real` images, or a finished set (or its path, or the name of a
            published one) to go on from, whose settings then hold but for those given.
        pool: for an `init` that takes the networks of one: see `dd.load_pool`.
        pretrained: a file of weights for `init="fixed_pretrained"`.
        device: `cpu` or `cuda`, on which PyTorch computes without TF32 and deterministically from then on.
        work: a folder for checkpoints. An interrupted call goes on when it is made again.
        progress: whether to show a bar.
        callback: called with each row of the history as it is added: `meta_step`, `loss`, `accuracy`, ... A call that
            goes on from `work` begins with the last row that there was.
        recipe: `quick`, `laptop` or `paper`: the values of settings that are not given, unless `start` is a set.
        **settings: those of `python -m dd distill --help`, such as `steps=10`.

    Raises:
        UserError: a setting is unknown or not allowed, or data, network and settings do not fit each other.
        KeyboardInterrupt: it was interrupted.
    """
    _check_arguments(start, pool, device)
    dataset = dataset_of(data, labels, classes=classes)
    begun, config = _settings(start, net, dataset, recipe, settings)
    file = PretrainedFile.load(Path(pretrained)) if pretrained else None
    bar = bars.progress if progress else bars.silent
    with attention_restored():
        plain_attention()
        if torch.device(device).type == "cuda":
            exact_products()
        experiment = Experiment(config, dataset, device=device, pool=pool, file=file, begun=begun)
        with _store(Path(work) if work else None, experiment) as store:
            made = experiment.run(store, group=ProcessGroup(), progress=bar, record=_NewRows(callback))
    return DistilledSet.of(made)


def _check_arguments(start: Any, pool: Any, device: str) -> None:
    """Refuse what is of another type than `distill` takes, and a device that is not here."""
    if not isinstance(start, distilled_set.DistilledSet | Path | str):
        raise UserError(f"start: {shortened(start)} is neither noise, real, a set nor its path")
    if pool is not None and not hasattr(pool, "rows"):
        raise UserError(f"pool: {shortened(pool)} is none; give dd.load_pool(folder)")
    try:
        asked = torch.device(device)
    except (RuntimeError, TypeError, OverflowError):
        asked = None
    if asked is None or asked.type not in ("cpu", "cuda"):
        raise UserError(f"device: {shortened(device)} is neither cpu nor cuda")
    if asked.type == "cuda" and (asked.index or 0) >= torch.cuda.device_count():
        raise UserError(f"device: PyTorch finds no GPU for {str(device)!r}; leave it out for the CPU")


def _settings(
    start: distilled_set.DistilledSet | Path | str,
    net: Network | None,
    dataset: Dataset,
    recipe: str,
    settings: dict[str, Any],
) -> tuple[distilled_set.DistilledSet | None, DistillConfig]:
    """The set to go on from, if there is one, and all settings."""
    if net is not None:
        settings = settings | {"net": name_of(net, dataset.image_shape, len(dataset.classes))}
    if start in ("noise", "real"):
        return None, by_recipe(recipe, settings | {"start": start})
    begun = DistilledSet.of(start).to("cpu") if isinstance(start, distilled_set.DistilledSet) else load_set(start)
    return begun, settings_of(begun, settings)


class _NewRows:
    """Calls back with the last row of a history whenever it is another one than before."""

    def __init__(self, callback: Callable[[dict], object] | None) -> None:
        self.callback, self.seen = callback, -1

    def __call__(self, history: list[dict]) -> None:
        last = history[-1]
        if self.callback and last["meta_step"] > self.seen:
            self.callback(last)
        self.seen = last["meta_step"]


@contextlib.contextmanager
def _store(work: Path | None, experiment: Experiment) -> Iterator[Store]:
    """Where states are kept, emptied when the block ends well."""
    if work is None:
        try:
            yield Nowhere()
        except StoppedError:
            raise KeyboardInterrupt("interrupted; give a folder as work=, and the same call goes on") from None
        return
    if work.exists() and not work.is_dir():
        raise UserError(f"{work}: is a file; work must be a folder")
    code = digest(*modules(experiment.config.net))
    identity = {**experiment.identity(), "torch": torch.__version__, "code": code}
    checkpoints = Checkpoints(work, identity, CHECKPOINT_SECONDS)
    with checkpoints.locked():
        try:
            yield checkpoints
        except StoppedError as stopped:
            raise KeyboardInterrupt(str(stopped)) from None
        checkpoints.clear()
