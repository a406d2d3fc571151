"""benchmarks/length.py in miniature: an order-free set of digits."""

import re

from tests.warm import ROOT, run_python


def test_the_best_length_is_that_of_the_highest_accuracy(dd, digits, tmp_path):
    made = tmp_path / "set.safetensors"
    order_free = ("--batch-per-class", 2, "--images-per-class", 2, "--steps", 1, "--epochs", 2, "--rates", "one")
    length = ("--start", "real", "--meta-steps", 1, "--nets", 1, "--validation-nets", 1, "--validation-images", 100)
    done = dd("distill", "--data", digits, "--out", made, *order_free, *length, "--real-batch", 50)
    assert done.returncode == 0, done.stderr
    done = run_python(ROOT / "benchmarks/length.py", made, digits, "--epochs", "1,60", "--nets", 2)
    assert done.returncode == 0, done.stderr
    accuracy = {
        int(n): float(mean) for n, mean in re.findall(r"(\d+) epochs: ([\d.]+) ± [\d.]+ % of 100\n", done.stdout)
    }
    assert accuracy[60] > accuracy[1] + 20
    assert done.stdout.endswith("best: 60 epochs\n")
