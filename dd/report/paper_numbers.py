"""What the paper reports: accuracy in percent, mean and standard deviation over held-out networks."""

import re
from typing import NamedTuple


class Reported(NamedTuple):
    """One number; no standard deviation where there is a single network."""

    mean: float
    std: float | None = None


class Task(NamedTuple):
    """The rows of a table that belong together."""

    net: str
    steps: int
    images: int
    """Distilled ones, in all."""
    reported: dict[str, Reported]
    """By method."""


METHODS = {
    "fixed": "Ours, fixed init",
    "random init": "Ours, random init",
    "fixed_pretrained": "Ours, fixed pre-trained",
    "random_pretrained": "Ours, random pre-trained",
    "random": "Random real",
    "optimized": "Optimized real",
    "k_means": "k-means",
    "average": "Average real",
    "knn_random": "Random real, K-NN",
    "knn_k_means": "k-means, K-NN",
    "fada": "FADA (Motiian et al. 2017)",
    "none": "No adaptation",
    "full": "Full target dataset",
}
"""The rows of all tables, in order."""

OURS = {
    "fixed": "fixed",
    "random init": "random",
    "fixed_pretrained": "fixed_pretrained",
    "random_pretrained": "random_pretrained",
}
"""The rows of distilled images, and the initialisation of each."""
COMPARED = {"table1": "random", "table2": "random_pretrained", "table3": "fixed_pretrained"}
"""The initialisation that all other rows of a table have."""

EPOCHS = 3
"""Of every distilled set in a table."""

BASELINES = ("random", "optimized", "k_means", "average")


def _task(net: str, steps: int, images: int, methods: tuple[str, ...], *numbers: tuple) -> Task:
    return Task(net, steps, images, {m: Reported(*n) for m, n in zip(methods, numbers, strict=True)})


_METHODS_1 = ("fixed", "random init", *BASELINES, "knn_random", "knn_k_means")
_METHODS_2 = ("fixed_pretrained", "random_pretrained", *BASELINES, "fada", "none", "full")
_METHODS_3 = ("fixed_pretrained", "random", "optimized", "average", "full")

TABLES: dict[str, dict[str, Task]] = {
    "table1": {
        "mnist": _task(
            *("LeNet", 10, 100, _METHODS_1, (96.6,), (79.5, 8.1)),
            *((68.6, 9.8), (73.0, 7.6), (76.4, 9.5), (77.1, 2.7), (71.5, 2.1), (92.2, 0.1)),
        ),
        "cifar10": _task(
            *("AlexCifarNet", 10, 100, _METHODS_1, (54.0,), (36.8, 1.2)),
            *((21.3, 1.5), (23.4, 1.3), (22.5, 3.1), (22.3, 0.7), (18.8, 1.3), (29.4, 0.3)),
        ),
    },
    "table2": {
        "mnist → usps": _task(
            *("LeNet", 10, 100, _METHODS_2, (97.9,), (95.4, 1.8)),
            *((94.9, 0.8), (95.2, 0.7), (92.2, 1.6), (93.9, 0.8), (96.7, 0.5), (90.4, 3.0), (97.3, 0.3)),
        ),
        "usps → mnist": _task(
            *("LeNet", 10, 100, _METHODS_2, (93.2,), (92.7, 1.4)),
            *((87.1, 2.9), (87.6, 2.1), (85.6, 3.1), (78.4, 5.0), (89.2, 2.4), (67.5, 3.9), (98.6, 0.5)),
        ),
        "svhn → mnist": _task(
            *("LeNet", 10, 100, _METHODS_2, (96.2,), (85.2, 4.7)),
            *((84.6, 2.1), (85.2, 1.2), (85.8, 1.2), (74.9, 2.6), (74.0, 1.5), (51.6, 2.8), (98.6, 0.5)),
        ),
    },
    "table3": {
        "voc2007": _task("AlexNet", 1, 20, _METHODS_3, (70.75,), (19.41, 3.73), (23.82, 3.66), (9.94,), (75.57, 0.18)),
        "cub200": _task("AlexNet", 1, 200, _METHODS_3, (38.76,), (7.11, 0.66), (7.23, 0.78), (2.88,), (41.21, 0.51)),
    },
}
"""Tables 1 to 3 by task; tasks of Table 2 are `source → target`."""

