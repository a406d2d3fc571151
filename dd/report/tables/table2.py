"""Table 2: networks that were pre-trained on one dataset of digits learn another (Section 4.2)."""

from dd.report.tables.table import UNADAPTED, MoreAccurate, Table, Task, reported

TABLE2_REAL_IMAGES = ("random", "optimized", "k_means", "average")
TABLE2_ROWS = ("fixed_pretrained", "random_pretrained", *TABLE2_REAL_IMAGES, "fada", UNADAPTED, "full")

TABLE = Table(
    name="table2",
    order=2,
    title="Table 2: pre-trained digit networks learn another dataset",
    module=__name__,
    rows=TABLE2_ROWS,
    rivals_init="random_pretrained",
    by_direction=True,
    tasks={
        "mnist → usps": Task(
            net="LeNet",
            steps=10,
            images=100,
            reported=reported(
                TABLE2_ROWS,
                (97.9,),
                (95.4, 1.8),
                (94.9, 0.8),
                (95.2, 0.7),
                (92.2, 1.6),
                (93.9, 0.8),
                (96.7, 0.5),
                (90.4, 3.0),
                (97.3, 0.3),
            ),
        ),
        "usps → mnist": Task(
            net="LeNet",
            steps=10,
            images=100,
            reported=reported(
                TABLE2_ROWS,
                (93.2,),
                (92.7, 1.4),
                (87.1, 2.9),
                (87.6, 2.1),
                (85.6, 3.1),
                (78.4, 5.0),
                (89.2, 2.4),
                (67.5, 3.9),
                (98.6, 0.5),
            ),
        ),
        "svhn → mnist": Task(
            net="LeNet",
            steps=10,
            images=100,
            reported=reported(
                TABLE2_ROWS,
                (96.2,),
                (85.2, 4.7),
                (84.6, 2.1),
                (85.2, 1.2),
                (85.8, 1.2),
                (74.9, 2.6),
                (74.0, 1.5),
                (51.6, 2.8),
                (98.6, 0.5),
            ),
        ),
    },
    claims=(
        MoreAccurate("Ours, fixed pre-trained, beats real images", "fixed_pretrained", TABLE2_REAL_IMAGES),
        MoreAccurate("Ours, random pre-trained, beats real images", "random_pretrained", TABLE2_REAL_IMAGES),
        MoreAccurate("Ours, fixed pre-trained, beats few-shot adaptation", "fixed_pretrained", ("fada",)),
        MoreAccurate("Ours, random pre-trained, beats few-shot adaptation", "random_pretrained", ("fada",)),
    ),
)
