"""The 1,797 digits that scikit-learn includes: real data without a download, for the demo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dd.data.named_dataset import DIGIT_NAMES, NamedDataset

if TYPE_CHECKING:
    from dd.data.prepared import Arrays

SIZE = 28
TEST_IMAGES = 500


def digits() -> tuple[Arrays, list[str]]:
    """8x8 digits scaled bicubically to 28x28, split 1,297 / 500 with the same share of every class.

    Returns:
        The arrays, images `[N, 28, 28]`, and the class names.
    """
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    bunch = load_digits()
    small = np.round(bunch.images * 255 / 16).astype(np.uint8)
    scaled = [Image.fromarray(image).resize((SIZE, SIZE), Image.Resampling.BICUBIC) for image in small]
    images = np.stack([np.asarray(image) for image in scaled])
    labels = bunch.target.astype(np.uint8)
    x_train, x_test, y_train, y_test = train_test_split(
        images, labels, test_size=TEST_IMAGES, random_state=0, stratify=labels
    )
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}, list(DIGIT_NAMES)


DATASET = NamedDataset(
    name="digits",
    description="handwritten digits that scikit-learn includes; no download",
    training_images=1_297,
    licence="CC BY 4.0 (UCI Machine Learning Repository)",
    channels=1,
    size=SIZE,
    classes=DIGIT_NAMES,
    reader=digits,
    source="scikit-learn load_digits, 8x8 scaled bicubically to 28x28",
    modules=(__name__,),
    order=6,
)
