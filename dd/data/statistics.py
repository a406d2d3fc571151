"""Mean and standard deviation of each channel, by which inputs are normalised."""

import numpy as np
from torch import Tensor


def of_bytes(x: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel of bytes `[N, ..., C]`, on the scale 0 to 1."""
    # the counts of the 256 values give both exactly, without a copy of the whole set in floats
    counts = np.zeros((x.shape[-1], 256), np.int64)
    for start in range(0, len(x), 64):
        for channel, count in enumerate(counts):
            count += np.bincount(x[start : start + 64, ..., channel].ravel(), minlength=256)
    values = np.arange(256) / 255
    shares = counts / counts.sum(1, keepdims=True)
    mean = [float(share @ values) for share in shares]
    # a constant channel has nothing to scale
    std = [float(np.sqrt(share @ (values - m) ** 2)) or 1.0 for share, m in zip(shares, mean, strict=True)]
    return mean, std


def of_floats(x: Tensor) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel of floats `[N, C, ...]`."""
    channels = x.transpose(0, 1).flatten(1)
    mean = [channel.double().mean().item() for channel in channels]
    std = [channel.double().std(correction=0).item() or 1.0 for channel in channels]
    return mean, std
