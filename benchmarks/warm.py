"""What `dd warm` saves a short job: an evaluation of ten digits, from nothing and as a copy, in turn.

    python benchmarks/warm.py --rounds 5

Prints seconds by the clock, medians, and their ratio.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dd.runtime.warm import ADDRESS, WarmProcess

DD = [sys.executable, "-m", "dd"]


def made(folder: Path, waiting: WarmProcess) -> list[str]:
    """Prepare digits and distil a set from them; the words of an evaluation of it."""
    data, distilled = folder / "digits.npz", folder / "set.safetensors"
    length = ("--init", "fixed", "--steps", "1", "--meta-steps", "2", "--validation-images", "100")
    for words in (
        ("data", "prepare", "digits", "--out", data),
        ("distill", "--data", data, "--out", distilled, *length),
    ):
        waiting.run("dd", [*map(str, words)], folder=Path.cwd(), env=dict(os.environ)).check_returncode()
    return [*DD, "evaluate", "--set", str(distilled), "--data", str(data), "--out", str(folder / "accuracy.csv")]


def seconds(command: list[str], **env: str) -> float:
    """How long a command takes."""
    start = time.perf_counter()
    subprocess.run(command, env=os.environ | env, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each is run")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        waiting = WarmProcess()
        try:
            command = made(Path(folder), waiting)
            pairs = [(seconds(command), seconds(command, **{ADDRESS: waiting.address})) for _ in range(rounds)]
        finally:
            waiting.stop()
    nothing, copy = (statistics.median(each) for each in zip(*pairs, strict=True))
    print(f"from nothing {nothing:.2f} s, as a copy {copy:.2f} s: {nothing / copy:.1f} times as fast")


if __name__ == "__main__":
    main()
