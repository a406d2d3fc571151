"""What can change when a dataset is made from another."""

from typing import Literal

from dd.runtime.errors import UserError
from dd.runtime.settings_model import Count, IfGiven, Index, NotNegative, Settings

TEST_FRACTION = 0.2
"""Share of each class of a user's own images that is set aside to test, if no other is given."""


class Changes(Settings):
    """What changes; the rest stays as it is."""

    size: IfGiven[Count] = None
    """pixels a side, margin included; unchanged if left out"""
    margin: Index = 0
    """black pixels on each side, part of the size"""
    channels: IfGiven[Literal[1, 3]] = None
    """1 is gray, 3 is RGB; unchanged if left out"""
    invert: bool = False
    """dark becomes bright"""
    noise: NotNegative = 0.0
    """standard deviation of Gaussian noise, 1 being the whole range"""
    test_images: IfGiven[Count] = None
    """so many test images, drawn anew from all images; the same split if left out"""
    seed: Index = 0
    """of the noise and the split"""


def pixels_inside(size: int, margin: int) -> int:
    """The pixels a side between the margins.

    Raises:
        UserError: there are none.
    """
    if 2 * margin >= size:
        raise UserError(f"margin: {margin} leaves nothing of {size} pixels; lower it")
    return size - 2 * margin
