"""A SLURM cluster on this machine, and the workflow on it."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.conftest import ROOT, checkout

SCRIPTS = Path(__file__).parent / "slurm"
BIN = Path(sys.executable).parent


class Cluster:
    """The cluster that `start.sh` has started in `folder`."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.enter = ["nsenter", f"--net=/proc/{(folder / 'pid/munged').read_text().strip()}/ns/net"]
        self.env = os.environ | {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": f"{BIN}:{os.environ['PATH']}"}

    def __call__(self, *command, **options) -> str:
        """What a command prints that runs on the cluster's login node, which is as offline as the others."""
        done = subprocess.run(
            [*self.enter, *map(str, command)], env=self.env, capture_output=True, text=True, check=False, **options
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def job(self, number: str) -> dict[str, str]:
        """What `scontrol show job` says of a job."""
        return dict(re.findall(r"(\S+?)=(\S*)", self("scontrol", "show", "job", number)))

    def processes(self, job: str) -> list[psutil.Process]:
        """The processes of a job, with their command line in `info`."""
        running = psutil.process_iter(["environ", "cmdline"])
        return [process for process in running if (process.info["environ"] or {}).get("SLURM_JOB_ID") == job]


def without_cuda(**resources: str) -> list[str]:
    """Options by which the rules that take a GPU ask SLURM for one and compute without: the GPUs here are not real."""
    rules = re.findall(r"(\w+):gpu=0", (ROOT / "profiles/slurm/config.yaml").read_text())
    wanted = {"gpu": "0", "gres": "gpu:1"} | resources
    return ["--set-resources", *(f"{rule}:{key}={value}" for rule in rules for key, value in wanted.items())]


class Workflow:
    """`snakemake --workflow-profile profiles/slurm` under way in a folder."""

    def __init__(self, cluster: Cluster, folder: Path, *arguments: str, **env: str):
        self.cluster, self.folder = cluster, folder
        profile = ("--workflow-profile", ROOT / "profiles/slurm", "--slurm-init-seconds-before-status-checks", "5")
        command = [*cluster.enter, sys.executable, "-m", "snakemake", *arguments, *profile]
        with (folder / "console.log").open("w") as console:
            self.process = subprocess.Popen(
                command, cwd=folder, env=cluster.env | env, stdout=console, stderr=subprocess.STDOUT
            )

    @property
    def console(self) -> str:
        return (self.folder / "console.log").read_text()

    def wait(self, what: Callable, seconds: float = 600):
        """The first true value of `what()`, which is asked for as long as snakemake runs."""
        deadline = time.monotonic() + seconds
        while not (value := what()):
            assert self.process.poll() is None, self.console
            assert time.monotonic() < deadline, self.console
            time.sleep(0.5)
        return value

    def running(self) -> str | None:
        """The number of a running job of this workflow."""
        lines = self.cluster("squeue", "--noheader", "--states=RUNNING", "--format=%i %Z").splitlines()
        return next((number for number, folder in map(str.split, lines) if folder == str(self.folder)), None)

    def finish(self, seconds: float) -> str:
        """The console's text, once snakemake has ended well."""
        assert self.process.wait(timeout=seconds) == 0, self.console
        return self.console


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    if os.geteuid() != 0:
        pytest.skip("only root can start a SLURM cluster")
    folder = tmp_path_factory.mktemp("slurm")
    try:
        started = subprocess.run(
            [SCRIPTS / "start.sh", folder], capture_output=True, text=True, check=False, timeout=300
        )
        if started.returncode == 77:
            pytest.skip(f"SLURM cannot be installed here: {started.stderr}")
        assert started.returncode == 0, started.stderr
        yield Cluster(folder)
    finally:
        subprocess.run([SCRIPTS / "stop.sh", folder], check=True, timeout=60)


@pytest.fixture
def copy(tmp_path) -> Path:
    """A checkout of its own."""
    return checkout(tmp_path)
