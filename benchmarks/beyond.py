"""What settings beyond the paper change: MNIST, random initialisation, 100 images, the laptop recipe.

python benchmarks/beyond.py [NAME ...]           # cut short: 3 minutes of a core for each variant of beyond.yaml
python benchmarks/beyond.py --whole [NAME ...]   # the whole recipe, a quarter of an hour of a core each

A set that exists already (results/beyond/short/NAME, or whole) is not distilled again. Each set is judged on held-out
nets and the test images, in three ways: `native`, its steps in their order; `shuffled`, its steps in an order drawn
anew for every net and epoch, each at its own rates; `mixed`, ordinary SGD: minibatches drawn at random from all images,
at the mean rate of the epoch. Prints the table of docs/beyond.md and writes accuracy.csv beside the sets, with one row
for each variant, way and net.
"""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import torch
import yaml

import dd
from dd.data.prepared import load
from dd.distill.distilled_data import DistilledData
from dd.distill.distilled_set import DistilledSet
from dd.distill.inner_steps import shuffled
from dd.distill.inner_training import optimiser_of
from dd.distill.loss import Loss, classification
from dd.distill.metrics import accuracy
from dd.distill.unroll import UnrollOptions, train
from dd.nets.stacked import StackedNet
from dd.runtime.memory import keep_freed_memory
from dd.runtime.progress import progress
from dd.runtime.seeds import generator

ROOT = Path(__file__).parent.parent
NETS = 20
WAYS = ("native", "shuffled", "mixed")


def distil(folder: Path, settings: dict) -> None:
    """Distil a variant into `folder` unless the set exists already."""
    data = ROOT / f"results/data/{settings.pop('dataset')}.npz"
    command = [sys.executable, "-m", "dd"]
    if not data.exists():
        subprocess.run([*command, "data", "prepare", data.stem, "--out", data], check=True)
    if not (folder / "set.safetensors").exists():
        words = ["--data", data, "--out", folder / "set.safetensors", "--history", folder / "history.csv"]
        for key, value in settings.items():
            flag = f"--{key.replace('_', '-')}"
            words += [flag] * value if isinstance(value, bool) else [flag, str(value)]
        subprocess.run([*command, "distill", *words], check=True, cwd=ROOT)


def trained(loss: Loss, theta: torch.Tensor, distilled: DistilledSet, way: str, net: int) -> torch.Tensor:
    """Held-out net `net`, of weights `theta [1, P]`, after it has learned from the set in one of `WAYS`."""
    images, labels, lrs = distilled.images, distilled.labels, distilled.lrs
    (epochs, steps), draw = lrs.shape, generator(0, way, net)
    if way == "mixed":
        count = steps * images.shape[1]
        mixed = torch.cat([torch.randperm(count, generator=draw) for _ in range(epochs)]).view(epochs * steps, -1)
        images, labels = images.flatten(0, 1)[mixed], labels.flatten(0, 1)[mixed]
        lrs = lrs.mean(1, keepdim=True).expand(-1, steps).reshape(1, -1)
    data = DistilledData(images, labels, lrs)
    order = shuffled(data, draw) if way == "shuffled" else None
    options = UnrollOptions(steps=order, optimiser=optimiser_of(distilled.config))
    return train(loss, theta, data, options=options)


def measure(name: str, folder: Path) -> pd.DataFrame:
    """One row for each way and held-out net: name, way, held_out_net, accuracy in percent."""
    distilled = dd.load(folder / "set.safetensors")
    dataset = load(ROOT / f"results/data/{distilled.info['dataset']['name']}.npz")
    net, initial, rows = StackedNet(distilled.make()), distilled.initial(), []
    loss, test = classification(net), (dataset.x_test, dataset.y_test, distilled.mean, distilled.std)
    with progress(NETS, unit="net") as bar:
        for index in range(NETS):
            theta = initial("held-out", [index])
            nets = torch.cat([trained(loss, theta, distilled, way, index) for way in WAYS])
            for way, percent in zip(WAYS, accuracy(net, nets, *test).tolist(), strict=True):
                rows.append({"name": name, "way": way, "held_out_net": index, "accuracy": round(percent, 2)})
            bar.update()
    return pd.DataFrame(rows)


def main() -> None:
    torch.set_num_threads(1)
    keep_freed_memory()
    laptop = yaml.safe_load((ROOT / "workflow/scales/laptop.yaml").read_text())
    variants = yaml.safe_load((ROOT / "benchmarks/beyond.yaml").read_text())
    whole, names = "--whole" in sys.argv, [word for word in sys.argv[1:] if word != "--whole"]
    common, short = variants.pop("all"), variants.pop("short")
    out = ROOT / "results/beyond" / ("whole" if whole else "short")
    recipe = laptop["distill"] | laptop["experiments"]["mnist_random"] | common | ({} if whole else short)
    recipe.pop("seeds", None)  # the workflow's; here is one
    tables, lines = [], []
    for name in names or variants:
        folder = out / name
        distil(folder, recipe | variants[name])
        table = measure(name, folder)
        table.to_csv(folder / "accuracy.csv", index=False)
        tables.append(table)
        last = pd.read_csv(folder / "history.csv").iloc[-1]
        cells = [f"{last.accuracy:.1f} ± {last.accuracy_std:.1f}"]
        for _, values in table.groupby("way", sort=False)["accuracy"]:
            cells.append(f"{values.mean():.1f} ± {values.std():.1f}")
        lines.append(f"| {name} | {' | '.join(cells)} | {last.meta_step:.0f} | {last.seconds:.0f} |")
    pd.concat(tables).to_csv(out / "accuracy.csv", index=False)
    print("| variant | held-out training images | native | shuffled | mixed | meta-steps | seconds |")
    print("|---|---|---|---|---|---|---|")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
