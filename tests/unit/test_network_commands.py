"""Every command that trains networks tries a user's own first, and says of it what the others say."""

import random
import sys

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch import nn

import dd as package
from dd.commands.main import main
from dd.nets.factory import build
from dd.nets.lenet import LeNet
from dd.runtime.seeds import seeded
from tests.conftest import TINY_DISTILL


class Plain(nn.Module):
    def __init__(self, channels, size, classes):
        super().__init__()
        self.out = nn.Linear(channels * size**2, classes)

    def forward(self, x):
        return self.out(x.flatten(1))


class ByNumpyAndRandom(Plain):
    """Draws from the global generators of both."""

    def __init__(self, **shape):
        super().__init__(**shape)
        self.out.weight.data += torch.from_numpy(0.01 * np.random.randn(*self.out.weight.shape)).float()
        self.out.bias.data += random.random()


class InPlace(Plain):
    def forward(self, x):
        return super().forward(x.mul_(2))


class Lazy(Plain):
    def __init__(self, channels, size, classes):
        super().__init__(channels, size, classes)
        self.out = nn.LazyLinear(classes)


class Leaving(Plain):
    def __init__(self, **_):
        sys.exit(0)


class LeavingLater(Plain):
    def forward(self, _x):
        sys.exit(0)


class Pair(Plain):
    def forward(self, x):
        return super().forward(x), x


class TooLarge(Plain):
    def __init__(self, **_):
        torch.empty(2**50)


class TooLargeLater(Plain):
    def forward(self, x):
        return super().forward(x) + torch.empty(2**50)


class Tied(Plain):
    """Two layers with one weight, and a weight of no numbers."""

    def __init__(self, channels, size, classes):
        super().__init__(channels, size, classes)
        self.one, self.two = nn.Linear(size**2, size**2), nn.Linear(size**2, size**2)
        self.two.weight = self.one.weight
        self.empty = nn.Parameter(torch.empty(0))

    def forward(self, x):
        return super().forward(self.two(self.one(x.flatten(1)).relu()).relu())


class Commands:
    """Runs each command on the digits, in this process."""

    def __init__(self, digits, folder):
        self.digits, self.folder = digits, folder
        self.plain = folder / "plain.safetensors"
        assert self.distill(Plain, self.plain).exit_code == 0

    def run(self, *words):
        return CliRunner().invoke(main, [str(word) for word in words])

    def distill(self, network, out):
        few = [*TINY_DISTILL, "--init=random", "--init-scheme=default", "--meta-steps=2", f"--net={named(network)}"]
        return self.run("distill", "--data", self.digits, *few, "--history", out.with_suffix(".csv"), "--out", out)

    def made_for(self, network):
        """The set as it would be if its network had since become this one."""
        path, distilled = self.folder / "set.safetensors", package.load(self.plain)
        distilled.info["config"] |= {"net": named(network)}
        distilled.save(path)
        return "--set", path, "--data", self.digits

    def all(self, network):
        """A function for each command that writes a result to a path."""
        of_others, its_own, few = ("--set", self.plain, "--data", self.digits), self.made_for(network), ("--nets", 2)
        pool = ("--data", self.digits, "--net", named(network), "--init-scheme", "default", "--total", 2, "--epochs", 1)
        return {
            "distill.safetensors": lambda out: self.distill(network, out),
            "pool.safetensors": lambda out: self.run("pool", "train", *pool, "--out", out),
            "carried.csv": lambda out: self.run(
                "evaluate", *of_others, *few, "--net", named(network), "--protocol", "native", "--out", out
            ),
            "evaluate.csv": lambda out: self.run("evaluate", *its_own, *few, "--out", out),
            "baseline.csv": lambda out: self.run(
                *("baseline", "average", *its_own, "--draws", 1, "--test-nets", 2, *few, "--out", out)
            ),
            "adapt.csv": lambda out: self.run("adapt", "full", *its_own, *few, "--epochs", 1, "--out", out),
        }


