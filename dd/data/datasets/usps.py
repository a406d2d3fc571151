"""USPS, handwritten digits from another source than MNIST, for the domain shifts of Table 2."""

from dd.data.named_dataset import DIGIT_NAMES, NamedDataset

DATASET = NamedDataset(
    name="usps",
    description="handwritten digits on envelopes (Hull 1994)",
    training_images=7_291,
    licence="none stated by its authors",
    channels=1,
    size=16,
    classes=DIGIT_NAMES,
    torchvision="USPS",
    modules=(__name__, "dd.data.mirror", "dd.data.downloads"),
    order=4,
)
