"""Table 3: networks that were pre-trained on ImageNet learn new photos (Section 4.2)."""

from dd.report.tables.table import MoreAccurate, Table, Task, reported

TABLE3_REAL_IMAGES = ("random", "optimized", "average")
TABLE3_ROWS = ("fixed_pretrained", *TABLE3_REAL_IMAGES, "full")

TABLE = Table(
    name="table3",
    order=3,
    title="Table 3: networks pre-trained on ImageNet learn new photos",
    module=__name__,
    rows=TABLE3_ROWS,
    rivals_init="fixed_pretrained",
    runs=10,
    tasks={
        "voc2007": Task(
            net="AlexNet",
            steps=1,
            images=20,
            reported=reported(TABLE3_ROWS, (70.75,), (19.41, 3.73), (23.82, 3.66), (9.94,), (75.57, 0.18)),
        ),
        "cub200": Task(
            net="AlexNet",
            steps=1,
            images=200,
            reported=reported(TABLE3_ROWS, (38.76,), (7.11, 0.66), (7.23, 0.78), (2.88,), (41.21, 0.51)),
        ),
    },
    claims=(
        MoreAccurate("Ours beats real images", "fixed_pretrained", (*TABLE3_REAL_IMAGES, "k_means")),
        MoreAccurate("Ours is on a par (5 points) with the full dataset", "fixed_pretrained", ("full",), slack=5),
    ),
)
