"""Builds the package: pyproject.toml says what it is, and this adds to `dd` what `dd.shipped()` promises."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
SHIPPED = ("Snakefile", "config.yaml", "environment.yml", "profiles", "results/published", "workflow")


class BuildWithShipped(build_py):
    """Copies what belongs to the workflow, and the published results, into `dd/shipped` of the built package."""

    def run(self) -> None:
        """Copy after the modules, but into no checkout that is installed for editing."""
        super().run()
        if self.editable_mode:
            return
        folder = Path(self.build_lib) / "dd/shipped"
        for name in SHIPPED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
            elif source.exists():  # an image of the workflow alone lacks some
                folder.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, folder / name)


setup(cmdclass={"build_py": BuildWithShipped})
