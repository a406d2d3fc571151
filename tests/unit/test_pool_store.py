"""Pools on disk, and the initial weights drawn from them."""

import os
import subprocess
import sys

import pytest
import torch

import dd
from dd.data.prepared import load
from dd.distill.experiment import Experiment
from dd.distill.initial_weights import PoolInitial
from dd.distill.settings import DistillConfig
from dd.evaluation.held_out import evaluate
from dd.nets.init_schemes import flat_weights
from dd.pools.settings import PoolConfig
from dd.pools.store import PoolFolder, save_shard
from dd.pools.train import PoolShard
from dd.runtime.checkpoints import Checkpoints
from dd.runtime.errors import UserError
from tests.conftest import ROOT
from tests.warm import run_module

INFO = {"net": "LeNet", "image": [1, 28, 28], "classes": [str(i) for i in range(10)], "dataset": {"name": "digits"}}
SIZE = 7
"""Weights of a net that is nothing but numbers."""
SMALL = {"steps": 2, "epochs": 1, "real_batch": 64, "validation_images": 100, "validation_nets": 2, "meta_steps": 3}


def rows(numbers, offset=0):
    """Nets that can be told apart: each is filled with its number."""
    return torch.arange(offset, offset + numbers).float().unsqueeze(1).expand(-1, SIZE).clone()


def save_part(path, weights, part, first, total, pool=INFO):
    """A shard of nets whose accuracy is their first weight."""
    save_shard(path, weights, weights[:, 0].clone(), part=part, first=first, total=total, pool=pool)


@pytest.fixture
def numbered(tmp_path):
    """A pool of 5 + 3 such nets in shards of 2."""
    for part, total, offset in (("train", 5, 0), ("held-out", 3, 100)):
        weights = rows(total, offset)
        for first in range(0, total, 2):
            some = weights[first : first + 2]
            save_part(tmp_path / f"{part}-{first}.safetensors", some, part, first, total)
    return tmp_path


def test_nets_come_back_by_number_whatever_the_shards(numbered):
    pool = PoolFolder(numbered)
    assert pool.sizes == {"train": 5, "held-out": 3}
    assert torch.equal(pool.rows("train", [4, 0, 4, 3]), rows(5)[[4, 0, 4, 3]])
    assert torch.equal(pool.rows("held-out", [2]), rows(3, 100)[[2]])
    assert torch.equal(pool.accuracy("held-out"), torch.tensor([100.0, 101.0, 102.0]))
    with pytest.raises(UserError, match="no held-out net 3; the pool has 3"):
        pool.rows("held-out", [3])


def test_a_pool_has_a_digest_of_its_nets_whatever_the_shards(numbered, tmp_path_factory):
    def digest(weights, held_out=3):
        folder = tmp_path_factory.mktemp("other")
        for part, some in (("train", weights), ("held-out", rows(held_out, 100))):
            save_part(folder / f"{part}.safetensors", some, part, 0, len(some))
        return PoolFolder(folder).digest

    assert digest(rows(5)) == digest(rows(5), held_out=4) == PoolFolder(numbered).digest
    assert len({digest(weights) for weights in (rows(5), rows(6), rows(5, 1))}) == 3


def test_checkpoints_beside_a_shard_are_none(numbered):
    (numbered / "train-4.safetensors").rename(numbered / "out.safetensors")
    unfinished = Checkpoints(numbered / "train-4.safetensors.work", {})
    unfinished.save({"theta": torch.zeros(1)}, {})
    assert PoolFolder(numbered).sizes == {"train": 5, "held-out": 3}


