"""What the field's networks for small images have in common (Zhao et al. 2021)."""

from torch import nn

SIZES = (28, 32)


def check_size(name: str, size: int) -> None:
    """Refuse images that a network is not made for.

    Raises:
        ValueError: they are neither 28 nor 32 pixels a side.
    """
    if size not in SIZES:
        raise ValueError(f"{name} takes images of 28 or 32 pixels, not {size}")


def instance_norm(channels: int) -> nn.Module:
    """Instance normalisation with learned scale and shift: one group a channel."""
    return nn.GroupNorm(channels, channels)
