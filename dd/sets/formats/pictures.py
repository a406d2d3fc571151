"""A folder of pictures with one subfolder a class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dd.runtime.errors import UserError
from dd.sets.set_format import Asked, RawSet, SetFormat

if TYPE_CHECKING:
    from dd.sets.foreign import ForeignFile


def is_folder(file: ForeignFile, _asked: Asked) -> bool:
    """A folder."""
    return file.container == "folder"


def read_folder(file: ForeignFile, _asked: Asked) -> RawSet:
    """The pictures, gray if all are; classes are numbered in the order of their names."""
    import numpy as np
    import torch

    from dd.data.folder_listing import class_names, images_in_subfolders
    from dd.data.image_folder import read_image

    if file.container != "folder":
        raise UserError(f"{file.path}: must be a folder with one subfolder of pictures for each class")
    names = class_names(file.path)
    listed = images_in_subfolders(file.path, names)
    read = [np.asarray(read_image(path, path)) for path, _ in listed]
    odd = [path for (path, _), image in zip(listed, read, strict=True) if image.shape != read[0].shape]
    if odd:
        raise UserError(f"{odd[0]}: has another size than {listed[0][0]}; pictures of a set must be alike")
    images = torch.from_numpy(np.stack(read)).permute(0, 3, 1, 2)
    if (images == images[:, :1]).all():
        images = images[:, :1]
    told = "order and rates in set.json are not read" if (file.path / "set.json").exists() else ""
    return RawSet(images, torch.tensor([names.index(name) for _, name in listed]), class_names=names, told=told)


FORMAT = SetFormat(
    name="folder",
    order=11,
    description="a folder of pictures with one subfolder a class",
    recognises=is_folder,
    read=read_folder,
    normalisation="pixels",
)
