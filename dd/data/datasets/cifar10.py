"""CIFAR-10, the coloured photos of the paper's experiments."""

from dd.data.named_dataset import NamedDataset

DATASET = NamedDataset(
    name="cifar10",
    description="small photos of animals and vehicles (Krizhevsky 2009)",
    training_images=50_000,
    licence="none stated by its authors",
    channels=3,
    size=32,
    classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    torchvision="CIFAR10",
    augmentation="crop_flip",
    array_digests={
        "x_train": "47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a",
        "y_train": "2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253",
    },
    modules=(__name__, "dd.data.mirror", "dd.data.downloads"),
    order=3,
)
