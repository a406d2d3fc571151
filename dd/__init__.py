"""Dataset Distillation (Wang, Zhu, Torralba, Efros 2018): a training set compressed into a handful of images."""


def load(path):
    """The distilled set saved at `path`, a `dd.distill.distilled_set.DistilledSet`.

    >>> distilled = dd.load("set.safetensors")
    >>> net = distilled.train(distilled.net())
    >>> predicted = net(distilled.normalise(images)).argmax(1)  # images: uint8 [n, C, H, W]

    Raises:
        dd.runtime.errors.UserError: no such file, or a damaged or foreign one.
    """
    from dd.distill.distilled_set import DistilledSet

    return DistilledSet.load(path)
