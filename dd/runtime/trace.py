"""Functions of tensors, traced: as lists of PyTorch operations on a CPU, as CUDA graphs on a GPU.

With small networks, overhead takes much of a GD step: autograd's graph, dispatch, Python. A step on tensors of given
shapes always runs the same operations, including those of its derivatives. So they are recorded once in a list. After
that only the list is run, with the same result bit for bit.

On a GPU, launching the operations takes longer than the operations themselves. There they are recorded as a CUDA graph,
for every network. If a recording fails, a network that always runs the same operations is run from the list of them,
and another network as written.
"""

import sys
from collections.abc import Callable

import torch
from torch import Tensor, fx
from torch.fx.experimental.proxy_tensor import make_fx

from dd.runtime.errors import reason

TensorFunction = Callable[..., tuple[Tensor, ...]]
"""Takes tensors, and returns a tuple of tensors."""

REPEATS = 3000
"""Calls on a CPU after which a function is traced. Tracing takes some four seconds, most of them to import PyTorch's
tracer, and saves about a millisecond a call."""
GPU_REPEATS = 3
"""Calls on a GPU after which a CUDA graph is recorded: by then libraries such as cuDNN have set themselves up.
Recording takes as long as one or two calls."""
AUTOGRAD_ONLY = (torch.ops.aten.alias.default, torch.ops.aten.detach.default)
"""Operations that change only autograd's graph. A list of operations does not need them."""


class Tracer:
    """Traces functions, and remembers whether CUDA graphs can be recorded."""

    def __init__(self, *, traceable: bool) -> None:
        """`traceable` promises that the functions run the same operations whatever values the tensors hold.

        A list of operations cannot branch, and a value read out of a tensor would stay what it was during tracing. CUDA
        graphs do not need the promise: reading a value makes the recording fail. Branches on anything else, such as a
        count of calls, stay as they were when the function was traced or recorded.
        """
        self.traceable = traceable
        self.records_graphs = True
        """False once a recording has failed: PyTorch may not be able to record others after that."""

    def trace(self, function: TensorFunction, inputs: tuple[Tensor, ...]) -> TensorFunction:
        """The fastest form of `function` for tensors shaped like `inputs`; `function` itself if it cannot be traced."""
        if inputs[0].is_cuda and self.records_graphs:
            stream = torch.cuda.current_stream()
            try:
                return CudaGraph(function, inputs)
            except RuntimeError as error:  # `function` reads values or computes on the CPU, or memory ran out
                torch.cuda.set_stream(stream)  # a failed recording leaves another stream set
                torch.cuda.synchronize()
                self.records_graphs = False
                why = reason(error)[:200]
                print(
                    f"several times slower, because no CUDA graph can be recorded: {why}", file=sys.stderr, flush=True
                )
        if self.traceable:
            return torch.no_grad()(_without_autograd(make_fx(function)(*inputs)))
        return function


class Traced:
    """A function that is traced for each combination of shapes and strides that is called often."""

    def __init__(self, function: TensorFunction, tracer: Tracer) -> None:
        self.function, self.tracer = function, tracer
        self.calls: dict[tuple, int] = {}
        self.traces: dict[tuple, TensorFunction] = {}
        """Like `calls`, by the shapes, strides, types and devices of the tensors."""

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """What the function returns, detached. It may compute derivatives inside, but has none itself.

        On a GPU, the next call overwrites the tensors that this call returns: use or copy them before that.
        """
        key = tuple((t.shape, t.stride(), t.dtype, t.device) for t in inputs)
        if key not in self.traces:
            self.calls[key] = self.calls.get(key, 0) + 1
            if self.calls[key] <= (GPU_REPEATS if inputs[0].is_cuda else REPEATS):
                return self.function(*inputs)
            self.traces[key] = self.tracer.trace(self.function, inputs)
        return self.traces[key](*inputs)


class CudaGraph:
    """What a function does on a GPU with tensors of the shapes of `inputs`, recorded to be replayed.

    Raises:
        RuntimeError: CUDA cannot record it.
    """

    def __init__(self, function: TensorFunction, inputs: tuple[Tensor, ...]) -> None:
        self.inputs, self.graph = [t.clone() for t in inputs], torch.cuda.CUDAGraph()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):  # libraries set themselves up for each stream, which must not be recorded
            function(*self.inputs)
        torch.cuda.current_stream().wait_stream(stream)
        with torch.cuda.graph(self.graph, stream=stream):
            self.outputs = function(*self.inputs)

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """The outputs for these inputs, in tensors that the next call overwrites."""
        for recorded, given in zip(self.inputs, inputs, strict=True):
            recorded.copy_(given)
        self.graph.replay()
        return self.outputs


def _without_autograd(module: fx.GraphModule) -> fx.GraphModule:
    for node in list(module.graph.nodes):
        if node.target in AUTOGRAD_ONLY:
            node.replace_all_uses_with(node.args[0])
            module.graph.erase_node(node)
    module.graph.eliminate_dead_code()
    module.recompile()
    return module
