"""Estimate what the paper's scale costs on GPUs, from the speed that gpu.py measured on one H100.

python benchmarks/cost.py     # prints the table of benchmarks/README.md
"""

SPEED = 1495e9 * 4.25
"""Floating-point operations a second, in AlexCifarNet's meta-steps with 4 nets on that GPU."""
LEAST = 1 / 32
"""The fewest seconds of a meta-step of 10 steps x 3 epochs with a small network: LeNet's on that GPU."""
META_STEP = {"LeNet": 17.7e9, "AlexCifarNet": 1495e9}
"""Floating-point operations of a meta-step with 4 nets and a real batch of 1024 (worker.py, method flops)."""
IMAGE = {"LeNet": 2.5e6, "AlexCifarNet": 196e6}
"""Floating-point operations to train on one real image. Testing on one takes a third of that."""

DISTILLATIONS = {"LeNet": (28, 23_600), "AlexCifarNet": (21, 19_600)}
"""The number of distillations that tables and figures need, and their meta-steps. Table 1: 2 + 2, Figure 2a: 1, Figures
4 and 5: 18 + 18, Table 2: 6, Figure 6: 1 + 1; Table 3 is left out."""
POOLS = {"LeNet": 2200 * (40 * 60_000 + 130 * 7_438 + 65 * 73_257), "AlexCifarNet": 2200 * 50 * 50_000}
"""Nets times epochs times images: MNIST, USPS, SVHN; CIFAR-10."""
TESTS = 31 * 7 * 200 * 3 * 10_000
"""Images tested for the baselines of Table 1: sets, rates, nets, numbers of epochs, test images."""
GPUS = (1, 4, 32)


def main() -> None:
    rows = []
    for net in META_STEP:
        count, meta_steps = DISTILLATIONS[net]
        each = meta_steps * max(META_STEP[net] / SPEED, LEAST) / 3600
        rows.append((f"{count} distillations, {net}", count * each, each))
        rows.append((f"pools, {net}", POOLS[net] * IMAGE[net] / SPEED / 3600, 0.0))
        rows.append((f"baselines of Table 1, {net}", TESTS * IMAGE[net] / 3 / SPEED / 3600, 0.0))
    rows.append(("together", sum(hours for _, hours, _ in rows), max(longest for *_, longest in rows)))
    print("| what | " + " | ".join(f"{n} GPU{'s' * (n > 1)}, hours" for n in GPUS) + " |")
    print("|---|" + "---|" * len(GPUS))
    for what, hours, longest in rows:
        # a distillation is one job; everything else divides as finely as one likes
        print(f"| {what} | " + " | ".join(f"{max(hours / n, longest):.1f}" for n in GPUS) + " |")


if __name__ == "__main__":
    main()
