"""The workflow on a SLURM cluster, and what really happens to its jobs there: `make test-cluster`."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import psutil
import pytest
import yaml

from tests.cluster.conftest import BIN, Cluster, Workflow, without_cuda
from tests.conftest import ROOT, checkout

pytestmark = pytest.mark.timeout(7200)
STEPS = 300
FAULTS = {
    "scale": "faults",
    "distill": {"epochs": 2, "real_batch": 64, "validation_images": 100, "validate_every": 10, "meta_steps": STEPS},
    "experiments": {"one": {"dataset": "digits", "init": "fixed", "nets": 1}},
}
SET = "results/faults/distill/one/set.safetensors"


def test_gpu_jobs_have_gpus_of_their_own(cluster, tmp_path):
    (tmp_path / "Snakefile").write_text("""
rule all:
    input: expand("{job}.txt", job=range(6))
rule take:
    output: "{job}.txt"
    resources: gpu=lambda wildcards: 1 + int(wildcards.job) // 5
    shell: "python take.py {wildcards.job} {resources.gpu} > {output}"
""")
    (tmp_path / "take.py").write_text("""
import os, sys, time
from pathlib import Path
from dd.runtime.devices import device
with device(int(sys.argv[2])) as name:
    print(name, os.environ["SLURMD_NODENAME"], os.environ["CUDA_VISIBLE_DEVICES"])
    Path(f"{sys.argv[1]}.here").touch()
    limit = time.monotonic() + 200
    while len(list(Path().glob("*.here"))) < 6:
        assert time.monotonic() < limit, "not all have come"
        time.sleep(0.2)
