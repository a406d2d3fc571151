"""Runs one method of a task, once for every line on standard input, and prints the time that it took.

    python benchmarks/worker.py '{"task": "LeNet", "method": "ours", "threads": 2}'

`task` is LeNet or AlexCifarNet (a meta-step), evaluate (a distilled set applied to nets and tested) or pool (nets
trained on real images). `method` is ours, processes (ours, one process for each thread), full graph or authors; the
last needs `authors`, the folder of their code. `keep` is a file for the first result. Sizes can be given: steps,
epochs, nets, per_class, batch and, for ours, window; and `traced_after`, the calls after which ours are traced. All
methods get the same tensors.
"""

import json
import re
import sys
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import torch
from torch.nn.utils import vector_to_parameters

from dd.data.batches import RealBatches, TrainingImages, normalise
from dd.data.prepared import Dataset
from dd.distill.distilled_set import DistilledSet
from dd.distill.initial_weights import RandomInitial
from dd.distill.loss import classification
from dd.distill.settings import DistillConfig
from dd.distill.trainer import Trainer
from dd.evaluation.held_out import evaluate
from dd.nets.factory import build
from dd.nets.init_schemes import flat_weights
from dd.nets.stacked import StackedNet
from dd.pools.settings import TrainConfig
from dd.pools.train import train_nets
from dd.runtime import trace
from dd.runtime.memory import keep_freed_memory
from dd.runtime.process_group import ProcessGroup, leads, process_group
from dd.runtime.seeds import generator

NETS = {"LeNet": 4, "AlexCifarNet": 1, "evaluate": 20, "pool": 4}
"""Number of networks: of a meta-step, tested, trained."""
IMAGES = {"evaluate": 10_000, "pool": 6 * 1024}
"""Number of real images: tested on, trained on."""


class Task:
    """The tensors that all methods get."""

    def __init__(
        self, task: str, steps=10, epochs=3, nets: int | None = None, per_class: int = 1, batch: int = 1024, window=0
    ):
        self.name, self.net = task, "AlexCifarNet" if task == "AlexCifarNet" else "LeNet"
        self.shape = (3, 32, 32) if self.net == "AlexCifarNet" else (1, 28, 28)
        self.nets = nets or NETS[task]
        self.steps, self.epochs, self.per_class, self.batch = steps, epochs, per_class, batch
        self.window = window
        self.make = partial(build, self.net, *self.shape[:2], 10)
        stream = "held-out" if task == "evaluate" else "train"  # the nets that our commands draw
        self.thetas = RandomInitial(self.make, "xavier", 0)(stream, range(self.nets))
        random, images = generator(0, "benchmark"), IMAGES.get(task, batch)
        self.images = torch.randn(steps, 10 * per_class, *self.shape, generator=random)
        self.labels = torch.arange(10).repeat_interleave(per_class).expand(steps, -1)
        self.lr = 0.001 if task == "AlexCifarNet" else 0.02  # the authors' for CIFAR-10, MNIST; higher: chaos
        self.lrs = torch.full((epochs, steps), self.lr)
        # uint8 and channels last, like prepared datasets
        pixels = (images, *self.shape[1:], self.shape[0])
        self.x = torch.randint(0, 256, pixels, generator=random, dtype=torch.uint8).permute(0, 3, 1, 2)
        self.y = torch.randint(0, 10, (images,), generator=random)
        self.mean, self.std = torch.full((self.shape[0],), 0.5), torch.full((self.shape[0],), 0.25)
        self.training_images = TrainingImages(self.x, self.y, self.mean, self.std)
        self.real = RealBatches(self.training_images, batch_size=batch, seed=0)


def ours(task: Task, group: ProcessGroup):
    """The functions that the commands call, with the same handling of memory."""
    keep_freed_memory()
    loss = classification(StackedNet(task.make()))
    share = [*group.share(range(task.nets))]
    if task.name == "pool":
        thetas = task.thetas[share]
        train_config = TrainConfig(epochs=1, batch=task.batch)
        return lambda: train_nets(loss, thetas, task.training_images, config=train_config) - thetas
    config = {
        "net": task.net,
        "init": "random",
        "init_scheme": "xavier",
        "seed": 0,
        "nets": task.nets,
        "steps": task.steps,
        "window": task.window,
    }
    config |= {"distill_lr": task.lr, "epochs": task.epochs, "images_per_class": task.per_class, "clip": 0.0}
    if task.name == "evaluate":
        told = dict.fromkeys(("name", "sha256", "fidelity"), "benchmark")
        info = {"classes": [str(i) for i in range(10)], "config": config, "dataset": told}
        tensors = (task.images, task.labels, task.lrs, task.mean, task.std)
        dataset = Dataset("benchmark", task.x, task.y, task.x, task.y, task.mean, task.std, info["classes"], told)
        distilled = DistilledSet(*tensors, info=info)

        def test():
            table = evaluate(distilled, dataset, distilled.initial(), task.nets, group=group)
            return torch.tensor(table.groupby("stage", sort=False)["accuracy"].mean().to_numpy())

        return test

    def initial(_stream, indices):
        return task.thetas[[i % task.nets for i in indices]]

    trainer = Trainer(DistillConfig(**config), loss, initial, task.real, image_shape=task.shape, classes=10)
    trainer.group = group
    with torch.no_grad():
        trainer.learned.images.copy_(task.images)
    return lambda: trainer.step() and trainer.learned.images.grad


