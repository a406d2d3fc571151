"""Speed and memory of our code, the authors' code and plain autograd, and their share of the roofline, in one run.

    python benchmarks/run.py --authors FOLDER    # the authors' code, github ssnl/dataset-distillation, as downloaded
    python benchmarks/run.py                     # without the authors' code

Rewrites the tables of benchmarks/README.md. Every method runs in its own process (worker.py), so that peak memory is
that of one method. Methods take turns unit by unit, so that other load on the machine affects all of them.
"""

import argparse
import datetime
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

HERE = Path(__file__).parent
TASKS = {
    "LeNet": "LeNet, 4 random inits, 10 steps x 3 epochs, real batch 1024: a meta-step",
    "AlexCifarNet": "AlexCifarNet, 1 init, 10 x 3, real batch 1024: a meta-step",
    "pool": "train 4 LeNets on 6 batches of 1024 real images",
    "evaluate": "apply a set to 20 LeNets, test them on 10,000 images before and after",
}
METHODS = {
    "LeNet": ("ours", "processes", "full graph", "authors"),
    "AlexCifarNet": ("ours", "full graph", "authors"),
    "pool": ("ours", "processes", "authors"),
    "evaluate": ("ours", "processes", "authors"),
}
NAMES = {"processes": "ours, a process a thread"}
TOLERANCE = 0.05
"""The share of its norm by which a method's first result can differ from ours: gradients of images, changes of trained
weights, accuracies before and after. Changing the last digits of images changes AlexCifarNet's gradient by half of
that."""
GD_STEPS = (10, 30, 100, 300)
"""Numbers of GD steps of which the memory is measured."""
TRACED_AFTER = 20
"""Calls after which our steps are traced: a run of thousands of meta-steps is traced for most of its time."""
WARM = 3
"""Units before time is measured; by then our steps are traced."""


class Worker:
    """A process that does one unit of a task at every call of `unit`."""

    def __init__(self, **options):
        command = [sys.executable, str(HERE / "worker.py"), json.dumps(options)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def unit(self) -> dict:
        """Do one unit; return its seconds and the peak MiB."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        if answer := self.process.stdout.readline():
            return json.loads(answer)
        sys.exit(self.process.stderr.read())

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def sgemm() -> float:
    """Operations a second that a matrix product reaches on this machine now."""
    a = torch.randn(2048, 2048)
    started = time.perf_counter()
    for _ in range(5):
        a @ a
    return 5 * 2 * 2048**3 / (time.perf_counter() - started)


def flops(task: str) -> int:
    """Floating-point operations of a unit of a task."""
    command = [sys.executable, str(HERE / "worker.py"), json.dumps({"task": task, "method": "flops", "threads": 1})]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def compare(task: str, methods: list[str], rounds: int, common: dict) -> dict[str, tuple[float, float, float]]:
    """For each method: median seconds of a unit, peak MiB, median share of the roofline in percent."""
    needed = flops(task)
    with tempfile.TemporaryDirectory() as folder:
        results = {method: f"{folder}/{method}" for method in methods}
        options = {"task": task, "traced_after": TRACED_AFTER} | common
        workers = {method: Worker(method=method, keep=results[method], **options) for method in methods}
        for worker in workers.values():
            for _ in range(WARM):
                worker.unit()
        # each of several processes trains or tests only its own share of the nets
        agree = [method for method in methods if method != "processes" or task == "LeNet"]
        for method in agree:
            ours, other = (torch.load(results[m], weights_only=True).double() for m in ("ours", method))
            if (error := ((ours - other).norm() / ours.norm()).item()) > TOLERANCE:
                sys.exit(f"{task}: {method} differs from ours by {error:.1e}")
    seconds, shares, peaks = ({method: [] for method in methods} for _ in range(3))
    for _ in range(rounds):
        roofline = sgemm()
        for method, worker in workers.items():
            unit = worker.unit()
            seconds[method].append(unit["seconds"])
            shares[method].append(100 * needed / unit["seconds"] / roofline)
            peaks[method].append(unit["peak"])
    for worker in workers.values():
        worker.close()
    median = statistics.median
    return {method: (median(seconds[method]), max(peaks[method]), median(shares[method])) for method in methods}


def speed(rounds: int, common: dict) -> list[str]:
    reference = "authors" if "authors" in common else "full graph"
    lines = [
        f"| task | method | units a minute | peak memory, MiB | share of roofline | times {reference} |",
        "|---|---|---|---|---|---|",
    ]
    for task, title in TASKS.items():
        methods = [method for method in METHODS[task] if method != "authors" or "authors" in common]
        measured = compare(task, methods, rounds, common)
        for method, (seconds, peak, share) in measured.items():
            ratio = f"**{measured[reference][0] / seconds:.2f}**" if reference in measured else ""
            lines.append(
                f"| {title} | {NAMES.get(method, method)} | {60 / seconds:.1f} | {peak:.0f} | {share:.0f} % | {ratio} |"
            )
            title = ""
            print(lines[-1], flush=True)
    return lines


def memory(common: dict) -> list[str]:
    methods = [method for method in METHODS["LeNet"] if method != "processes"]
    methods = [method for method in methods if method != "authors" or "authors" in common]
    lines = ["| GD steps | stored weights | " + " | ".join(methods) + " |", "|---|---|" + "---|" * len(methods)]
    for steps in GD_STEPS:
        peaks = []
        for method in methods:
            worker = Worker(task="LeNet", method=method, steps=steps, epochs=1, **common)
            peaks.append([worker.unit()["peak"] for _ in range(60 // steps + 2)][-1])  # until steps are traced
            worker.close()
        stored = 4 * steps * 61_706 * 4 / 2**20
        lines.append(f"| {steps} | {stored:.0f} | " + " | ".join(f"{peak:.0f}" for peak in peaks) + " |")
        print(lines[-1], flush=True)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--authors", type=Path, help="folder of the authors' code (needs the package six)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    common = {"threads": arguments.threads}
    if arguments.authors:
        common["authors"] = str(arguments.authors.resolve(strict=True))
    text = [
        f"Measured {datetime.date.today()} on {platform.machine()}, {arguments.threads} threads, float32, PyTorch "
        f"{torch.__version__}; methods in turn, median of {arguments.rounds}.",
        "",
        *speed(arguments.rounds, common),
        "",
        "Peak memory in MiB of a process that computes one meta-step of LeNet (4 nets, real batch 1024, one epoch):",
        "",
        *memory(common),
    ]
    readme = HERE / "README.md"
    head, mark, _ = readme.read_text().partition("<!-- measured -->\n")
    readme.write_text(head + mark + "\n" + "\n".join(text) + "\n")


if __name__ == "__main__":
    main()
