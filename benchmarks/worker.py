"""One method on one task, in a process of its own: does it once for every line on standard input, and tells how long.

    python benchmarks/worker.py TASK METHOD THREADS STEPS EPOCHS [AUTHORS]

TASK: LeNet, AlexCifarNet (a meta-step), evaluate, pool. METHOD: ours, "full graph", authors. AUTHORS is the folder of
the authors' code. Both get the same tensors, and all cores: ours as it would share them, the others as threads.
"""

import json
import re
import sys
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import torch

from dd.data.dataset import Dataset
from dd.data.real import RealBatches
from dd.distill.config import DistillConfig
from dd.distill.initial import random_initial
from dd.distill.objective import classification
from dd.distill.steps import DistilledSet
from dd.distill.trainer import Trainer
from dd.evaluate import evaluate
from dd.nets import build
from dd.nets.stacked import StackedNet
from dd.pool import train_nets
from dd.runtime.parallel import Team, leads, team
from dd.runtime.seeds import generator

NETS = {"LeNet": 4, "AlexCifarNet": 1, "evaluate": 8, "pool": 4}
"""Networks: of a meta-step, judged, trained."""
IMAGES = {"LeNet": 1024, "AlexCifarNet": 1024, "evaluate": 10_000, "pool": 6 * 1024}
"""Real images: of the batch, tested on, trained on."""
BATCH = 1024


class Task:
    """The tensors that all methods get."""

    def __init__(self, name: str, steps: int, epochs: int, nets: int | None = None, per_class: int = 1):
        self.net_name = name if name in ("LeNet", "AlexCifarNet") else "LeNet"
        self.shape = (1, 28, 28) if self.net_name == "LeNet" else (3, 32, 32)
        self.nets, self.steps, self.epochs, self.per_class = nets or NETS[name], steps, epochs, per_class
        self.make = partial(build, self.net_name, *self.shape[:2], 10)
        self.thetas = random_initial(self.make, "xavier", 0)("train", range(self.nets))
        random = generator(0, "benchmark")
        self.images = torch.randn(steps, 10 * per_class, *self.shape, generator=random)
        self.labels = torch.arange(10).repeat_interleave(per_class).expand(steps, -1)
        self.lrs = torch.full((epochs, steps), 0.02)
        # uint8 and channels last, as prepared datasets are
        pixels = (IMAGES[name], *self.shape[1:], self.shape[0])
        self.x = torch.randint(0, 256, pixels, generator=random, dtype=torch.uint8).permute(0, 3, 1, 2)
        self.y = torch.randint(0, 10, (IMAGES[name],), generator=random)
        self.mean, self.std = torch.full((self.shape[0],), 0.5), torch.full((self.shape[0],), 0.25)

    def real(self, batch: int) -> RealBatches:
        return RealBatches(self.x, self.y, self.mean, self.std, batch, seed=0)

    def trainer(self) -> Trainer:
        """Ours, with these tensors in place of what it would draw."""
        settings = {"nets": self.nets, "steps": self.steps, "epochs": self.epochs, "images_per_class": self.per_class}
        loss = classification(StackedNet(self.make()))
        initial = lambda _stream, indices: self.thetas[[i % self.nets for i in indices]]  # noqa: E731
        config = DistillConfig(**settings, net=self.net_name, clip=0.0)
        trainer = Trainer(config, loss, loss, initial, self.real(len(self.x)), self.shape, 10)
        with torch.no_grad():
            trainer.images.copy_(self.images)
        return trainer


def ours(task: Task, name: str, crew: Team):
    if name in ("LeNet", "AlexCifarNet"):
        trainer = task.trainer()
        trainer.team = crew
        return lambda: trainer.step() and trainer.images.grad
    if name == "evaluate":
        info = {"classes": [str(i) for i in range(10)]}
        config = {"net": "LeNet", "init": "random", "init_law": "xavier", "seed": 0}
        distilled = DistilledSet(
            task.images, task.labels, task.lrs, task.mean, task.std, info=info | {"config": config}
        )
        dataset = Dataset("benchmark", task.x, task.y, task.x, task.y, task.mean, task.std, info=info)
        return lambda: evaluate(distilled, dataset, task.nets, team=crew) is None
    loss, real = classification(StackedNet(task.make())), task.real(BATCH)
    mine = crew.share(range(task.nets))
    return lambda: train_nets(loss, task.thetas[list(mine)], real, 1, 2e-4, 20)


