"""All that a distilled set says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dd.data.datasets import DATASETS
from dd.distill.set_metadata import SET_FORMAT

if TYPE_CHECKING:
    from dd.distill.distilled_set import DistilledSet

UNKNOWN = "not told"


def description(distilled: DistilledSet) -> dict[str, str]:
    """What a set says of itself, by subject: what it was distilled from and for, how it is trained on, its origin."""
    info, config = distilled.info, distilled.info.get("config", {})
    data = info.get("dataset", {})
    classes, images = info.get("classes", []), distilled.images
    before, origin = info.get("pretrained", {}), info.get("imported_from", {})
    told = {
        "distilled from": f"{data.get('name', UNKNOWN)} ({data.get('source') or UNKNOWN})",
        "fidelity": data.get("fidelity") or UNKNOWN,
        "licence of the data": _licence(data.get("name", "")),
        "classes": f"{len(classes)}: {', '.join(classes)}",
        "images": f"{len(images)} steps of {images.shape[1]}, each {list(distilled.image_shape)}",
        "labels": "hard: one class an image" if distilled.labels.ndim == 2 else "learned: probabilities of all classes",
        "learning rates": _rates(distilled),
        "normalisation": _normalisation(distilled),
        "networks": f"{config.get('net', UNKNOWN)}, {config.get('init', UNKNOWN)} init",
        "pre-trained": before.get("name") or before.get("dataset", {}).get("name", ""),
        "beyond the paper": distilled.setting()["beyond"] if config and data and not origin else "",
        "accuracy": _accuracy(info),
        "imported from": _origin(origin),
        "begun from": info.get("begun") or "",
        "imported with" if origin else "made with": ", ".join(
            f"{key} {value}" for key, value in info.get("made with", {}).items()
        )
        or UNKNOWN,
        "schema": SET_FORMAT,
        "digest": f"sha256:{distilled.digest}",
    }
    return {key: value for key, value in told.items() if value}


def _origin(origin: dict[str, Any]) -> str:
    """The file that a set was imported from, which part of it, and its digest."""
    words = [str(origin[key]) for key in ("format", "file") if key in origin]
    if "experiment" in origin:
        words.append(f"experiment {origin['experiment']}")
    if "sha256" in origin:
        words.append(f"sha256:{origin['sha256'][:16]}")
    return " ".join(words)


def _licence(name: str) -> str:
    licence = DATASETS[name].licence if name in DATASETS else ""
    return licence or UNKNOWN


def _rates(distilled: DistilledSet) -> str:
    epochs, steps = distilled.lrs.shape
    if not epochs:
        return "none of its own"
    return f"{distilled.lrs.min():.3g} to {distilled.lrs.max():.3g}, {epochs} epochs of {steps} GD steps"


def _normalisation(distilled: DistilledSet) -> str:
    mean, std = ([f"{value:.4g}" for value in values.tolist()[:3]] for values in (distilled.mean, distilled.std))
    more = f" and {len(distilled.mean) - 3} more" if len(distilled.mean) > 3 else ""
    scale = "values" if distilled.of_floats else "pixel / 255"
    text = f"({scale} - mean) / std, mean {', '.join(mean)}{more}, std {', '.join(std)}{more}"
    kind = distilled.info.get("whitening", {}).get("kind")
    return f"{text}, then {kind}" if kind else text


def _accuracy(info: dict) -> str:
    """What was measured when it was made, and by which protocol."""
    if measured := info.get("validation"):
        seen = " that it was distilled from" if info.get("config", {}).get("train_on_all") else ""
        spread = f" ± {std:.1f}" if (std := measured.get("accuracy_std")) is not None else ""
        nets = measured["nets"]
        return f"{measured['accuracy']:.1f}{spread} % on validation images{seen}, native protocol, {nets} net(s)"
    others = info.get("imported_from", {}).get("accuracies", {})
    told = [_told_accuracy(net, each) for net, each in others.items() if "accuracy" in each]
    if not told:
        return UNKNOWN
    return f"{', '.join(told)}; as its file says of all experiments in it, by its authors' protocol"


def _told_accuracy(net: str, found: dict) -> str:
    spread = f" ± {found['accuracy_std']:.1f}" if "accuracy_std" in found else ""
    nets = f" ({found['nets']} nets)" if "nets" in found else ""
    return f"{net} {found['accuracy']:.1f}{spread} %{nets}"
