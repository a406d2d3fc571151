"""Time and memory of a meta-step as in Table 3: 224 pixels, one image per class, 1 step x 3 epochs, one net.

    python benchmarks/alexnet.py              # prints the table of benchmarks/README.md; two minutes
    python benchmarks/alexnet.py --batch 256

Weights are random, which changes neither time nor memory. Each network has its own process, so that peak memory is that
of one network.
"""

import argparse
import subprocess
import sys
import time

import torch
from worker import peak

from dd.distill.derivatives import value_and_gradient_in_chunks
from dd.distill.distilled_data import DistilledData
from dd.distill.loss import classification
from dd.distill.unroll import adjoint, descend
from dd.nets.factory import build
from dd.nets.init_schemes import flat_weights
from dd.nets.stacked import StackedNet
from dd.runtime.memory import keep_freed_memory

CLASSES = {"AlexNet": 200, "EfficientNetLite0": 10}
EPOCHS, LR = 3, 0.001


def measure(name: str, batch: int) -> str:
    """The row of a network in the table: seconds of each part of the meta-step, and peak MiB at its end."""
    torch.set_num_threads(1)
    keep_freed_memory()
    classes, cells = CLASSES[name], []
    module = build(name, 3, 224, classes)
    loss, theta = classification(StackedNet(module)), flat_weights(module)[None]
    images, labels = torch.randn(1, classes, 3, 224, 224), torch.arange(classes)[None]
    data = DistilledData(images, labels, torch.full((EPOCHS, 1), LR))
    x, y = torch.randn(batch, 3, 224, 224), torch.randint(0, classes, (batch,))
    del module
    cells.append(f"{peak():.0f}")

    def timed(function, *arguments):
        started = time.perf_counter()
        result = function(*arguments)
        cells.append(f"{time.perf_counter() - started:.0f} s, {peak():.0f}")
        return result

    trajectory = timed(descend, loss, theta, data)
    _, v = timed(value_and_gradient_in_chunks, loss, trajectory.theta[-1], x, y)
    timed(adjoint, loss, trajectory, v, data)
    stored = trajectory.theta.numel() * trajectory.theta.element_size() / 2**20
    return f"| {name}, {classes} classes, {theta.numel() / 1e6:.1f} M weights | {stored:.0f} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=64, help="real images")
    parser.add_argument("--net", choices=CLASSES, help="only the row of this network, in this process")
    arguments = parser.parse_args()
    if arguments.net:
        print(measure(arguments.net, arguments.batch))
        return
    parts = f"{EPOCHS} steps | {arguments.batch} real images | {EPOCHS} steps back"
    print(f"| network | stored weights, MiB | at the start, MiB | {parts} |")
    print("|---|---|---|---|---|---|", flush=True)
    for net in CLASSES:
        subprocess.run([sys.executable, __file__, "--net", net, "--batch", str(arguments.batch)], check=True)


if __name__ == "__main__":
    main()