def test_every_stream_has_its_own_nets(numbered):
    initial = PoolInitial(PoolFolder(numbered), reserved=2, seed=0)
    drawn = initial("train", range(200))[:, 0]
    assert set(drawn.tolist()) == {0, 1, 2}
    assert torch.equal(initial("train", range(100, 200))[:, 0], drawn[100:])  # any process can draw its share
    assert initial("validation", range(2))[:, 0].tolist() == [3, 4]
    assert initial("held-out", range(3))[:, 0].tolist() == [100, 101, 102]
    assert initial("choice", range(5))[:, 0].tolist() == [0, 1, 2, 3, 4]
    caps = {stream: initial.nets(stream, 50) for stream in ("validation", "held-out", "choice", "optimized")}
    assert caps == {"validation": 2, "held-out": 3, "choice": 5, "optimized": 5}
    with pytest.raises(UserError, match="validation_nets: 5 leaves none of the pool's 5"):
        PoolInitial(PoolFolder(numbered), reserved=5, seed=0)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("train-2", "train net 2 of 5 should come next, but .*train-4.safetensors starts with net 4 of 5; remove"),
        ("train-4", "shard with train net 4 is missing; train it"),
        ("held-out-0", "held-out net 0 of 3 should come next"),
    ],
)
def test_a_missing_shard_is_named(numbered, name, message):
    (numbered / f"{name}.safetensors").unlink()
    with pytest.raises(UserError, match=message):
        PoolFolder(numbered)


def test_shards_of_another_pool_and_other_files_are_refused(numbered, tmp_path_factory):
    some = rows(2)
    for changed, message in (
        ({"net": "AlexCifarNet"}, "net is 'LeNet', but 'AlexCifarNet'|net is 'AlexCifarNet', but 'LeNet'"),
        ({"dataset": {"name": "usps"}}, "dataset is"),
        ({"lr": 0.1}, "lr is"),
    ):
        save_part(numbered / "train-2.safetensors", some, "train", 2, 5, INFO | changed)
        with pytest.raises(UserError, match=message):
            PoolFolder(numbered)
    (numbered / "train-2.safetensors").write_bytes(b"no tensors at all")
    with pytest.raises(UserError, match=r"train-2\.safetensors: damaged"):
        PoolFolder(numbered)
    with pytest.raises(UserError, match="no shards of a pool here"):
        PoolFolder(tmp_path_factory.mktemp("empty"))


@pytest.mark.parametrize("place", [-1, -SIZE * 4 + 1], ids=["end", "start"])
def test_a_flipped_bit_is_noticed_when_its_net_is_drawn(numbered, place):
    path = numbered / "train-0.safetensors"
    content = bytearray(path.read_bytes())
    whole = bytes(content)
    content[place] ^= 1
    path.write_bytes(content)
    pool = PoolFolder(numbered)
    assert torch.equal(pool.rows("train", [2, 4]), rows(5)[[2, 4]])
    with pytest.raises(UserError, match=r"train-0\.safetensors: net \d was damaged"):
        pool.rows("train", [0, 1])
    path.write_bytes(whole)


