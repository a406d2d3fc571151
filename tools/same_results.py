"""Compare the results of two versions of the code: `python tools/same_results.py OLD NEW`.

It checks a change that should not touch any result: run the same commands with both versions (`tools/guard.sh` has a
set of them), then compare the two folders. Equal means equal bit for bit.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pandas as pd
from safetensors import safe_open
from safetensors.numpy import load_file

TIMES = {"seconds"}
"""Columns that differ between any two runs."""
IGNORED = {"benchmarks", "logs"}
"""Folders of a run that hold times and messages."""


def differences(old: Path, new: Path) -> Iterator[str]:
    """Where the tensors and tables of folder `new` differ from those of `old`, one line for each difference."""
    for path in _results(old):
        name = path.relative_to(old)
        other = new / name
        if not other.is_file():
            yield f"{name}: missing in {new}"
        elif path.suffix == ".csv":
            yield from (f"{name}: {line}" for line in different_values(pd.read_csv(path), pd.read_csv(other)))
        else:
            yield from (f"{name}: {line}" for line in different_arrays(_arrays(path), _arrays(other)))


def remarks(old: Path, new: Path) -> Iterator[str]:
    """Changes that are not mistakes, one line each: new files, columns of tables, metadata of tensors."""
    for path in _results(new):
        name = path.relative_to(new)
        other = old / name
        if not other.is_file():
            yield f"{name}: new"
        elif path.suffix == ".csv":
            yield from (f"{name}: {line}" for line in changed_columns(pd.read_csv(other), pd.read_csv(path)))
        elif path.suffix == ".safetensors":
            yield from (f"{name}: {line}" for line in changed_metadata(_metadata(other), _metadata(path)))


def different_values(old: pd.DataFrame, new: pd.DataFrame) -> Iterator[str]:
    """Columns of `old` whose values, in the same order, `new` has neither under the same nor under another name."""
    if len(old) != len(new):
        yield f"{len(old)} rows before, {len(new)} now"
        return
    renamed = renamed_columns(old, new)
    for column in old.columns.difference(sorted(TIMES)):
        if column in new:
            if not old[column].equals(new[column]):
                yield f"column {column}: other values"
        elif column not in renamed:
            yield f"column {column}: missing, and no other column has its values"


def renamed_columns(old: pd.DataFrame, new: pd.DataFrame) -> dict[str, str]:
    """By old name, the new name of columns that `new` lacks but whose values are in a column that `old` lacks."""
    added = [str(column) for column in new if column not in old]
    names: dict[str, str] = {}
    for column in map(str, old):
        equal = [other for other in added if other not in names.values() and old[column].equals(new[other])]
        if column not in new and equal:
            names[column] = equal[0]
    return names


def changed_columns(old: pd.DataFrame, new: pd.DataFrame) -> Iterator[str]:
    """Columns that were renamed or added."""
    renamed = renamed_columns(old, new)
    yield from (f"column {before} is now called {after}" for before, after in renamed.items())
    yield from (f"column {name} was added" for name in new if name not in old and name not in renamed.values())


def different_arrays(old: dict[str, np.ndarray], new: dict[str, np.ndarray]) -> Iterator[str]:
    """Tensors or arrays that are in one file alone, or not the same bit for bit."""
    for name in sorted(old.keys() ^ new.keys()):
        yield f"tensor {name}: only {'before' if name in old else 'now'}"
    for name in sorted(old.keys() & new.keys()):
        before, after = old[name], new[name]
        if before.dtype != after.dtype or before.shape != after.shape:
            yield f"tensor {name}: {before.dtype} {list(before.shape)} before, {after.dtype} {list(after.shape)} now"
        elif before.tobytes() != after.tobytes():
            yield f"tensor {name}: {np.mean(before != after):.1%} of its values differ"


def changed_metadata(old: dict, new: dict) -> Iterator[str]:
    """Keys of the metadata, at any depth, that differ."""
    for key in sorted(old.keys() | new.keys()):
        if key not in new:
            yield f"metadata {key}: gone, was {old[key]!r}"
        elif key not in old:
            yield f"metadata {key}: added, {new[key]!r}"
        elif old[key] != new[key]:
            yield f"metadata {key}: was {old[key]!r}, is {new[key]!r}"


def _results(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        parts = set(path.relative_to(folder).parts)
        if path.suffix in {".csv", ".npz", ".safetensors"} and not parts & IGNORED:
            yield path


def _arrays(path: Path) -> dict[str, np.ndarray]:
    if path.suffix == ".safetensors":
        return load_file(path)
    with np.load(path) as arrays:
        return dict(arrays.items())


def _metadata(path: Path) -> dict[str, object]:
    """The JSON that follows the checksum in the metadata of our files, with nested keys joined by a dot."""
    with safe_open(path, "pt") as file:
        text = (file.metadata() or {}).get("dd", "")[64:]
    return _flattened(json.loads(text or "{}"))


def _flattened(values: dict, prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in values.items():
        nested = isinstance(value, dict)
        flat |= _flattened(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": value}
    return flat


@click.command()
@click.argument("old", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("new", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(old: Path, new: Path) -> None:
    """Say whether folder NEW has the tensors and tables of folder OLD, bit for bit; exit with 1 if it has not.

    Renamed and added columns, new files and changed metadata are listed but are not errors. Times are not compared.
    """
    compared = len(list(_results(old)))
    if not compared:
        raise click.UsageError(f"{old}: no .csv, .npz or .safetensors here")
    for line in remarks(old, new):
        click.echo(line)
    if wrong := list(differences(old, new)):
        click.echo("\n".join(f"DIFFERENT {line}" for line in wrong), err=True)
        sys.exit(1)
    click.echo(f"the same: {compared} files")


if __name__ == "__main__":
    main()
