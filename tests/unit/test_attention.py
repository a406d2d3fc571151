"""`dd.distill` computes attention by plain operations, and leaves PyTorch as it was."""

import contextlib

import pytest
import torch

import dd
from dd.runtime.devices import attention_restored
from tests.unit.test_python import FAST, Table


def attention():
    """Whether PyTorch may use its fused operations."""
    return torch.backends.cuda.flash_sdp_enabled(), torch.backends.mha.get_fastpath_enabled()


@pytest.fixture(params=[True, False])
def before(request):
    """What was chosen before, put back after the test, as others may have chosen otherwise."""
    with attention_restored():
        torch.backends.cuda.enable_flash_sdp(request.param)
        torch.backends.mha.set_fastpath_enabled(request.param)
        yield (request.param, request.param)


@pytest.mark.parametrize("fails", [False, True])
def test_attention_is_left_as_it_was(before, fails):
    x, during = torch.randn(80, 5, generator=torch.Generator().manual_seed(0)), []

    def callback(_row):
        during.append(attention())
        if fails:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) if fails else contextlib.nullcontext():
        dd.distill(x, (x[:, 0] > 0).long(), Table, **FAST, callback=callback)
    assert set(during) == {(False, False)}
    assert attention() == before