@pytest.mark.skipif(sys.platform != "linux", reason="memory as Linux counts it")
def test_a_large_pool_is_not_read_into_memory(tmp_path):
    """Twelve nets of 40 MiB each, of which one is drawn."""
    weights = torch.zeros(6, 10 * 2**20)
    for part in ("train", "held-out"):
        save_part(tmp_path / f"{part}.safetensors", weights, part, 0, 6)
    # not ru_maxrss, in which a process begins with what the one that started it has
    script = (
        "import re, sys; from pathlib import Path; from dd.pools.store import PoolFolder\n"
        "peak = lambda: int(re.search(r'VmHWM:\\s+(\\d+) kB', Path('/proc/self/status').read_text())[1])\n"
        "before = peak()\n"
        "pool = PoolFolder(Path(sys.argv[1])); assert pool.rows('train', [4]).shape == (1, 10 * 2**20)\n"
        "print((peak() - before) // 2**10)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert 40 <= int(done.stdout) < 160  # MiB: its pages in the file, a row, and the tensor that becomes a part of


@pytest.fixture(scope="module")
def trained(digits, tmp_path_factory):
    """A pool of 4 + 2 LeNets, hardly trained."""
    folder = tmp_path_factory.mktemp("pool")
    config = PoolConfig(epochs=1, batch=256, lr=1e-3)
    for part, total in (("train", 4), ("held-out", 2)):
        shard = PoolShard(config, load(digits), part=part, numbers=range(total))
        while shard.trainer.done < shard.trainer.total:
            shard.trainer.step()
        path, theta, info = folder / f"{part}.safetensors", shard.trainer.theta, shard.description()
        save_shard(path, theta, shard.accuracy(), part=part, first=0, total=total, pool=info)
    return folder


def test_a_net_does_not_depend_on_its_shard(digits, trained):
    config = PoolConfig(epochs=1, batch=256, lr=1e-3)
    shard = PoolShard(config, load(digits), part="train", numbers=range(1, 3))
    while shard.trainer.done < shard.trainer.total:
        shard.trainer.step()
    whole = PoolFolder(trained).rows("train", [1, 2])
    torch.testing.assert_close(shard.trainer.theta, whole, rtol=1e-3, atol=1e-4)
    assert not torch.allclose(whole[0], whole[1], atol=0.1)


def test_random_pretrained_from_training_to_a_saved_set(digits, trained, tmp_path):
    pool, data = PoolFolder(trained), load(digits)
    config = DistillConfig(init="random_pretrained", nets=2, **SMALL)
    experiment = Experiment(config, data, pool=pool)
    assert torch.equal(experiment.initial("validation", [0]), pool.rows("train", [2]))
    experiment.trainer.step()
    last = {"accuracy": experiment.validate().mean().item(), "accuracy_std": 0.0, "nets": 2}
    experiment.distilled(last).save(tmp_path / "set.safetensors")
    distilled = dd.load(tmp_path / "set.safetensors")
    with pytest.raises(UserError, match="name its folder"):
        distilled.initial()
    table = evaluate(distilled, data, distilled.initial(pool), nets=50)
    assert len(table) == 4  # two held-out nets, before and after
    assert set(table["source"]) == {"digits"}
    before = table[table["stage"] == "before"]["accuracy"].to_numpy()
    assert before == pytest.approx(pool.accuracy("held-out").numpy(), abs=0.21)
    assert torch.equal(flat_weights(distilled.net(1, pool)), pool.rows("held-out", [1])[0])
    pool.info = pool.info | {"seed": 7}
    with pytest.raises(UserError, match="another pool than the one this set was made for"):
        distilled.initial(pool)


def test_fixed_pretrained_is_one_net_of_the_pool(digits, trained, tmp_path):
    pool, data = PoolFolder(trained), load(digits)
    config = DistillConfig(init="fixed_pretrained", pool_net=3, nets=1, **SMALL)
    experiment = Experiment(config, data, pool=pool)
    assert torch.equal(experiment.initial("held-out", [9])[0], pool.rows("train", [3])[0])
    experiment.distilled({"accuracy": 1.0, "accuracy_std": 0.0, "nets": 1}).save(tmp_path / "set.safetensors")
    distilled = dd.load(tmp_path / "set.safetensors")  # and needs no pool any more
    assert torch.equal(flat_weights(distilled.net()), pool.rows("train", [3])[0])
    assert distilled.setting()["source"] == "digits"


@pytest.mark.parametrize("init", ["random_pretrained", "fixed_pretrained"])
def test_pretrained_weights_must_come_from_somewhere(digits, init):
    with pytest.raises(UserError, match=f"init: {init} needs"):
        Experiment(DistillConfig(init=init, **SMALL), load(digits))


def test_a_pool_of_other_nets_is_refused(digits, trained):
    pool, data = PoolFolder(trained), load(digits)
    with pytest.raises(UserError, match=r"its nets have \d+ weights, but LeNet has 1000 now; train it again"):
        pool.check("LeNet", (1, 28, 28), 10, 1000)
    pool.info = pool.info | {"image": [3, 32, 32]}
    with pytest.raises(UserError, match=r"a pool for image \[3, 32, 32\], but \[1, 28, 28\] is asked for"):
        Experiment(DistillConfig(init="random_pretrained", **SMALL), data, pool=pool)


def test_training_takes_the_lock_wherever_it_is_started(digits, tmp_path):
    """Pools have no process group: beside another process, too, each trains its own shard alone."""
    work, environment = tmp_path / "work", os.environ | {"RANK": "1", "WORLD_SIZE": "2"}
    command = ("pool", "train", "--data", digits, "--out", tmp_path / "shard.safetensors", "--work", work)
    settings = ("--total", 1, "--epochs", 1)
    with Checkpoints(work, {}).locked():
        done = run_module("dd", *command, *settings, folder=ROOT, env=environment)
    assert done.returncode == 1
    assert done.stderr == f"error: {work}: another run is working here; wait for it or stop it\n"
    done = run_module("dd", *command, *settings, folder=ROOT, env=environment)
    assert done.returncode == 0, done.stderr
    assert not work.exists()
