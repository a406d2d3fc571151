"""What a distilled set cannot be used for is refused: other data, a network that has changed since, another pool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dd.data.tensors import GIVEN
from dd.data.whitening import check_recipe
from dd.distill.init_kinds import INITS
from dd.distill.networks import check_for
from dd.nets.init_schemes import count
from dd.runtime.errors import UserError

if TYPE_CHECKING:
    from dd.data.prepared import Dataset
    from dd.distill.distilled_set import DistilledSet
    from dd.distill.initial_weights import Pool


def check_initial(distilled: DistilledSet, pool: Pool | None) -> None:
    """See `DistilledSet.initial`."""
    config = distilled.info["config"]
    net, classes = config["net"], len(distilled.info["classes"])
    check_for(distilled.make, net, distilled.image_shape, classes)
    weights = count(distilled.make())
    if distilled.fixed_weights is not None and (saved := distilled.fixed_weights.numel()) != weights:
        raise UserError(f"net {net}: has {weights} weights, but had {saved} when this set was distilled")
    if not INITS[config["init"]].needs_pool:
        return
    if pool is None:
        raise UserError("this set was made for the pre-trained nets of a pool: name its folder (--pool)")
    if pool.info != distilled.info["pretrained"]:
        raise UserError(f"{pool.folder}: another pool than the one this set was made for")
    pool.check(net, distilled.image_shape, classes, weights)


def other_data(distilled: DistilledSet, dataset: Dataset) -> str:
    """A warning where a set is judged on other data than it was distilled from, or an empty text."""
    origin = distilled.info["dataset"]
    own = origin.get("sha256")
    in_python = GIVEN in (origin.get("source"), dataset.info["source"])  # whose digest is not that of a file
    if in_python or own in (None, dataset.info["sha256"]):
        return ""
    return f"was distilled from other data ({origin['name']}, sha256 {own[:8]}...) than these ({dataset.name})"


def check_fits(distilled: DistilledSet, dataset: Dataset, *, whitens: bool) -> None:
    """See `DistilledSet.check`."""
    if recipe := distilled.info.get("whitening"):
        check_recipe(recipe, dataset, whitens=whitens)
    if dataset.image_shape != distilled.image_shape:
        raise UserError(
            f"{dataset.name} has images {list(dataset.image_shape)}, "
            f"but the set was distilled for {list(distilled.image_shape)}"
        )
    if dataset.x_test.is_floating_point() != distilled.of_floats:
        given, other = ("bytes", "floats") if distilled.of_floats else ("floats", "bytes")
        raise UserError(f"{dataset.name} holds {given}, but the set was distilled from {other}")
    if dataset.classes != distilled.info["classes"]:
        raise UserError(f"{dataset.name} has other classes than the set, which knows {distilled.info['classes']}")
