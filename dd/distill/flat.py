"""Functions of tensors as the flat lists of PyTorch operations they come down to.

Small networks spend much of a GD step on what surrounds the operations: autograd's graph, dispatch to tangents, Python.
A step of given shapes always comes down to the same operations, first and second derivatives included, so they are
written down once and from then on just carried out, to the same bits. Without autograd in it, such a list is also what
PyTorch's compiler takes, which on a GPU makes CUDA graphs of it.
"""

from collections.abc import Callable

import torch
from torch import Tensor, fx
from torch.fx.experimental.proxy_tensor import make_fx

REPEATS = 50
"""Calls after which writing the list, which takes as long as some hundred calls, begins to pay."""
NOTHING = (torch.ops.aten.alias.default, torch.ops.aten.detach.default)
"""Operations that matter to autograd alone."""


class Flat:
    """`function` of tensors, flattened for every combination of their shapes and strides that comes up often.

    It must come down to the same operations whatever the tensors hold: what is written down cannot branch, and a value
    read out of a tensor would stay as it was. Compiled lists take minutes to make.
    """

    def __init__(self, function: Callable[..., tuple[Tensor, ...]], compiles: bool = False):
        self.function, self.compiles = function, compiles
        self.calls: dict[tuple, int] = {}
        self.lists: dict[tuple, Callable] = {}

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """What the function returns, detached; it may compute derivatives, but has none itself.

        On a GPU, compiled lists write where they wrote before: use it up before the next call.
        """
        key = tuple((t.shape, t.stride(), t.dtype, t.device) for t in inputs)
        if key not in self.lists:
            self.calls[key] = self.calls.get(key, 0) + 1
            if self.calls[key] <= REPEATS and not self.compiles:  # which rounds differently: all calls or none
                return self.function(*inputs)
            written = _without_nothing(make_fx(self.function)(*inputs))
            self.lists[key] = torch.no_grad()(
                torch.compile(written, mode="reduce-overhead") if self.compiles else written
            )
        return self.lists[key](*inputs)


def _without_nothing(module: fx.GraphModule) -> fx.GraphModule:
    for node in list(module.graph.nodes):
        if node.target in NOTHING:
            node.replace_all_uses_with(node.args[0])
            module.graph.erase_node(node)
    module.graph.eliminate_dead_code()
    module.recompile()
    return module
