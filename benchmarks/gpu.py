"""Meta-steps a second on one GPU, at the paper's sizes, without and with CUDA graphs (the default is with).

    python benchmarks/gpu.py     # three minutes; its second last column is *now* in benchmarks/README.md

Images are noise, which takes as long as other images.
"""

import math
import time

import torch

from dd.data.prepared import Dataset
from dd.distill.experiment import Experiment
from dd.distill.settings import DistillConfig
from dd.distill.trainer import Trainer
from dd.runtime import trace
from dd.runtime.devices import exact_products
from dd.runtime.seeds import generator

SETTINGS = {
    "LeNet, 4 random inits, 10 steps x 3 epochs": {"net": "LeNet", "init": "random", "nets": 4},
    "LeNet, 1 fixed init, 1 step x 3 epochs": {"net": "LeNet", "init": "fixed", "nets": 1, "steps": 1},
    "AlexCifarNet, 4 random inits, 10 x 3": {"net": "AlexCifarNet", "init": "random", "nets": 4, "distill_lr": 0.001},
    "AlexCifarNet, 1 fixed init, 10 x 3": {"net": "AlexCifarNet", "init": "fixed", "nets": 1, "distill_lr": 0.001},
}
SHAPES = {"LeNet": (1, 28), "AlexCifarNet": (3, 32)}
WARM, SECONDS = 6, 8


def noise(channels: int, size: int, images: int = 4096) -> Dataset:
    draw = generator(0, "benchmark")
    x = torch.randint(0, 256, (images, channels, size, size), generator=draw, dtype=torch.uint8)
    y = torch.randint(0, 10, (images,), generator=draw)
    half, info = torch.full((channels,), 0.5), dict.fromkeys(("name", "sha256", "source", "fidelity"), "noise")
    return Dataset("noise", x, y, x, y, half, half / 2, [str(i) for i in range(10)], info)


def rate(trainer: Trainer) -> float:
    """Meta-steps a second, after the first few."""
    for _ in range(WARM):
        trainer.step()
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < SECONDS:
        trainer.step()  # which ends with a number read from the GPU
        count += 1
    return count / (time.perf_counter() - started)


def main() -> None:
    exact_products()
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}, real batch 1024\n")
    print("| a meta-step of | without graphs, a second | with graphs, a second | ratio |\n|---|---|---|---|")
    enough = trace.GPU_REPEATS
    for name, settings in SETTINGS.items():
        rates = []
        for trace.GPU_REPEATS in (math.inf, enough):
            config = DistillConfig(**settings)
            rates.append(rate(Experiment(config, noise(*SHAPES[config.net]), device="cuda").trainer))
        written, recorded = rates
        print(f"| {name} | {written:.1f} | {recorded:.1f} | {recorded / written:.1f} |", flush=True)


if __name__ == "__main__":
    main()
