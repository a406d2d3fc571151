"""What the paper reports: accuracy in percent, mean and standard deviation over held-out networks."""

from typing import NamedTuple


class Reported(NamedTuple):
    """One number; no standard deviation where there is a single network."""

    mean: float
    std: float | None = None


METHODS = {
    "fixed": "Ours, fixed init",
    "random init": "Ours, random init",
    "random": "Random real",
    "optimized": "Optimized real",
    "k_means": "k-means",
    "average": "Average real",
    "knn_random": "Random real, K-NN",
    "knn_k_means": "k-means, K-NN",
}
"""The rows of Table 1 in its order."""

TABLE_1 = {
    "mnist": {
        "fixed": Reported(96.6),
        "random init": Reported(79.5, 8.1),
        "random": Reported(68.6, 9.8),
        "optimized": Reported(73.0, 7.6),
        "k_means": Reported(76.4, 9.5),
        "average": Reported(77.1, 2.7),
        "knn_random": Reported(71.5, 2.1),
        "knn_k_means": Reported(92.2, 0.1),
    },
    "cifar10": {
        "fixed": Reported(54.0),
        "random init": Reported(36.8, 1.2),
        "random": Reported(21.3, 1.5),
        "optimized": Reported(23.4, 1.3),
        "k_means": Reported(22.5, 3.1),
        "average": Reported(22.3, 0.7),
        "knn_random": Reported(18.8, 1.3),
        "knn_k_means": Reported(29.4, 0.3),
    },
}
"""Table 1 by dataset and method."""

NETS = {"mnist": "LeNet", "cifar10": "AlexCifarNet"}
"""The networks of Table 1, with 10 steps of 10 images, 3 epochs."""
