"""Sets as other programs write them: one writer for each format, of a class an image."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from dd.sets.set_format import Asked

CLASSES = 10
SIDE = 28
"""Pixels; tests of faults change both."""
EMPTY = Asked()


@dataclass
class Written:
    """A file of another program, and what importing it should give."""

    path: Path
    images: Tensor
    """As networks get them, `[steps, n, 1, SIDE, SIDE]`; of formats of pixels, on their scale of 0 to 1."""
    labels: Tensor
    normalisation: str | None = "dataset"
    asked: Asked = EMPTY
    lrs: Tensor = field(default_factory=lambda: torch.zeros(0, 1))


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def pictures(count=0, seed=0):
    return 1.2 * drawn(count or CLASSES, 1, SIDE, SIDE, seed=seed)


def dc(folder):
    sets = [[pictures(seed=number), torch.arange(CLASSES)] for number in range(3)]
    shares = {"ConvNet": [np.float64(0.9), np.float64(0.92)], "MLP": [0.5]}
    torch.save({"data": sets, "accs_all_exps": shares}, folder / "res.pt")
    return Written(folder / "res.pt", sets[2][0][None], sets[2][1][None], asked=Asked(experiment=2))


def mtt(folder):
    labels = torch.arange(CLASSES).repeat_interleave(2)
    torch.save(pictures(2 * CLASSES), folder / "images_best.pt")
    torch.save(labels, folder / "labels_best.pt")
    return Written(folder / "images_best.pt", pictures(2 * CLASSES)[None], labels[None])


def datm(folder):
    logits = drawn(2 * CLASSES, CLASSES, seed=1)
    torch.save(pictures(2 * CLASSES), folder / "images_best.pt")
    torch.save(logits, folder / "labels_best.pt")
    torch.save(torch.tensor(0.03), folder / "lr_best.pt")
    return Written(folder / "images_best.pt", pictures(2 * CLASSES)[None], logits.softmax(1)[None])


def idc(folder):
    images = torch.rand(CLASSES, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    torch.save([images, torch.arange(CLASSES)], folder / "data.pt")
    half = SIDE // 2
    quarters = [images[..., top : top + half, left : left + half] for top in (0, half) for left in (0, half)]
    whole = torch.nn.Upsample(size=SIDE, mode="bilinear")(torch.cat(quarters))
    return Written(folder / "data.pt", whole[None], torch.arange(CLASSES).repeat(4)[None], None, Asked(factor=2))


def centred():
    """Targets of one class an image, as a 1-of-n code less its mean, and the probabilities they stand for."""
    code = torch.eye(CLASSES)
    return (code - 1 / CLASSES).numpy(), code


def npz(folder, images, labels, name="set.npz"):
    targets, code = centred()
    last = pictures().permute(0, 2, 3, 1).double().numpy()  # some programs save double precision
    np.savez(folder / name, **{images: last, labels: targets})
    return Written(folder / name, pictures()[None], code[None], None)


def kip(folder):
    return npz(folder, "images", "labels")


def frepo(folder):
    return npz(folder, "image", "label")


def rcig(folder):
    import msgpack

    def packed(array):
        content = msgpack.packb([array.shape, array.dtype.name, array.tobytes()])
        return msgpack.ExtType(1, content)

    targets, code = centred()
    last = pictures().permute(0, 2, 3, 1).contiguous().numpy()
    others = {"x_proto": packed(np.zeros_like(last)), "y_proto": packed(np.zeros_like(targets))}
    tree = {"params": others, "ema_average": {"x_proto": packed(last), "y_proto": packed(targets)}}
    (folder / "checkpoint_100").write_bytes(msgpack.packb(tree))
    return Written(folder / "checkpoint_100", pictures()[None], code[None], None)


def rat_bptt(folder):
    import h5py

    with h5py.File(folder / "set.h5", "w") as file:
        file["data"], file["label"] = pictures().flatten(1).numpy(), np.arange(CLASSES)
    return Written(folder / "set.h5", pictures()[None], torch.arange(CLASSES)[None], None)


def wang(folder):
    images = pictures(3 * CLASSES).view(3, CLASSES, 1, SIDE, SIDE)
    labels, lrs = torch.arange(CLASSES).expand(3, -1), torch.rand(2, 3) + 1
    steps = [(images[step], labels[step].clone(), lrs[epoch, step]) for epoch in range(2) for step in range(3)]
    torch.save(steps, folder / "results.pth")
    return Written(folder / "results.pth", images, labels, lrs=lrs)


def plain(folder):
    torch.save({"images": pictures(), "labels": torch.arange(CLASSES)}, folder / "set.pt")
    return Written(folder / "set.pt", pictures()[None], torch.arange(CLASSES)[None])


def plain_npz(folder):
    np.savez(folder / "set.npz", images=pictures().squeeze(1).numpy(), labels=np.eye(CLASSES, dtype=np.float32))
    return Written(folder / "set.npz", pictures()[None], torch.eye(CLASSES)[None])


def folder(place):
    images = torch.randint(256, (CLASSES, 1, SIDE, SIDE), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    for number, image in enumerate(images):
        (place / "images" / str(number)).mkdir(parents=True)
        Image.fromarray(image[0].numpy()).save(place / "images" / str(number) / "0.png")
    (place / "images/set.json").write_text(json.dumps({}))
    return Written(place / "images", images[None] / 255, torch.arange(CLASSES)[None], None)


WRITERS = {
    "dc": dc,
    "mtt": mtt,
    "datm": datm,
    "idc": idc,
    "kip": kip,
    "frepo": frepo,
    "rcig": rcig,
    "rat-bptt": rat_bptt,
    "wang": wang,
    "plain": plain,
    "plain npz": plain_npz,
    "folder": folder,
}
"""A writer for each format, or more."""
NEEDS = {"rcig": "msgpack", "rat-bptt": "h5py"}
"""Packages that not everybody has, by the formats that need them."""
PIXELS = ("idc", "folder")
"""The formats whose images are pixels."""