def full_graph(task: Task, name: str, _crew: Team):
    """Plain autograd through all steps."""
    loss, (real_x, real_y) = classification(StackedNet(task.make())), task.real(len(task.x)).batch(0)

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


def authors(task: Task, name: str, _crew: Team):
    """The authors' own functions, on nets and steps of theirs filled with these tensors."""
    import main as theirs
    import networks.networks
    from basics import evaluate_steps
    from train_distilled_image import Trainer as TheirTrainer

    state = SimpleNamespace(
        dropout=False, nc=task.shape[0], input_size=task.shape[1], num_classes=10, device=torch.device("cpu"),
        distill_steps=task.steps, distill_epochs=task.epochs, distilled_images_per_class_per_step=task.per_class,
        distill_lr=0.02, lr=0.01, decay_epochs=40, decay_factor=0.5, distributed=False, mode="distill_basic",
        init="xavier", init_param=1.0, log_interval=-1, test_nets_type="loaded",
    )  # fmt: skip
    models = [getattr(networks.networks, task.net_name)(state) for _ in range(task.nets)]

    def fill():
        for model, theta in zip(models, task.thetas, strict=True):
            torch.nn.utils.vector_to_parameters(theta, task_net.parameters())
            parts = [p for n, p in task_net.named_parameters()]
            model.get_param().data.copy_(torch.cat([p.detach().flatten() for p in parts]))

    task_net = task.make()
    fill()
    trainer = TheirTrainer(state, models)
    for own, given in zip(trainer.data, task.images, strict=True):
        own.data.copy_(given)
    for parameter in trainer.params:  # PyTorch 2 no longer makes these by itself
        parameter.grad = torch.zeros_like(parameter)
    batches = [task.real(min(BATCH, len(task.x))).batch(i) for i in range(-(-len(task.x) // BATCH))]
    batches = [(x.clone(memory_format=torch.contiguous_format), y) for x, y in batches]
    state.test_loader = state.train_loader = batches
    state.test_models = models

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
        return torch.stack([images.grad for images in trainer.data])

    def pool():
        for model in models:
            theirs.train(state, model, 0, torch.optim.Adam(model.parameters(), lr=2e-4, betas=(0.5, 0.999)))

    tasks = {
        "evaluate": lambda: evaluate_steps(state, trainer.get_steps(), "", test_all=True, log_results=False) and None
    }
    return (tasks | {"pool": pool}).get(name, meta_step)


METHODS = {"ours": ours, "full graph": full_graph, "authors": authors}


def peak() -> float:
    """MiB this process has held at most; not ru_maxrss, which starts at the size of the process that started it."""
    return int(re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024


def direction(gradient) -> float:
    """What methods that agree agree on: the cosine between the gradient and a fixed direction, times 1000."""
    if not isinstance(gradient, torch.Tensor):
        return 0.0
    fixed = torch.randn(gradient.shape, generator=generator(0, "direction"))
    return 1000 * torch.nn.functional.cosine_similarity(gradient.flatten(), fixed.flatten(), dim=0).item()


def serve(name: str, method: str, threads: int, task: Task) -> None:
    torch.set_num_threads(threads)
    import os

    workers = int(os.environ.get("W", threads)) if method == "ours" else 1
    with team(workers, task.nets, "cpu") as crew:
        work = METHODS[method](task, name, crew)
        while crew.any(crew.leads and bool(sys.stdin.readline())):
            started = time.perf_counter()
            result = work()
            seconds = time.perf_counter() - started
            held = crew.add_up(torch.tensor([peak()])).item()  # also waits for the slowest
            if leads():
                print(json.dumps({"seconds": seconds, "peak": held, "direction": direction(result)}), flush=True)


if __name__ == "__main__":
    name, method, threads, steps, epochs, *folder = sys.argv[1:]
    sys.path[1:1] = folder
    serve(name, method, int(threads), Task(name, int(steps), int(epochs)))
