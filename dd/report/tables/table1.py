"""Table 1: distilled images against real ones, for nets that start from random weights (Section 4.1)."""

from dd.report.tables.table import OTHER_INITS, MoreAccurate, Table, Task, reported

TABLE1_REAL_IMAGES = ("random", "optimized", "k_means", "average", "knn_random", "knn_k_means")
TABLE1_ROWS = ("fixed", "random init", *TABLE1_REAL_IMAGES, "full")

TABLE = Table(
    name="table1",
    order=1,
    title="Table 1: distilled against real images",
    module=__name__,
    rows=(*TABLE1_ROWS, OTHER_INITS),
    rivals_init="random",
    tasks={
        "mnist": Task(
            net="LeNet",
            steps=10,
            images=100,
            reported=reported(
                TABLE1_ROWS,
                (96.6,),
                (79.5, 8.1),
                (68.6, 9.8),
                (73.0, 7.6),
                (76.4, 9.5),
                (77.1, 2.7),
                (71.5, 2.1),
                (92.2, 0.1),
                (99.0,),
            ),
        ),
        "cifar10": Task(
            net="AlexCifarNet",
            steps=10,
            images=100,
            reported=reported(
                TABLE1_ROWS,
                (54.0,),
                (36.8, 1.2),
                (21.3, 1.5),
                (23.4, 1.3),
                (22.5, 3.1),
                (22.3, 0.7),
                (18.8, 1.3),
                (29.4, 0.3),
                (80.0,),
            ),
        ),
    },
    claims=(
        MoreAccurate("Ours, fixed init, beats the baselines", "fixed", TABLE1_REAL_IMAGES),
        MoreAccurate("Ours, random init, beats the baselines", "random init", TABLE1_REAL_IMAGES),
        MoreAccurate(
            "On new inits, images for random init beat those for a fixed init",
            "random init",
            (OTHER_INITS,),
            in_words=True,
        ),
    ),
    remarks={"full": 'Section 4, which says "about"'},
)
