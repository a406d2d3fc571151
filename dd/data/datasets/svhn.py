"""Street View House Numbers, 32x32 crops in MATLAB's format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dd.data.named_dataset import DIGIT_NAMES, NamedDataset
from dd.runtime.errors import UserError, reason

if TYPE_CHECKING:
    from dd.data.prepared import Arrays


def svhn(train: Path, test: Path) -> tuple[Arrays, list[str]]:
    """Read `train_32x32.mat` and `test_32x32.mat`: X uint8 `[32, 32, 3, N]` and y `[N, 1]`, 10 being the digit 0.

    Returns:
        The arrays, images `[N, 32, 32, 3]`, and the class names.

    Raises:
        UserError: a file is truncated or is not one of SVHN.
    """
    import numpy as np
    from scipy.io import loadmat

    arrays = {}
    for split, path in (("train", train), ("test", test)):
        try:
            content = loadmat(path, variable_names=("X", "y"))
            x, y = content["X"], content["y"]
            if x.dtype != np.uint8 or x.shape != (32, 32, 3, len(y)) or y.shape != (len(y), 1):
                raise ValueError(f"X is {x.dtype} {list(x.shape)} and y {list(y.shape)}")
            if not np.isin(y, np.arange(1, 11)).all():
                raise ValueError("y has other labels than 1 to 10")
        # scipy has no exception of its own for damaged files, and can raise any other
        except Exception as error:
            raise UserError(f"{path}: truncated or not SVHN's .mat ({reason(error)}); fetch it again") from error
        arrays[f"x_{split}"] = np.ascontiguousarray(x.transpose(3, 0, 1, 2))
        arrays[f"y_{split}"] = (y[:, 0] % 10).astype(np.uint8)
    return arrays, list(DIGIT_NAMES)


DATASET = NamedDataset(
    name="svhn",
    description="house numbers, cut to single digits (Netzer et al. 2011)",
    training_images=73_257,
    licence="for non-commercial use only",
    channels=3,
    size=32,
    classes=DIGIT_NAMES,
    files={
        "http://ufldl.stanford.edu/housenumbers/train_32x32.mat": "e26dedcc434d2e4c54c9b2d4a06d8373",
        "http://ufldl.stanford.edu/housenumbers/test_32x32.mat": "eb5a983be6a315427106f1b164d9cef3",
    },
    reader=svhn,
    modules=(__name__, "dd.data.mirror", "dd.data.downloads"),
    order=5,
)
