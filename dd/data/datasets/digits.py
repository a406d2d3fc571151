"""The 1,797 digits inside scikit-learn: real data without a download, for the demo."""

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from dd.data.prepared import Arrays

SIZE, TEST = 28, 500


def digits() -> Arrays:
    """8x8 digits scaled bicubically to 28x28, split 1,297 / 500 with the same share of every class."""
    bunch = load_digits()
    images = np.round(bunch.images * 255 / 16).astype(np.uint8)
    images = np.stack([np.asarray(Image.fromarray(i).resize((SIZE, SIZE), Image.Resampling.BICUBIC)) for i in images])
    labels = bunch.target.astype(np.uint8)
    x_train, x_test, y_train, y_test = train_test_split(images, labels, test_size=TEST, random_state=0, stratify=labels)
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
