"""MNIST, the handwritten digits of the paper's experiments."""

from dd.data.named_dataset import DIGIT_NAMES, NamedDataset

DATASET = NamedDataset(
    name="mnist",
    description="handwritten digits (LeCun et al. 1998)",
    licence="CC BY-SA 3.0",
    channels=1,
    size=28,
    classes=DIGIT_NAMES,
    torchvision="MNIST",
    idx_folder="mnist",
    array_digests={
        "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
        "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
        "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
        "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
    },
    modules=(__name__, "dd.data.mirror", "dd.data.idx", "dd.data.downloads"),
    order=1,
)
