"""What all photos teach a frozen pre-trained network: a linear layer on its features, the full-data rival of Table 3.

    python benchmarks/linear_probe.py birds10.npz efficientnet_lite0.safetensors

`python -m dd data prepare birds10` and `python -m dd data weights efficientnet_lite0` make the two files. The strength
of the penalty is chosen on training images that are held out.
"""

from functools import partial
from pathlib import Path

import click
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from dd.data.batches import normalise
from dd.data.prepared import load
from dd.nets.factory import build
from dd.nets.pretrained import PretrainedFile
from dd.report.formatting import accuracy_text

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Values of scikit-learn's C: smaller ones hold the weights nearer to 0."""
BATCH = 16


def features(net: nn.Module, x: Tensor) -> Tensor:
    """What the last linear layer of `net` gets for normalised images `x [n, C, H, W]`: `[n, f]`."""
    last = [layer for layer in net.modules() if isinstance(layer, nn.Linear)][-1]
    seen: list[Tensor] = []
    hook = last.register_forward_pre_hook(lambda _layer, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        for part in x.split(BATCH):
            net(part)
    hook.remove()
    return torch.cat(seen)


@click.command(help=__doc__)
@click.argument("data", type=click.Path(path_type=Path))
@click.argument("weights", type=click.Path(path_type=Path))
@click.option("--net", default="EfficientNetLite0", show_default=True, help="The network of the weights.")
@click.option("--held-out", default=30, show_default=True, help="Training images to choose the penalty on.")
def main(data: Path, weights: Path, net: str, held_out: int) -> None:
    dataset, file = load(data), PretrainedFile.load(weights)
    channels, size, _ = dataset.image_shape
    make = partial(build, net, channels, size, len(dataset.classes))
    module = file.network(make).eval()
    mean, std = (torch.tensor(file.info[key]) for key in ("mean", "std"))
    train, test = (features(module, normalise(x, mean, std)).numpy() for x in (dataset.x_train, dataset.x_test))
    y, rows_and_kept = dataset.y_train.numpy(), dataset.split(held_out, seed=0)
    rows, kept = (each.numpy() for each in rows_and_kept)
    probes = [make_pipeline(StandardScaler(), LogisticRegression(C=penalty, max_iter=2000)) for penalty in PENALTIES]
    probe = max(probes, key=lambda each: each.fit(train[rows], y[rows]).score(train[kept], y[kept]))
    accuracy = 100 * probe.fit(train, y).score(test, dataset.y_test.numpy())
    click.echo(f"{accuracy_text(accuracy, None, len(test))} % of {len(test)} test images, by a linear layer on {net}")


if __name__ == "__main__":
    main()
