"""Datasets and files of weights: where they come from, and which changes make them again."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from dd.config.model import Config
from dd.data.datasets import DATASETS
from dd.data.folder_listing import files_below
from dd.data.weights import WEIGHTS
from dd.plan.options import flags


class DataPlan:
    """What the rules of `data.smk` need."""

    def __init__(self, config: Config) -> None:
        """Raises what `dd.config.datasets.datasets_of` raises."""
        self.config, self.files = config, config.files
        self.variants = list(config.data.variants)
        self.prepared = sorted(set(config.datasets) - set(self.variants))
        """The datasets that are not made from others."""
        self.weights = list(WEIGHTS)

    def options(self, dataset: str) -> str:
        """Options of `dd data prepare`: where a user's own images are, how they are read, how images are augmented."""
        data = self.config.data
        folder = data.folders.get(dataset)
        settings = folder.model_dump(exclude_unset=True) if folder else {}
        return flags(settings | ({"augment": data.augment[dataset]} if dataset in data.augment else {}))

    def listing(self, dataset: str) -> str:
        """A digest of the files in a user's folder of images, so that a changed photo is noticed; else empty."""
        folder = self.config.data.folders.get(dataset)
        if not folder:
            return ""
        found = sorted(files_below(Path(folder.folder)))
        files = {file: file.stat() if file.exists() else file.lstat() for file in found}  # a link may lead nowhere
        lines = "".join(f"{file} {status.st_size} {status.st_mtime_ns}\n" for file, status in files.items())
        return hashlib.sha256(os.fsencode(lines)).hexdigest()[:16]

    def modules(self, dataset: str) -> tuple[str, ...]:
        """The modules that make a dataset again when they change, without those of the sources of other datasets."""
        common = ("dd.data.obtain", "dd.data.prepared")
        if dataset in self.config.data.folders:
            return (*common, "dd.data.image_folder", "dd.data.folder_listing")
        return (*common, "dd.data.named_dataset", *DATASETS[dataset].modules)

    def original(self, variant: str) -> dict[str, str]:
        """The prepared files of the dataset that a variant is made from."""
        return self.files.prepared(self.config.data.variants[variant].of)

    def changes(self, variant: str) -> str:
        """Options of `dd data vary`: what a variant changes."""
        return flags(self.config.data.variants[variant].model_dump(exclude_unset=True, exclude={"of"}))

    def environment(self, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
        """Environment variables of jobs: the mirror, and for apptainer the folders outside the working folder.

        They are not params of rules, because moving a mirror must not make anything run again.
        """
        data = self.config.data
        mirror = data.mirror or environment.get("DD_DATA_MIRROR", "")
        named = [mirror, *(entry.folder for entry in data.folders.values())]
        folders = [str(Path(folder).absolute()) for folder in named if folder and Path(folder).exists()]
        binds = [environment.get("APPTAINER_BIND", ""), *folders]
        variables = {"APPTAINER_BIND": ",".join(dict.fromkeys(filter(None, binds)))}
        return variables | ({"DD_DATA_MIRROR": mirror} if data.mirror else {})
