"""Networks by name: the paper's, the field's, EfficientNet-Lite0, or a user's own as `package.module:Class`."""

import copy
import importlib
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from dd.nets.alexcifar import AlexCifarNet
from dd.nets.alexnet import AlexNet
from dd.nets.convnet import ConvNet3
from dd.nets.efficientnet import efficientnet_lite0
from dd.nets.lenet import LeNet
from dd.nets.mlp import MLP
from dd.runtime.errors import UserError, reason
from dd.runtime.seeds import generator

NETS: dict[str, Callable[..., nn.Module]] = {
    "LeNet": LeNet,
    "AlexCifarNet": AlexCifarNet,
    "AlexNet": AlexNet,
    "ConvNet3": ConvNet3,
    "EfficientNetLite0": efficientnet_lite0,
    "MLP": MLP,
}


def build(name: str, channels: int, size: int, classes: int, seed: int = 0) -> nn.Module:
    """The network `name` for images `[channels, size, size]` and that many classes, as its class builds it from `seed`.

    A user's own class is called as `Class(channels=..., size=..., classes=...)` and returns logits `[n, classes]`. The
    global random state is as before.

    Raises:
        UserError: unknown name, a module or class that cannot be imported, one that refuses these images or makes
            something else than a module.
    """
    cls = NETS.get(name) or _import(name)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)  # torch.manual_seed would reseed every GPU as well
            net = cls(channels=channels, size=size, classes=classes)
    except UserError:
        raise
    except Exception as error:  # a user's own may raise anything
        # which of these it is says nothing; of a KeyError the message is but the key
        kind = "" if isinstance(error, (TypeError, ValueError, RuntimeError)) else f"{type(error).__name__}: "
        raise UserError(f"net {name}: {kind}{reason(error)} (called with {channels=}, {size=}, {classes=})") from error
    if not isinstance(net, nn.Module):
        raise UserError(f"net {name}: makes a {type(net).__name__}; must be a torch.nn.Module")
    return net


def try_out(net: nn.Module, name: str, channels: int, size: int, classes: int) -> None:
    """Refuse a network that does not turn such images into such logits, each by itself, before any training.

    Raises:
        UserError: it has no weights, layers whose sizes are not known yet, or some that are made later; it fails on two
            images, returns something else than finite logits `[2, classes]`, is random in evaluation mode, or judges an
            image by the others.
    """
    images = torch.randn(2, channels, size, size, generator=generator(0, "try out"))
    weights = list(net.parameters())
    if not weights:
        raise UserError(f"net {name}: has no weights to train; give it layers such as nn.Linear")
    if any(map(is_lazy, weights)):
        raise UserError(f"net {name}: has lazy layers, whose weights do not exist yet; give them their input sizes")
    draw = generator(0, "aside")
    try:
        net = copy.deepcopy(net).eval()
        with torch.no_grad():
            for p in net.parameters():  # not as they are: a last layer of zeros would hide all that comes before it
                p += 0.01 * torch.randn(p.shape, generator=draw)
            logits, again, alone = net(images), net(images), net(images[:1])
    except Exception as error:
        shape = [2, channels, size, size]
        raise UserError(
            f"net {name}: fails on images {shape}: {reason(error)}; change it or the images' size"
        ) from error
    if len(list(net.parameters())) > len(weights):
        raise UserError(f"net {name}: makes layers in its forward, which would not be trained; make them in __init__")
    shape = list(logits.shape) if isinstance(logits, Tensor) else f"a {type(logits).__name__}"
    if shape != [2, classes]:
        raise UserError(f"net {name}: returns {shape} for 2 images of {classes} classes; must be [2, {classes}]")
    if not logits.isfinite().all():
        raise UserError(f"net {name}: returns {logits[0].tolist()} for random images; must be finite")
    if logits.min() >= 0 and (logits.sum(1) - 1).abs().max() < 1e-5:
        raise UserError(f"net {name}: returns probabilities; must be logits: leave out its softmax")
    if not torch.allclose(logits, again, rtol=1e-3, atol=1e-4):
        raise UserError(
            f"net {name}: is random in evaluation mode; give F.dropout training=self.training, or remove it"
        )
    if not torch.allclose(logits[:1], alone, rtol=1e-3, atol=1e-4):
        raise UserError(
            f"net {name}: what it makes of an image depends on the others in the batch; use a norm without batch "
            "statistics, such as nn.GroupNorm"
        )


def remark(net: nn.Module, name: str) -> str:
    """What a user may not expect of a network whose layers stay in evaluation mode, in one line; or nothing."""
    said = {}
    for layer in net.modules():
        if isinstance(layer, nn.modules.dropout._DropoutNd):
            said[type(layer).__name__] = "drops nothing"
        elif isinstance(layer, nn.modules.batchnorm._BatchNorm):
            said[type(layer).__name__] = (
                "uses stored statistics, never the batch's (mean 0, variance 1 unless pre-trained, which normalises "
                "nothing: nn.GroupNorm does)"
            )
    what = " and ".join(f"{layer} {does}" for layer, does in said.items())
    return f"net {name}: layers stay in evaluation mode: {what}" if what else ""


def _import(name: str) -> Callable[..., nn.Module]:
    module, _, attribute = name.partition(":")
    if not (module and attribute):
        raise UserError(f"net {name!r} is not known: use one of {', '.join(NETS)}, or your own as package.module:Class")
    try:
        return getattr(importlib.import_module(module), attribute)
    except AttributeError as error:
        raise UserError(f"net {name!r}: {error}") from error
    except ImportError as error:
        cure = "; is its folder on PYTHONPATH?" if error.name and module.startswith(error.name) else ""
        raise UserError(f"net {name!r}: {error}{cure}") from error
    except Exception as error:  # what a user's own module may raise, such as SyntaxError
        raise UserError(f"net {name!r}: {type(error).__name__}: {error}") from error
