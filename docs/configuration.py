"""Writes configuration.md: every key of config.yaml, from its schema and its defaults.

python docs/configuration.py

What a key means is said once: in the schema's `description`, or, for the settings of a command, in its options' help.
"""

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import yaml

from dd.distill.settings import DistillConfig
from dd.pools.settings import PoolConfig, TrainConfig

ROOT = Path(__file__).parents[1]
SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text(encoding="utf-8"))
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
HELP = {
    name: {f.name: f.metadata["help"] for f in fields(settings)}
    for name, settings in {"settings": DistillConfig, "pool": PoolConfig, "full": TrainConfig}.items()
}
"""Of the keys of a definition in the schema."""
HEAD = """# Configuration

<!-- `make docs` writes this from workflow/schemas/config.schema.yaml, config.yaml and the settings in dd: edit them -->

Every key of [config.yaml](../config.yaml). `--configfile mine.yaml` overrides what that file names and leaves the rest,
as the files in `workflow/scales/` do; `--config threads=2` overrides a key on the command line. Unknown keys are named
and refused before anything runs. A *name* has letters, digits and `_`, and begins with a letter; `<name>` is one of
yours. *Default* is what `config.yaml` says. Keys without one may be left out, unless they are required.
"""
TABLE = "| key | what it may be | default | meaning |\n|---|---|---|---|\n"
OBJECT = {"properties", "additionalProperties"}

Row = tuple[str, str, str, str]
"""Key, what it may be, default, meaning."""


class Reference:
    """The rows of all keys. A definition that is used again is not told again: the key says where it is."""

    def __init__(self):
        self.told: dict[str, str] = {}

    def rows(self, path: str, node: dict, default=None, required: bool = False, meaning: str = "") -> Iterator[Row]:
        """Of the key at `path` and of those below it."""
        name = node.get("$ref", "").rpartition("/")[2]
        definition = SCHEMA["$defs"].get(name, {})
        meaning = node.get("description") or meaning or definition.get("description", "")
        if not (definition | node).keys() & OBJECT:
            said = "*required*" if required and default is None else _code(default)
            yield path, _kind(definition | node), said, meaning
            items = (definition | node).get("items", {})
            if items.keys() & OBJECT:
                yield from self._below(f"{path}[]", items, None)
            return
        again = self.told.get(name)
        if name and not again:
            self.told[name] = path
        yield path, f"keys of [{again}](#{again.partition('.')[0]})" if again else _kind(definition | node), "", meaning
        if not again:
            yield from self._below(path, definition, default, HELP.get(name, {}))
        yield from self._below(path, node, default)

    def _below(self, path: str, node: dict, default, meanings: dict | None = None) -> Iterator[Row]:
        for key, child in node.get("properties", {}).items():
            value, required = (default or {}).get(key), key in node.get("required", [])
            yield from self.rows(f"{path}.{key}", child, value, required, (meanings or {}).get(key, ""))
        if isinstance(child := node.get("additionalProperties"), dict):
            yield from self.rows(f"{path}.<name>", child)


def _code(value) -> str:
    if value is None:
        return ""
    text = yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("...\n").strip()
    return f"`{text}`"


def _kind(node: dict) -> str:
    """What a value may be, in words."""
    if "title" in node:
        return node["title"]
    if "enum" in node:
        return " · ".join(map(_code, node["enum"]))
    if node["type"] == "array":
        items = node["items"]
        return f"list of {_kind(SCHEMA['$defs'].get(items.get('$ref', '').rpartition('/')[2], {}) | items)}"
    if node["type"] == "object":
        return "keys" if "properties" in node else "keys by name"
    words = {"boolean": "`true` · `false`", "integer": "whole number", "string": "text"}
    limits = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    said = [f"{word} {node[limit]}" for limit, word in limits.items() if limit in node]
    return ", ".join([words.get(node["type"], node["type"]), *said])


def page() -> str:
    """The text of the page."""
    reference, plain, sections = Reference(), [], []
    for key, default in CONFIG.items():
        first, *below = reference.rows(key, SCHEMA["properties"][key], default)
        if below:
            sections.append(f"\n## {key}\n\n{first[3]}\n\n{TABLE}" + "".join(map(_line, below)))
        else:
            plain.append(_line(first))
    return f"{HEAD}\n{TABLE}" + "".join([*plain, *sections])


def _line(row: Row) -> str:
    key, *rest = (cell.replace("|", "\\|") for cell in row)
    return f"| `{key}` | {' | '.join(rest)} |\n"


if __name__ == "__main__":
    (ROOT / "docs/configuration.md").write_text(page(), encoding="utf-8")