def full_graph(task: Task, _group: ProcessGroup):
    """Plain autograd through all steps."""
    loss, (real_x, real_y) = classification(StackedNet(task.make())), task.real.batch(0)

    def step():
        x, eta = task.images.clone().requires_grad_(), task.lrs.clone().requires_grad_()
        total = torch.zeros_like(task.images)
        for row in task.thetas.split(1):
            theta = row.clone().requires_grad_()
            for epoch in range(task.epochs):
                for i in range(task.steps):
                    (grad,) = torch.autograd.grad(loss(theta, x[i], task.labels[i]).sum(), theta, create_graph=True)
                    theta = theta - eta[epoch, i] * grad
            total += torch.autograd.grad(loss(theta, real_x, real_y).sum(), (x, eta))[0] / task.nets
        return total

    return step


def authors_state(task: Task, batches: list) -> SimpleNamespace:
    """The object from which the authors' functions take settings, networks and data."""
    import networks.networks

    state = SimpleNamespace(
        dropout=False, nc=task.shape[0], input_size=task.shape[1], num_classes=10, device=torch.device("cpu"),
        distill_steps=task.steps, distill_epochs=task.epochs, distilled_images_per_class_per_step=task.per_class,
        distill_lr=task.lr, lr=0.01, decay_epochs=40, decay_factor=0.5, distributed=False, mode="distill_basic",
        init="xavier", init_param=1.0, log_interval=-1, test_nets_type="loaded",
    )  # fmt: skip
    state.test_models = [getattr(networks.networks, task.net)(state) for _ in range(task.nets)]
    state.train_loader = batches
    state.test_loader = [*zip(normalise(task.x, task.mean, task.std).split(1024), task.y.split(1024), strict=True)]
    return state


def authors(task: Task, _group: ProcessGroup):
    """The authors' own functions, on their nets and steps with our tensors as values."""
    import main as theirs
    from basics import evaluate_steps
    from train_distilled_image import Trainer as TheirTrainer

    # in memory and normalised, so that the time of their loader does not count
    batches = [task.real.batch(i) for i in range(task.real.per_pass)]
    state = authors_state(task, batches)
    models = state.test_models

    def fill():
        module = task.make()
        for model, theta in zip(models, task.thetas, strict=True):
            vector_to_parameters(theta, module.parameters())
            model.get_param().data.copy_(flat_weights(module))

    fill()
    trainer = TheirTrainer(state, models)
    for own, given in zip(trainer.data, task.images, strict=True):
        own.data.copy_(given)
    for parameter in trainer.params:  # PyTorch 2 no longer makes these by itself
        parameter.grad = torch.zeros_like(parameter)

    def meta_step():
        trainer.optimizer.zero_grad(set_to_none=False)
        steps, infos = trainer.get_steps(), []
        fill()
        for model in models:
            loss, saved = trainer.forward(model, *batches[0], steps)
            infos.append(trainer.backward(model, *batches[0], steps, saved))
            del loss, saved
        trainer.accumulate_grad(infos)
        trainer.optimizer.step()
        return torch.stack([images.grad for images in trainer.data]) / task.nets  # theirs is a sum over nets

    def train():
        fill()
        for model in models:
            theirs.train(state, model, 0, torch.optim.Adam(model.parameters(), lr=2e-4, betas=(0.5, 0.999)))
        return torch.stack([model.get_param().detach() for model in models]) - task.thetas

    def test():
        _, accuracies, _ = evaluate_steps(state, trainer.get_steps(), "", test_all=True, log_results=False)
        return 100 * accuracies.mean(1)

    return {"evaluate": test, "pool": train}.get(task.name, meta_step)


METHODS = {"ours": ours, "processes": ours, "full graph": full_graph, "authors": authors}


def peak() -> float:
    """The peak MiB of this process; not ru_maxrss, which begins with the size of the process that started this one."""
    return int(re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024


def flops(task: Task) -> int:
    """Floating-point operations of the convolutions and matrix products in the task."""
    from torch.utils.flop_counter import FlopCounterMode

    method = ours if task.name in IMAGES else full_graph
    with FlopCounterMode(display=False) as counter:
        method(task, ProcessGroup())()
    return counter.get_total_flops()


def serve(task: Task, method: str, threads: int, keep: str) -> None:
    torch.set_num_threads(threads)
    with process_group(threads if method == "processes" else 1, task.nets, "cpu") as group:
        work, first = METHODS[method](task, group), True
        while group.any(group.leads and bool(sys.stdin.readline())):
            started = time.perf_counter()
            result = work()
            held = group.all_reduce(torch.tensor([peak()])).item()  # which also waits for the slowest
            seconds = time.perf_counter() - started
            if leads() and first and keep:
                torch.save(result, keep)
            if leads():
                print(json.dumps({"seconds": seconds, "peak": held}), flush=True)
            first = False


def start() -> None:
    options = json.loads(sys.argv[1])
    sys.path[1:1] = [options.pop("authors")] if "authors" in options else []
    method, threads, keep = options.pop("method"), options.pop("threads"), options.pop("keep", "")
    trace.REPEATS = options.pop("traced_after", trace.REPEATS)
    task = Task(**options)
    if method == "flops":
        print(flops(task))
    else:
        serve(task, method, threads, keep)


if __name__ == "__main__":
    start()
