"""Networks by name, built and tried out before any training."""

import copy
import importlib
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.parameter import is_lazy

from dd.nets import NETWORKS, class_path
from dd.runtime.errors import UserError, reason
from dd.runtime.seeds import generator


def build(name: str, channels: int, size: int, classes: int, seed: int = 0) -> nn.Module:
    """The network `name` for images `[channels, size, size]` and that many classes, as its class builds it from `seed`.

    `name` is one of `dd.nets.NETWORKS`, or a user's own class as `package.module:Class`. It is called as
    `Class(channels=..., size=..., classes=...)` and returns logits `[n, classes]`. The global random state does not
    change.

    Raises:
        UserError: unknown name, a module or class that cannot be imported, or a class that refuses these images or does
            not make a `torch.nn.Module`.
    """
    make = _import(name)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)  # torch.manual_seed would reseed every GPU as well
            net = make(channels=channels, size=size, classes=classes)
    except UserError:
        raise
    except Exception as error:  # a user's own class can raise anything
        # the message of these exceptions is a sentence; that of a KeyError, for example, is only the key
        explains_itself = isinstance(error, (TypeError, ValueError, RuntimeError))
        kind = "" if explains_itself else f"{type(error).__name__}: "
        raise UserError(f"net {name}: {kind}{reason(error)} (called with {channels=}, {size=}, {classes=})") from error
    if not isinstance(net, nn.Module):
        raise UserError(f"net {name}: makes a {type(net).__name__}; must be a torch.nn.Module")
    return net


def _import(name: str) -> Callable[..., nn.Module]:
    module, _, attribute = class_path(name).partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except AttributeError as error:
        raise UserError(f"net {name!r}: {error}") from error
    except ImportError as error:
        cure = "; is its folder on PYTHONPATH?" if error.name and module.startswith(error.name) else ""
        raise UserError(f"net {name!r}: {error}{cure}") from error
    except (Exception, SystemExit) as error:  # a user's own module can raise anything, such as SyntaxError
        raise UserError(f"net {name!r}: {type(error).__name__}: {error}") from error


def try_out(net: nn.Module, name: str, channels: int, size: int, classes: int) -> None:
    """Refuse a network that does not turn each image of this shape into logits of these classes.

    Raises:
        UserError: it has no weights, has lazy layers, or makes layers in its forward; it fails on two images, returns
            anything other than finite logits `[2, classes]`, is random in evaluation mode, or its logits of an image
            depend on the other images.
    """
    images = torch.randn(2, channels, size, size, generator=generator(0, "try out"))
    weights = list(net.parameters())
    if not weights:
        raise UserError(f"net {name}: has no weights to train; give it layers such as nn.Linear")
    if any(map(is_lazy, weights)):
        raise UserError(f"net {name}: has lazy layers, whose weights do not exist yet; give them their input sizes")
    _check_weights(net, name)
    given = images.clone()
    try:
        net = _moved(net)
        with torch.no_grad():
            logits = net(images)
            again = net(images)
            alone = net(images[:1])
    except Exception as error:
        shape = [2, channels, size, size]
        raise UserError(
            f"net {name}: fails on images {shape}: {reason(error)}; change it or the images' size"
        ) from error
    if len(list(net.parameters())) > len(weights):
        raise UserError(f"net {name}: makes layers in its forward, which would not be trained; make them in __init__")
    _check_logits(logits, name, classes)
    if not torch.equal(images, given):
        raise UserError(f"net {name}: changes its input; let it compute on a copy, or leave out inplace=True")
    _check_training_step(net, name, images)
    if not torch.allclose(logits, again, rtol=1e-3, atol=1e-4):
        raise UserError(
            f"net {name}: is random in evaluation mode; give F.dropout training=self.training, or remove it"
        )
    if not torch.allclose(logits[:1], alone, rtol=1e-3, atol=1e-4):
        raise UserError(
            f"net {name}: its logits of an image depend on the others in the batch; use a norm without batch "
            "statistics, such as nn.GroupNorm"
        )


