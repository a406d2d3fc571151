"""What a meta-step of a long training with a window costs, against one of the paper's length: LeNet, 4 nets, in turn.

    python benchmarks/window.py --rounds 40    # minutes; the mean of more rounds is steadier

A window ends after a number of steps that is drawn anew in each meta-step, so the means of many are compared.
"""

import argparse

from run import TRACED_AFTER, WARM, Worker

PAPER = {"steps": 10, "epochs": 3}
LONG = {"steps": 10, "epochs": 30, "window": 60}


def main() -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40, help="meta-steps of each")
    parser.add_argument("--batch", type=int, default=1024, help="real images of a meta-step")
    options = parser.parse_args()
    workers = {
        name: Worker(task="LeNet", method="ours", threads=1, batch=options.batch, traced_after=TRACED_AFTER, **length)
        for name, length in (("paper", PAPER), ("long", LONG))
    }
    seconds = dict.fromkeys(workers, 0.0)
    for number in range(WARM + options.rounds):
        for name, worker in workers.items():
            unit = worker.unit()
            if number >= WARM:
                seconds[name] += unit["seconds"] / options.rounds
    for worker in workers.values():
        worker.close()
    paper, long = seconds["paper"], seconds["long"]
    print(f"10 x 3 steps {paper:.3f} s; 10 x 30 with a window of 60 {long:.3f} s: {long / paper:.2f} times as long")


if __name__ == "__main__":
    main()
