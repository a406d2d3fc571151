"""Real files of other programs, where they lie beside the mirror."""

import pytest
import torch

from dd import load as load_set
from dd.sets.pixels import FIELD


def test_real_sets_of_others_are_read(mirror, tmp_path, dd):
    sets = mirror.parent / "sets"
    if not sets.is_dir():
        pytest.skip(f"no sets of other programs in {sets}")
    for name in ("mnist", "cifar10"):
        assert dd("data", "prepare", name, "--mirror", mirror, "--out", tmp_path / f"{name}.npz").returncode == 0
    for file in sorted(sets.glob("res_DC_*.pt")):
        data = tmp_path / f"{file.name.split('_')[2].lower()}.npz"
        done = dd("import", file, "--data", data, "--out", tmp_path / "set.safetensors")
        assert (done.returncode, done.stderr) == (0, "")
        distilled = load_set(tmp_path / "set.safetensors")
        one = FIELD[data.stem]
        assert torch.equal(distilled.mean, torch.tensor(one[0]))
        assert torch.equal(distilled.std, torch.tensor(one[1]))
        assert distilled.info["imported_from"]["accuracies"]["ConvNet"]["accuracy"] > 25
    pytest.importorskip("msgpack", reason="needs pip install 'dataset-distillation[sets]'")
    (whitened,) = sets.glob("rcig_cifar10_*")
    done = dd("import", whitened, "--data", tmp_path / "cifar10.npz", "--out", tmp_path / "rcig.safetensors")
    assert (done.returncode, done.stderr) == (0, "")
    assert load_set(tmp_path / "rcig.safetensors").info["whitening"]["kind"] == "unit-norm-zca"
