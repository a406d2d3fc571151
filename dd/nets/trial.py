"""Networks tried out before any training: what would fail later, or be trained wrongly without a word, is refused."""

import copy
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call

from dd.nets import NETWORKS
from dd.nets.factory import refusing
from dd.nets.init_schemes import flat_weights
from dd.nets.stacked import StackedNet
from dd.runtime.errors import UserError
from dd.runtime.seeds import generator, seeded

LEAVE_OUT = "leave out torch.no_grad, detach and the like"


def check_network(
    make: Callable[..., nn.Module], name: str, channels: int, size: int, classes: int, *, net: nn.Module | None = None
) -> None:
    """Refuse a network that cannot be trained on images of this shape and these classes, or not in a repeatable way.

    The global random state does not change.

    Args:
        make: builds the network from a seed: `make(seed=...)`.
        name: of the network; messages begin with it.
        channels: of the images.
        size: of the images, in pixels.
        classes: number of classes.
        net: the network with weights of a file; by default the one of `make()`.

    Raises:
        UserError: what `try_out` or, for a user's own network, `check_reproducible` raises.
    """
    with seeded(0):  # what a forward draws
        try_out(make() if net is None else net, name, channels, size, classes)
        if name not in NETWORKS:
            check_reproducible(make, name, channels, size)


def try_out(net: nn.Module, name: str, channels: int, size: int, classes: int) -> None:
    """Refuse a network that does not turn each image of this shape into logits of these classes.

    Raises:
        UserError: it fails on two images, returns anything other than finite logits `[2, classes]`, changes its input
            or its weights, makes layers in its forward, has no gradient, is random in evaluation mode, or its logits of
            an image depend on the other images.
    """
    images = _images(channels, size)
    with refusing(f"net {name}: cannot be copied: ", "; make that anew in each forward"):
        net = _moved(net)
    before = {key: (weights, weights._version, weights.detach().clone()) for key, weights in net.named_parameters()}
    with torch.no_grad():
        logits, again, alone = (logits_of(net, name, x, classes) for x in (images, images, images[:1]))
    after = dict(net.named_parameters())
    if after.keys() - before.keys():
        raise UserError(f"net {name}: makes layers in its forward, which would not be trained; make them in __init__")
    for key, (weights, version, values) in before.items():
        if after.get(key) is not weights or weights._version != version or not torch.equal(weights, values):
            raise UserError(
                f"net {name}: its forward changes {key}, but weights are trained here from outside; leave out what "
                "initialises them by the first images, or limits them"
            )
    _check_stacked(net, name, images)  # before the next, after which a net that keeps what it computed has no copies
    _check_training_step(net, name, images, classes)
    if not _same(logits, again):
        raise UserError(
            f"net {name}: is random in evaluation mode; give F.dropout training=self.training, or remove it"
        )
    if not _same(logits[:1], alone):
        raise UserError(
            f"net {name}: its logits of an image depend on the others in the batch; use a norm without batch "
            "statistics, such as nn.GroupNorm"
        )


def check_reproducible(make: Callable[..., nn.Module], name: str, channels: int, size: int) -> None:
    """Refuse a class whose networks are not decided by the seed, or are more than their weights.

    All networks of a distillation share one module, so whatever else it keeps must be the same for any seed, weights
    and images.

    Raises:
        UserError: two networks of one seed differ, or those of two seeds differ in more than their weights.
    """
    one, again, other = make(seed=1), make(seed=1), make(seed=2)
    changed = _first_difference(dict(one.named_parameters()), dict(again.named_parameters()))
    changed = changed or _first_difference(dict(one.named_buffers()), dict(again.named_buffers()))
    if changed:
        raise UserError(
            f"net {name}: {changed} is another at each call; draw it by torch, np.random or random, without a "
            "generator of its own, so that results can be repeated"
        )
    changed = _first_difference(dict(one.named_buffers()), dict(other.named_buffers()))
    if changed:
        raise UserError(
            f"net {name}: its buffer {changed} depends on its random weights, but all networks share one set of "
            "buffers; leave out what keeps it, such as spectral_norm"
        )
    images = _images(channels, size)
    weights, others = (dict[str, Tensor](_moved(net).named_parameters()) for net in (one, other))
    keep_nothing = "keep nothing of them from one call to the next"
    with refusing(f"net {name}: fails after other images and weights: ", f"; {keep_nothing}"), torch.no_grad():
        functional_call(again.eval(), others, (1 - 3 * images,))  # of another mean and spread
        logits, later, elsewhere = (functional_call(net.eval(), weights, (images,)) for net in (one, again, other))
    if not _same(logits, later):
        raise UserError(f"net {name}: its logits depend on images or weights that it has seen before; {keep_nothing}")
    if not _same(logits, elsewhere):
        raise UserError(
            f"net {name}: keeps random numbers outside its weights, but all networks share them; make them parameters, "
            "or the same for any seed"
        )


