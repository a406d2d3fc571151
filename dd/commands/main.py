"""The command `python -m dd`, to which the other files of this package add their commands.

Torch is imported inside the commands, so that --help answers at once and a GPU is chosen before CUDA starts.
"""

import signal
import sys

import click

from dd.runtime.errors import STOPPED


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def main() -> None:
    """Dataset Distillation (Wang, Zhu, Torralba, Efros 2018).

    \b
    Ten images that train a LeNet, from scratch to a picture, in four commands:
      python -m dd data prepare mnist --out mnist.npz
      python -m dd distill --data mnist.npz --init fixed --nets 1 --steps 1 --meta-steps 1000 \\
        --out set.safetensors --history history.csv
      python -m dd evaluate --set set.safetensors --data mnist.npz --out accuracy.csv
      python -m dd figure --set set.safetensors --metrics accuracy.csv --out images.png

    \b
    Your own images and network (docs/tutorial.md), and the result for other programs:
      python -m dd data prepare birds --out birds.npz --folder photos/ --size 32
      python -m dd distill --data birds.npz --net my_net:MyNet --real-batch 128 --validation-images 50 \\
        --out birds.safetensors --history birds.csv
      python -m dd export --set birds.safetensors --out birds.pt --out birds

    The whole paper: snakemake --cores all (see README.md).
    """
    # on SIGTERM, unwind as after an error, so that no half-written file stays
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(STOPPED))
