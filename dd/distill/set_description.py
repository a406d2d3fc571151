"""What a distilled set is, in a few lines and in the columns of tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dd.distill.settings import PAPERS

if TYPE_CHECKING:
    from dd.distill.distilled_set import DistilledSet


def described(distilled: DistilledSet) -> str:
    """What it was made for, how it is trained on and how accurate it was, without its tensors."""
    steps, images, *shape = distilled.images.shape
    config = distilled.info.get("config", {})
    made_for = [distilled.info.get("dataset", {}).get("name"), config.get("net"), config.get("init")]
    rates = f"{distilled.lrs.min():.3g} to {distilled.lrs.max():.3g}" if len(distilled.lrs) else "none of its own"
    labels = "hard" if distilled.labels.ndim == 2 else "learned"
    epochs, gd_steps = distilled.lrs.shape
    trained = f"{steps} steps x {epochs} epochs, {images} images {shape} a step"
    if distilled.config.batch_per_class:
        batch = steps * images // gd_steps
        trained = f"{steps * images} images {shape}, {gd_steps} minibatches of {batch} x {epochs} epochs"
    lines = [
        " ".join(["DistilledSet", *filter(None, made_for)]),
        f"  {trained}, {labels} labels",
        f"  learning rates {rates}",
    ]
    if measured := distilled.info.get("validation"):
        lines.append(f"  accuracy at validation: {measured['accuracy']:.1f} % over {measured['nets']} net(s)")
    return "\n".join(lines)


def setting_columns(distilled: DistilledSet) -> dict:
    """The columns by which tables of measurements describe a set; see `DistilledSet.setting`."""
    config, before = distilled.info["config"], distilled.info.get("pretrained", {})
    source = before["dataset"]["name"] if "dataset" in before else before.get("trained_on", "")
    columns = {"dataset": distilled.info["dataset"]["name"], "source": source}
    columns |= {key: config[key] for key in ("net", "init", "steps", "epochs")}
    columns |= {"distilled_images": distilled.images.shape[:2].numel(), "seed": config["seed"]}
    settings = PAPERS | config
    if before:  # nets of a pool were drawn by the pool's own scheme, those of a file by none of ours
        settings["init_scheme"] = before.get("init_scheme", PAPERS["init_scheme"])
    different = {name: settings[name] for name in PAPERS if settings[name] != PAPERS[name]}
    columns["beyond"] = ", ".join(name if value is True else f"{name} {value}" for name, value in different.items())
    if distilled.attacks:
        columns |= {key: config[key] for key in ("attack_class", "target_class")}
    return columns