def _images(channels: int, size: int) -> Tensor:
    return torch.randn(2, channels, size, size, generator=generator(0, "try out"))


def _same(logits: Tensor, others: Tensor) -> bool:
    return torch.allclose(logits, others, rtol=1e-3, atol=1e-4)


def _first_difference(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> str:
    """The name of the first tensor that is not the same in both, or nothing."""
    for name, tensor in one.items():
        if name not in other or not torch.equal(tensor, other[name]):
            return name
    return ""


def _moved(net: nn.Module) -> nn.Module:
    """A copy in evaluation mode with slightly changed weights: a last layer of zeros would hide all before it."""
    draw = generator(0, "aside")
    net = copy.deepcopy(net).eval()
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.01 * torch.randn(p.shape, generator=draw))
    return net


def logits_of(forward: Callable[[Tensor], object], name: str, images: Tensor, classes: int) -> Tensor:
    """What `forward` returns for images, if it is finite logits `[n, classes]` and the images stay as they are.

    Raises:
        UserError: it fails, changes the images, or returns anything else.
    """
    given = images.clone()
    with refusing(f"net {name}: fails on images {list(images.shape)}: ", "; change it or the images' size"):
        logits = forward(given)
    if given._version or not torch.equal(given, images):  # the version also counts changes without effect on these
        raise UserError(f"net {name}: changes its input; let it compute on a copy, or leave out inplace=True")
    wanted = [len(images), classes]
    if not isinstance(logits, Tensor) or list(logits.shape) != wanted:
        returned = list(logits.shape) if isinstance(logits, Tensor) else f"a {type(logits).__name__}"
        raise UserError(
            f"net {name}: returns {returned} for {len(images)} images of {classes} classes; must be {wanted}"
        )
    if not logits.is_floating_point() or logits.layout != torch.strided:
        raise UserError(f"net {name}: returns {logits.dtype}, {logits.layout}; must be dense floating-point logits")
    if not logits.isfinite().all():
        raise UserError(f"net {name}: returns {logits[0].tolist()} for random images; must be finite")
    if logits.min() >= 0 and (logits.sum(1) - 1).abs().max() < 1e-5:
        raise UserError(f"net {name}: returns probabilities; must be logits: leave out its softmax")
    return logits


def _check_training_step(net: nn.Module, name: str, images: Tensor, classes: int) -> None:
    """Refuse a network whose gradient cannot be computed with respect to images and weights that come from outside."""
    weights = {key: value.detach().clone().requires_grad_() for key, value in net.named_parameters()}
    x = images.clone().requires_grad_()
    logits = logits_of(lambda given: functional_call(net, weights, (given,)), name, x, classes)
    with refusing(
        f"net {name}: cannot be trained with weights from outside, as torch.func.functional_call gives them: ",
        f"; its logits must depend on its weights; {LEAVE_OUT}",
    ):
        of_images, *gradients = torch.autograd.grad(logits.square().sum(), [x, *weights.values()], allow_unused=True)
    if all(gradient is None for gradient in gradients):
        raise UserError(f"net {name}: its logits do not depend on its weights")
    if of_images is None:
        raise UserError(f"net {name}: its logits have no gradient with respect to the images; {LEAVE_OUT}")
    for key, gradient in zip(weights, gradients, strict=True):
        if gradient is None and _matters(net, weights, key, images):
            raise UserError(f"net {name}: its logits depend on {key}, but have no gradient of it; {LEAVE_OUT}")


def _matters(net: nn.Module, weights: Mapping[str, Tensor], key: str, images: Tensor) -> bool:
    """Whether the logits of images are others with other weights `key`."""
    draw = generator(0, "matters")
    with torch.no_grad():
        other = {**weights, key: weights[key] + torch.randn(weights[key].shape, generator=draw)}
        logits, others = (functional_call(net, dict(named), (images,)) for named in (weights, other))
    return not _same(logits, others)


def _check_stacked(net: nn.Module, name: str, images: Tensor) -> None:
    """Refuse a method `stacked` (see `Stacks`) that computes something else than the forward."""
    stacked = StackedNet(net)
    if not stacked.stacks:
        return
    theta = torch.stack([flat_weights(net), 0.5 * flat_weights(net)])
    named = stacked.named(theta)
    with refusing(f"net {name}: its method stacked fails: ", ""), torch.no_grad():
        expected = [functional_call(net, {key: rows[i] for key, rows in named.items()}, (images,)) for i in range(2)]
        found = stacked.logits(theta, images)
    if found.shape != (2, *expected[0].shape) or not _same(found, torch.stack(expected)):
        raise UserError(f"net {name}: its method stacked returns other logits than its forward; correct or remove it")