TITLES = {
    "table1": "Table 1: distilled against real images",
    "table2": "Table 2: pre-trained digit networks learn another dataset",
    "table3": "Table 3: networks pre-trained on ImageNet learn new photos",
}


class Picture(NamedTuple):
    """A figure of distilled images, whose caption says how accurate nets are."""

    dataset: str
    init: str
    task: Task
    """Its rows are stages: `before` and `after` training on the images."""


def _picture(dataset: str, init: str, net: str, steps: int, images: int, **stages: Reported) -> Picture:
    return Picture(dataset, init, Task(net, steps, images, stages))


PICTURES = {
    "fig2a": _picture("mnist", "fixed", "LeNet", 1, 10, before=Reported(12.90), after=Reported(93.76)),
    "fig2b": _picture("cifar10", "fixed", "AlexCifarNet", 10, 100, before=Reported(8.82), after=Reported(54.03)),
    "fig3a": _picture("mnist", "random", "LeNet", 10, 100, after=Reported(79.50, 8.08)),
    "fig3b": _picture("cifar10", "random", "AlexCifarNet", 10, 100, after=Reported(36.79, 1.18)),
}
STAGES = {"before": "before training on the distilled images", "after": "after it"}

POISONED = {
    dataset: {"net": net, "init": "random_pretrained", "steps": 1, "epochs": 1}
    | {"attack_class": 0, "target_class": 1, "distilled_images": 100}
    for dataset, net in (("mnist", "LeNet"), ("cifar10", "AlexCifarNet"))
}
"""The setting of Figure 6."""
MISLED = {"mnist": Reported(71.4, 29.6), "cifar10": Reported(45.9, 18.1)}
"""Figure 6b, ours: percent of the attacked class taken for the target class (the authors' project page)."""
POISONED_NETS = {"mnist": Reported(98.6, 0.5), "cifar10": Reported(78.2, 1.1)}
"""The nets of Figure 6 before they are poisoned (the same page)."""
FULL = {"mnist": Reported(99.0), "cifar10": Reported(80.0)}
"""LeNet and AlexCifarNet trained on all images ("about", Section 4)."""

PLACES = (
    {name: tuple(tasks) for name, tasks in TABLES.items()}
    | {name: (picture.dataset,) for name, picture in PICTURES.items()}
    | dict.fromkeys(("fig4", "fig5", "fig6"), ("mnist", "cifar10"))
)
"""Where the paper reports or claims something, and of which tasks."""


class Cell(NamedTuple):
    """One number of the paper."""

    where: str
    task: str
    row: str
    """A method, a stage, or what is measured."""
    label: str
    reported: Reported
    never: str = ""
    """Why this software does not measure it, if it does not."""
    remark: str = ""
    """What its verdict is worth, if that is little."""


def cells() -> list[Cell]:
    """Every number the paper, or its project page, reports."""
    found = [
        Cell(table, name, method, METHODS[method], number)
        for table, tasks in TABLES.items()
        for name, task in tasks.items()
        for method, number in task.reported.items()
    ]
    for figure, picture in PICTURES.items():
        for stage, number in picture.task.reported.items():
            remark = "chance, by the draw of one net" if stage == "before" else ""
            found.append(Cell(figure, picture.dataset, stage, STAGES[stage], number, remark=remark))
    for dataset, number in MISLED.items():
        found.append(Cell("fig6", dataset, "misled", "Attacked class taken for the target", number))
    for dataset, number in POISONED_NETS.items():
        found.append(Cell("fig6", dataset, "nets", "Nets before, by the true labels", number))
    for dataset, number in FULL.items():
        found.append(Cell("text", dataset, "full", "Training on all images", number, "no rule trains to that end"))
    return found


def place(where: str) -> str:
    """`fig2a` as `Figure 2a`."""
    if numbered := re.fullmatch(r"(fig|table)(\d\w*)", where):
        return f"{'Figure' if numbered[1] == 'fig' else 'Table'} {numbered[2]}"
    return {"text": "Section 4", "linear_case": "Section 3.3"}.get(where, where)
