"""Adam by its functional form: PyTorch's own to the bit, and without its compiler."""

import subprocess
import sys

import torch

from dd.distill.light_adam import LightAdam


def gradients(parameters, step):
    draw = torch.Generator().manual_seed(step)
    return [torch.randn(p.shape, generator=draw, dtype=p.dtype) for p in parameters]


def start():
    draw = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=draw) for shape in ((3, 4), (5,))]


def test_it_is_pytorchs_to_the_bit_also_when_it_goes_on_from_a_state():
    ours, theirs = start(), start()
    light = LightAdam(ours, lr=0.1, betas=(0.5, 0.999))
    whole = torch.optim.Adam(theirs, lr=0.1, betas=(0.5, 0.999))
    for step in range(6):
        if step == 3:
            restored = LightAdam(ours, lr=0.1, betas=(0.5, 0.999))
            restored.restore(light.moments)
            light = restored
        light.lr = whole.param_groups[0]["lr"] = 0.1 / (step + 1)
        for mine, other, gradient in zip(ours, theirs, gradients(ours, step), strict=True):
            mine.grad, other.grad = gradient, gradient.clone()
        if step == 4:
            ours[1].grad = theirs[1].grad = None  # which leaves it as it is
        light.step()
        whole.step()
        assert all(map(torch.equal, ours, theirs))
    light.zero_grad()
    assert [p.grad for p in ours] == [None, None]


def test_it_does_without_the_compiler():
    code = (
        "import sys, torch; from dd.distill.light_adam import LightAdam; p = torch.ones(2); p.grad = torch.ones(2); "
        "LightAdam([p], lr=0.1).step(); print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