""")
    Workflow(cluster, tmp_path, PYTHONPATH=str(ROOT)).finish(seconds=300)
    taken = [(tmp_path / f"{job}.txt").read_text().split() for job in range(6)]
    assert all(name == "cuda" for name, _, _ in taken)
    assert [len(gpus.split(",")) for _, _, gpus in taken] == [1, 1, 1, 1, 1, 2]
    places = [(node, gpu) for _, node, gpus in taken for gpu in gpus.split(",")]
    assert len(set(places)) == 7


def test_the_demo(cluster, copy):
    options = ("--configfile", "workflow/scales/demo.yaml", "--jobs", "6", *without_cuda())
    console = Workflow(cluster, copy, *options).finish(seconds=3000)
    jobs = int(re.search(r"total +(\d+)", console)[1])
    here = len(re.findall("^localrule ", console, re.M))
    assert len(set(re.findall(r"submitted with SLURM jobid (\d+)", console))) == jobs - here > 30
    for name in yaml.safe_load((copy / "workflow/scales/demo.yaml").read_text())["all"]:
        kind, ending = ("tables", "md") if name.startswith(("table", "transfer")) else ("figures", "png")
        assert (copy / f"results/demo/{kind}/{name}.{ending}").stat().st_size > 0


def test_compute_nodes_are_offline(cluster, copy, mirror):
    """What needs the network is done before, where there is one."""
    reach = "import socket; socket.create_connection(('192.0.2.1', 80), 2)"
    with pytest.raises(AssertionError, match="Network is unreachable"):
        cluster("srun", sys.executable, "-c", reach)
    quick = {  # with a pool, and data made from other data
        "all": ["fig2a", "fig3a"],
        "figures": {"fig3a": {"experiment": "mnist_usps_random", "steps": [1]}},
        "pool": {"nets": 2, "held_out": 1, "shard": 2, "epochs": 1},
        "distill": {"meta_steps": 3, "epochs": 1, "real_batch": 64, "validation_images": 50, "validation_nets": 1},
        "experiments": {"mnist_usps_random": {"meta_steps": 3, "nets": 1}},
        "evaluate": {"nets": 1},
    }
    (copy / "quick.yaml").write_text(yaml.dump(quick))
    login = [sys.executable, "-m", "snakemake", "download_all", "--cores", "1", "--configfile", "quick.yaml"]
    env = os.environ | {"DD_DATA_MIRROR": str(mirror), "PATH": f"{BIN}:{os.environ['PATH']}"}
    subprocess.run(login, cwd=copy, env=env, capture_output=True, check=True)
    console = Workflow(cluster, copy, "--configfile", "quick.yaml", *without_cuda(), DD_DATA_MIRROR="").finish(900)
    assert "rule train_shard" in console
    assert "prepare_data" not in console
    assert "vary_data" not in console
    for name in quick["all"]:
        assert (copy / f"results/paper/figures/{name}.png").stat().st_size > 0


def cancel(work: Workflow, job: str) -> None:
    work.cluster("scancel", job)
    work.wait(lambda: work.cluster.job(job)["JobState"] != "RUNNING")


def hang(work: Workflow, job: str) -> None:
    """It hangs until its time is over."""
    [distill] = [p for p in work.cluster.processes(job) if p.info["cmdline"][1:4] == ["-m", "dd", "distill"]]
    distill.suspend()
    work.cluster("scontrol", "update", f"JobId={job}", "TimeLimit=1")
    work.wait(lambda: work.cluster.job(job)["JobState"] != "RUNNING")


def preempt(work: Workflow, job: str) -> None:
    node = work.cluster.job(job)["NodeList"]
    work.cluster("sbatch", "-p", "main", "-w", node, "--exclusive", "--mem=0", "-o", "/dev/null", "--wrap", "true")
    hurry(work, job)


def cut_power(work: Workflow, job: str) -> None:
    """The node is gone at once, with all that runs there, and the administrator marks it as down."""
    node = work.cluster.job(job)["NodeList"]
    os.kill(int((work.cluster.folder / "pid" / node).read_text()), signal.SIGKILL)
    for process in work.cluster.processes(job):
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended with its parent
            process.kill()
    work.cluster("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test")
    hurry(work, job)


def hurry(work: Workflow, job: str) -> None:
    """Spare a requeued job the two minutes that SLURM lets it wait."""
    work.wait(lambda: work.cluster.job(job)["JobState"] == "PENDING")
    work.cluster("scontrol", "update", f"JobId={job}", "StartTime=now")


class Disturbed(Workflow):
    """A distillation that is disturbed once it has come so far as to have a history of two rows."""

    def __init__(self, cluster, folder, fault: Callable | None, resources: dict[str, str], **env: str):
        checkout(folder)
        (folder / "faults.yaml").write_text(yaml.dump(FAULTS))
        super().__init__(cluster, folder, SET, "--configfile", "faults.yaml", *without_cuda(**resources), **env)
        if fault:
            history = folder / "results/faults/distill/one/history.csv"
            self.before = self.wait(self.running)
            self.wait(lambda: history.exists() and history.read_text().count("\n") > 2)
            self.cards = [p.info["environ"].get("CUDA_VISIBLE_DEVICES", "") for p in cluster.processes(self.before)]
            fault(self, self.before)
            self.after = cluster.job(self.wait(self.running))
        self.finish(seconds=900)

    @property
    def started_at(self) -> list[int]:
        """The meta-steps its attempts have begun with."""
        log = (self.folder / "work/faults/one/attempts.log").read_text()
        return [int(step) for step in re.findall(rf"(\d+)/{STEPS} steps \[00:00<\?", log)]

    @property
    def stopped_at(self) -> list[int]:
        """The meta-steps its attempts say they have been stopped at."""
        log = (self.folder / "work/faults/one/attempts.log").read_text()
        return [int(step) for step in re.findall(r"stopped at meta-step (\d+)", log)]

    @property
    def result(self) -> bytes:
        return (self.folder / SET).read_bytes()


NEVER = {"DD_CHECKPOINT_SECONDS": "3600"}  # what is saved is saved because SIGTERM came
CASES = {
    "undisturbed": (None, {}, NEVER),
    "cancelled": (cancel, {}, NEVER),
    "out of time": (hang, {}, NEVER),
    "preempted": (preempt, {"slurm_partition": "spot", "slurm_extra": "'--nodelist=n2'"}, NEVER),
    "node lost": (cut_power, {"slurm_extra": "'--exclude=n1,n2'"}, {"DD_CHECKPOINT_SECONDS": "1"}),
}


@pytest.fixture(scope="module")
def runs(cluster: Cluster, tmp_path_factory) -> dict[str, Future]:
    """All at the same time: they mostly wait."""

    def start(name: str) -> Disturbed:
        fault, resources, env = CASES[name]
        if "slurm_extra" not in resources:
            resources = resources | {"slurm_extra": "'--nodelist=n1'"}
        return Disturbed(cluster, tmp_path_factory.mktemp(name.replace(" ", "_")), fault, resources, **env)

    with ThreadPoolExecutor() as pool:
        yield {name: pool.submit(start, name) for name in CASES}


@pytest.mark.parametrize("name", [name for name in CASES if name != "undisturbed"])
def test_a_disturbed_distillation_ends_bit_identical(runs, name):
    undisturbed, disturbed = runs["undisturbed"].result(), runs[name].result()
    assert undisturbed.started_at == [0]
    assert disturbed.cards
    assert all(card.isdigit() for card in disturbed.cards)
    first, second = disturbed.started_at
    assert first == 0 < second < STEPS
    assert disturbed.stopped_at == ([] if name == "node lost" else [second])
    assert disturbed.result == undisturbed.result


@pytest.mark.parametrize("name", ["cancelled", "out of time"])
def test_a_second_attempt_gets_more(runs, name):
    disturbed = runs[name].result()
    assert disturbed.after["JobId"] != disturbed.before
    assert disturbed.after["TimeLimit"] == "08:00:00"
    assert disturbed.after["MinMemoryNode"] == "8000M"


@pytest.mark.parametrize("name", ["preempted", "node lost"])
def test_slurm_itself_queues_the_job_again(runs, name):
    disturbed = runs[name].result()
    assert disturbed.after["JobId"] == disturbed.before
    assert disturbed.after["Restarts"] == "1"
