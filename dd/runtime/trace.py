"""Functions of tensors as the flat lists of PyTorch operations they come down to.

Small networks spend much of a GD step on what surrounds the operations: autograd's graph, dispatch to tangents, Python.
A step of given shapes always comes down to the same operations, first and second derivatives included, so they are
written down once and from then on just carried out, to the same bits. On a GPU, where launching operations takes longer
than they do, they are recorded instead, as a CUDA graph, whatever the network: what a graph cannot hold is noticed, and
run as written.
"""

import sys
from collections.abc import Callable

import torch
from torch import Tensor, fx
from torch.fx.experimental.proxy_tensor import make_fx

from dd.runtime.errors import reason

REPEATS = 50
"""Calls after which writing the list, which takes as long as some hundred calls, begins to pay."""
GPU_REPEATS = 3
"""Calls after which recording, which takes as long as one or two, is safe: libraries have set themselves up."""
NOTHING = (torch.ops.aten.alias.default, torch.ops.aten.detach.default)
"""Operations that matter to autograd alone."""


class Flat:
    """`function` of tensors, flattened for every combination of their shapes and strides that comes up often.

    What is flattened must come down to the same operations whatever the tensors hold: a list cannot branch, and a value
    read out of a tensor would stay as it was. What is recorded need not promise that: reading a value fails the
    recording. Branches on anything else, such as how often it was called, stay as they were in both.
    """

    records = True
    """Until one recording fails, after which PyTorch is not sure to manage others."""

    def __init__(self, function: Callable[..., tuple[Tensor, ...]], flattens: bool = True) -> None:
        """`flattens` is the promise."""
        self.function, self.flattens = function, flattens
        self.calls: dict[tuple, int] = {}
        self.lists: dict[tuple, Callable] = {}

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """What the function returns, detached; it may compute derivatives, but has none itself.

        On a GPU, it may be written where it was written before: use it up, or copy it, before the next call.
        """
        key = tuple((t.shape, t.stride(), t.dtype, t.device) for t in inputs)
        if key not in self.lists:
            self.calls[key] = self.calls.get(key, 0) + 1
            if self.calls[key] <= (GPU_REPEATS if inputs[0].is_cuda else REPEATS):
                return self.function(*inputs)
            self.lists[key] = self._listed(inputs)
        return self.lists[key](*inputs)

    def _listed(self, inputs: tuple[Tensor, ...]) -> Callable:
        if inputs[0].is_cuda and Flat.records:
            stream = torch.cuda.current_stream()
            try:
                return Recorded(self.function, inputs)
            except RuntimeError as error:  # it branches on values or computes on the CPU, or memory ran out
                torch.cuda.set_stream(stream)  # a failed recording leaves another
                torch.cuda.synchronize()
                Flat.records = False
                print(f"no CUDA graphs, so several times slower: {reason(error)[:200]}", file=sys.stderr, flush=True)
        if self.flattens:
            return torch.no_grad()(_without_nothing(make_fx(self.function)(*inputs)))
        return self.function


class Recorded:
    """What `function` does on a GPU with inputs such as these, as a CUDA graph."""

    def __init__(self, function: Callable[..., tuple[Tensor, ...]], inputs: tuple[Tensor, ...]) -> None:
        self.inputs, self.graph = [t.clone() for t in inputs], torch.cuda.CUDAGraph()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):  # what libraries set up for another stream must not be recorded
            function(*self.inputs)
        torch.cuda.current_stream().wait_stream(stream)
        with torch.cuda.graph(self.graph, stream=stream):
            self.outputs = function(*self.inputs)

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        for own, given in zip(self.inputs, inputs, strict=True):
            own.copy_(given)
        self.graph.replay()
        return self.outputs


def _without_nothing(module: fx.GraphModule) -> fx.GraphModule:
    for node in list(module.graph.nodes):
        if node.target in NOTHING:
            node.replace_all_uses_with(node.args[0])
            module.graph.erase_node(node)
    module.graph.eliminate_dead_code()
    module.recompile()
    return module
