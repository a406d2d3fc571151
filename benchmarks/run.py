"""Speed and memory of a meta-step: ours against plain autograd through all steps, in turn, in one run.

    python benchmarks/run.py            # measures, and rewrites the tables of benchmarks/README.md
    python benchmarks/run.py --threads 1

Each measurement of memory is a process of its own, so that the peak belongs to one method.
"""

import argparse
import datetime
import json
import platform
import re
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

HERE = Path(__file__).parent
SETTINGS = {
    "LeNet": {"channels": 1, "size": 28, "nets": 4, "batch": 1024},
    "AlexCifarNet": {"channels": 3, "size": 32, "nets": 1, "batch": 256},
}
STEPS, EPOCHS = 10, 3
METHODS = ("ours", "full graph")


def meta_step(name: str, method: str, steps: int, epochs: int):
    """A function that computes one meta-gradient on made-up tensors; the same tensors for both methods."""
    import torch

    from dd.distill.initial import random_initial
    from dd.distill.objective import classification
    from dd.distill.unroll import meta_gradient
    from dd.nets import build
    from dd.nets.stacked import StackedNet
    from dd.runtime.seeds import generator

    s, random = SETTINGS[name], generator(0, "benchmark")
    shape = (s["channels"], s["size"], s["size"])
    make = partial(build, name, *shape[:2], 10)
    loss = classification(StackedNet(make()))
    thetas = random_initial(make, "xavier", 0)("train", range(s["nets"]))
    images = torch.randn(steps, 10, *shape, generator=random)
    labels = torch.arange(10).expand(steps, 10)
    lrs = torch.full((epochs, steps), 0.02)
    real_x = torch.randn(s["batch"], *shape, generator=random)
    real_y = torch.randint(0, 10, (s["batch"],), generator=random)

    def ours():
        return meta_gradient(loss, loss, thetas, images, labels, lrs, real_x, real_y).images

    def full_graph():
        x, eta = images.clone().requires_grad_(), lrs.clone().requires_grad_()
        total = torch.zeros_like(images)
        for row in thetas.split(1):
            theta = row.clone().requires_grad_()
            for epoch in range(epochs):
                for step in range(steps):
                    (grad,) = torch.autograd.grad(loss(theta, x[step], labels[step]).sum(), theta, create_graph=True)
                    theta = theta - eta[epoch, step] * grad
            total += torch.autograd.grad(loss(theta, real_x, real_y).sum(), (x, eta))[0] / len(thetas)
        return total

    return ours if method == "ours" else full_graph


def compare_speed(name: str, rounds: int) -> dict[str, float]:
    """Median seconds of a meta-step of each method, measured in turn after a warm-up; checks that they agree."""
    import torch

    functions = {method: meta_step(name, method, STEPS, EPOCHS) for method in METHODS}
    first, second = (function() for function in functions.values())
    error = (torch.linalg.vector_norm(first - second) / torch.linalg.vector_norm(second)).item()
    assert error < 1e-2, f"{name}: the methods disagree by {error:.1e}"
    seconds = {method: [] for method in METHODS}
    for _ in range(rounds):
        for method, function in functions.items():
            started = time.perf_counter()
            function()
            seconds[method].append(time.perf_counter() - started)
    return {method: statistics.median(values) for method, values in seconds.items()}


def peak_memory(name: str, method: str, steps: int, threads: int) -> tuple[float, float]:
    """MiB: the peak of a fresh process that computes one meta-step of `steps` GD steps, and by how much that exceeds
    its peak after a meta-step of a single GD step, which loads what any step needs."""
    arguments = ["--child", name, method, str(steps), "--threads", str(threads)]
    done = subprocess.run([sys.executable, __file__, *arguments], capture_output=True, text=True, check=True)
    before, peak = json.loads(done.stdout)
    return peak, peak - before


def child(name: str, method: str, steps: int) -> None:
    """Measure in this process; print MiB after one GD step and at the end."""
    peaks = []
    for count in (1, steps):
        meta_step(name, method, count, 1)()
        # not ru_maxrss, which starts at the size of the process that started this one
        status = Path("/proc/self/status").read_text()
        peaks.append(int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) / 1024)
    print(json.dumps(peaks))


def report(rounds: int, threads: int) -> str:
    lines = [
        f"Measured {datetime.date.today()}, {platform.machine()}, {threads} thread(s), float32, on the CPU,",
        f"`python benchmarks/run.py --threads {threads}`. Both methods in turn in one process, median of {rounds};",
        f"{STEPS} steps x {EPOCHS} epochs.",
        "",
        "| net | nets | real batch | ours, meta-steps/s | full graph, meta-steps/s | ratio |",
        "|---|---|---|---|---|---|",
    ]
    for name, s in SETTINGS.items():
        seconds = compare_speed(name, rounds)
        ours, full = (1 / seconds[method] for method in METHODS)
        lines.append(f"| {name} | {s['nets']} | {s['batch']} | {ours:.2f} | {full:.2f} | **{ours / full:.2f}** |")
        print(lines[-1], flush=True)
    lines += [
        "",
        "Peak memory of a fresh process in MiB, one epoch. In brackets how much more that is than with a single GD",
        "step; the stored weights alone are nets x GD steps x weights x 4 bytes.",
        "",
        "| net | GD steps | stored weights | ours | full graph | ratio |",
        "|---|---|---|---|---|---|",
    ]
    weights = {"LeNet": 61_706, "AlexCifarNet": 1_756_426}
    for name, s in SETTINGS.items():
        # the full graph of 300 steps of AlexCifarNet does not fit into a laptop
        for steps in (10, 30, 100, 300) if name == "LeNet" else (10, 30, 100):
            (ours, more), (full, full_more) = (peak_memory(name, method, steps, threads) for method in METHODS)
            stored = s["nets"] * steps * weights[name] * 4 / 2**20
            lines.append(
                f"| {name} | {steps} | {stored:.0f} | {ours:.0f} (+{more:.0f}) | {full:.0f} (+{full_more:.0f}) "
                f"| **{full / ours:.2f}** |"
            )
            print(lines[-1], flush=True)
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()

    import torch

    torch.set_num_threads(arguments.threads)
    if arguments.child:
        name, method, steps = arguments.child
        child(name, method, int(steps))
        return
    readme = HERE / "README.md"
    head, mark, _ = readme.read_text().partition("<!-- measured -->\n")
    readme.write_text(head + mark + "\n" + report(arguments.rounds, arguments.threads) + "\n")


if __name__ == "__main__":
    main()