def named(network):
    return f"{__name__}:{network.__name__}"


@pytest.fixture(scope="module")
def commands(digits, tmp_path_factory):
    return Commands(digits, tmp_path_factory.mktemp("commands"))


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (InPlace, "net {name}: changes its input"),
        (Lazy, "net {name}: has lazy layers"),
        (Leaving, "net {name}: SystemExit: 0 (called with channels=1"),
        (LeavingLater, "net {name}: fails on images [2, 1, 28, 28]: SystemExit: 0"),
        (Pair, "net {name}: returns a tuple"),
        (TooLarge, "out of memory (cpu)"),
        (TooLargeLater, "out of memory (cpu)"),
    ],
)
def test_every_command_refuses_a_network_in_the_same_line(commands, network, message, tmp_path):
    for name, command in commands.all(network).items():
        done = command(tmp_path / name)
        assert done.exit_code == 1, name
        assert done.stderr.startswith("error: " + message.format(name=named(network))), name
        assert done.stderr.count("\n") == 1, name
    assert not list(tmp_path.iterdir())


def test_every_command_takes_tied_weights_and_weights_of_no_numbers(commands, tmp_path):
    for name, command in commands.all(Tied).items():
        assert command(tmp_path / name).exit_code == 0, name
    assert package.load(tmp_path / "distill.safetensors").net(index=0).two.weight.std() > 0


def test_what_numpy_and_random_draw_is_decided_by_the_seed(commands, tmp_path):
    for name, command in commands.all(ByNumpyAndRandom).items():
        results = []
        for other in (1, 2):
            np.random.seed(other)
            random.seed(other)
            done = command(tmp_path / name)
            assert done.exit_code == 0, done.stderr
            results.append((tmp_path / name).read_bytes())
        assert results[0] == results[1], name


def test_a_network_of_torch_alone_has_the_weights_that_its_seed_has_always_had():
    torch.manual_seed(7)
    expected = LeNet(channels=1, size=28, classes=10)
    for weights, others in zip(expected.parameters(), build("LeNet", 1, 28, 10, seed=7).parameters(), strict=True):
        assert torch.equal(weights, others)


def test_global_generators_go_on_as_if_nothing_had_been_drawn():
    def draw():
        return torch.rand(()).item(), np.random.rand(), random.random()

    states = torch.get_rng_state(), np.random.get_state(), random.getstate()
    expected = draw()
    torch.set_rng_state(states[0])
    np.random.set_state(states[1])
    random.setstate(states[2])
    with seeded(3):
        inside = draw()
    assert draw() == expected
    with seeded(3):
        assert draw() == inside


def test_what_a_module_draws_when_it_is_imported_is_the_same_in_every_process(tmp_path, monkeypatch):
    (tmp_path / "drawing.py").write_text(
        "import numpy as np\nfrom torch import nn\nSCALE = np.random.rand()\n"
        "class Net(nn.Linear):\n    def __init__(self, **_):\n        super().__init__(2, 2)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    drawn = []
    for _ in range(2):  # as another process would
        sys.modules.pop("drawing", None)
        build("drawing:Net", 1, 8, 3)
        drawn.append(sys.modules["drawing"].SCALE)
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize(
    "line",
    ["import torch; torch.empty(2**50)", "raise MemoryError", 'raise ImportError("x.so: failed to map segment")'],
    ids=["tensor", "object", "library"],
)
def test_memory_that_runs_out_during_an_import_is_told_as_that(commands, line, tmp_path, monkeypatch):
    (tmp_path / "large.py").write_text(line)
    monkeypatch.syspath_prepend(str(tmp_path))
    out = tmp_path / "out.csv"
    done = commands.run(
        "evaluate", "--set", commands.plain, "--data", commands.digits, "--net", "large:Net", "--out", out
    )
    assert done.exit_code == 1
    assert done.stderr.startswith("error: out of memory (")
    assert done.stderr.count("\n") == 1
