"""EfficientNet-Lite0 (Tan & Le 2019, without squeeze and excitation), whose ImageNet weights pip can install."""

import torch
from torch import Tensor, nn

from dd.runtime.errors import UserError


def efficientnet_lite0(channels: int = 3, size: int = 224, classes: int = 1000) -> nn.Module:
    """The network of the package efficientnet-lite-pytorch, without dropout; the published file of weights fits it.

    4.7 million weights for three channels and 1000 classes, the same for every image size. In evaluation mode, batch
    normalisation uses stored statistics. They are not weights, so GD steps do not change them.

    Raises:
        UserError: the package is not installed.
    """
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise UserError("EfficientNetLite0 comes in a package: pip install 'dataset-distillation[birds]'") from error
    net = EfficientNet.from_name(
        "efficientnet-lite0",
        in_channels=channels,
        image_size=size,
        num_classes=classes,
        dropout_rate=0.0,
        drop_connect_rate=0.0,
    )
    net.register_forward_pre_hook(_channels_last)
    return net


def _channels_last(_net: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
    """Put the channels last in memory: the network's convolutions then take half the time."""
    return (inputs[0].contiguous(memory_format=torch.channels_last),)