def check_reproducible(make: Callable[..., nn.Module], name: str) -> None:
    """Refuse a class whose networks are not decided by the seed, or have buffers that belong to their random weights.

    All networks of a distillation share the buffers of one, so buffers must be the same whatever the seed.

    Args:
        make: builds the network from a seed: `make(seed=...)`.
        name: of the network; those of `NETWORKS` need no check.

    Raises:
        UserError: two networks of one seed differ, or the buffers of two seeds do.
    """
    if name in NETWORKS:
        return
    one, again, other = make(seed=1), make(seed=1), make(seed=2)
    changed = _first_difference(dict(one.named_parameters()), dict(again.named_parameters()))
    changed = changed or _first_difference(dict(one.named_buffers()), dict(again.named_buffers()))
    if changed:
        raise UserError(
            f"net {name}: {changed} is another at each call; draw it by torch alone, not by NumPy or random, so that "
            "results can be repeated"
        )
    changed = _first_difference(dict(one.named_buffers()), dict(other.named_buffers()))
    if changed:
        raise UserError(
            f"net {name}: its buffer {changed} depends on its random weights, but all networks share one set of "
            "buffers; leave out what keeps it, such as spectral_norm"
        )


def _first_difference(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> str:
    """The name of the first tensor that is not the same in both, or nothing."""
    for name, tensor in one.items():
        if name not in other or not torch.equal(tensor, other[name]):
            return name
    return ""


def _check_weights(net: nn.Module, name: str) -> None:
    """Refuse weights that cannot be trained as one row of 32-bit numbers."""
    if any(isinstance(module, torch.jit.ScriptModule) for module in net.modules()):
        raise UserError(f"net {name}: is compiled by torch.jit, which takes no weights from outside; leave that out")
    for key, weights in net.named_parameters():
        if not weights.requires_grad:
            raise UserError(
                f"net {name}: {key} has requires_grad=False, but all parameters are trained here; make it a buffer "
                "(register_buffer) or leave that out"
            )
        if weights.dtype != torch.float32:
            raise UserError(f"net {name}: {key} is {weights.dtype}; weights must be torch.float32")


def _check_training_step(net: nn.Module, name: str, images: Tensor) -> None:
    """Refuse a network whose gradient cannot be computed with respect to weights that come from outside."""
    weights = {key: value.detach().clone().requires_grad_() for key, value in net.named_parameters()}
    try:
        logits = functional_call(net, weights, (images,))
        gradients = torch.autograd.grad(logits.square().sum(), list(weights.values()), allow_unused=True)
    except Exception as error:
        raise UserError(
            f"net {name}: cannot be trained with weights from outside, as torch.func.functional_call gives them: "
            f"{reason(error)}; leave out torch.no_grad, torch.jit and the like"
        ) from error
    if all(gradient is None for gradient in gradients):
        raise UserError(f"net {name}: its logits do not depend on its weights")


def _moved(net: nn.Module) -> nn.Module:
    """A copy in evaluation mode with slightly changed weights: a last layer of zeros would hide all before it."""
    draw = generator(0, "aside")
    net = copy.deepcopy(net).eval()
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.01 * torch.randn(p.shape, generator=draw))
    return net


def _check_logits(logits: object, name: str, classes: int) -> None:
    """Refuse what a network returned for two images unless it is finite logits `[2, classes]`."""
    if not isinstance(logits, Tensor) or list(logits.shape) != [2, classes]:
        returned = list(logits.shape) if isinstance(logits, Tensor) else f"a {type(logits).__name__}"
        raise UserError(f"net {name}: returns {returned} for 2 images of {classes} classes; must be [2, {classes}]")
    if not logits.isfinite().all():
        raise UserError(f"net {name}: returns {logits[0].tolist()} for random images; must be finite")
    if logits.min() >= 0 and (logits.sum(1) - 1).abs().max() < 1e-5:
        raise UserError(f"net {name}: returns probabilities; must be logits: leave out its softmax")


def remark(net: nn.Module, name: str) -> str:
    """What users may not expect of layers in evaluation mode, in one line; empty if there are no such layers."""
    effects = {}
    for layer in net.modules():
        if isinstance(layer, nn.modules.dropout._DropoutNd):
            effects[type(layer).__name__] = "drops nothing"
        elif isinstance(layer, nn.modules.batchnorm._BatchNorm):
            effects[type(layer).__name__] = (
                "uses stored statistics, never the batch's (unless pre-trained, they are mean 0 and variance 1, which "
                "normalise nothing; nn.GroupNorm normalises)"
            )
    if not effects:
        return ""
    text = " and ".join(f"{layer} {effect}" for layer, effect in effects.items())
    return f"net {name}: layers stay in evaluation mode: {text}"
