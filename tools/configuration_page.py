"""Writes docs/configuration.md and the JSON schema: every key of config.yaml, from the models of `dd.config`.

python tools/configuration_page.py
"""

from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

import yaml
from pydantic.fields import FieldInfo

from dd.config.model import Config
from dd.config.schema import LOCATION, schema_of, schema_text
from dd.runtime.settings_model import Settings, meaning_of

ROOT = Path(__file__).parents[1]
PAGE = "docs/configuration.md"
HEAD = """# Configuration

<!-- `make docs` writes this from config.yaml and the models in dd/config, dd/report and settings.py: edit those -->

Every key of [config.yaml](../config.yaml). `--configfile mine.yaml` overrides what that file names and leaves the rest,
as the files in `workflow/scales/` do; `--config threads=2` overrides a key on the command line. Unknown keys are named
and refused before anything runs. A figure or table whose entry is `null` or `[]`, or `transfer` without experiments, is
not made, even if `all` names it. A *name* has letters, digits and `_`, and begins with a letter; `<name>` is one of
yours. *Default* is what `config.yaml` says, or what holds where a key is left out.

Editors that know YAML complete the keys and check them by [a schema](../workflow/schemas/config.schema.json). Begin a
file of your own with `# yaml-language-server: $schema=`, followed by the path or address of the schema.
"""
NOTHING = ({"type": "null"}, {"type": "array", "maxItems": 0})
"""What the schema says of a key that may be left out, or of an entry that may be empty."""
TABLE = "| key | what it may be | default | meaning |\n|---|---|---|---|\n"


class Row(NamedTuple):
    """A line of a table."""

    key: str
    kind: str
    """The values that the key can have, in words."""
    default: str
    meaning: str

    def __str__(self) -> str:
        cells = [cell.replace("|", "\\|") for cell in self[1:]]
        return f"| `{self.key}` | {' | '.join(cells)} |\n"


class Part(NamedTuple):
    """Keys within a key."""

    model: type[Settings]
    many: str = ""
    """What follows the key if it holds several: `.<name>` or `[]`."""


class Reference:
    """The rows of all keys. If a model is used again, its rows are not repeated: one row says where they are."""

    def __init__(self) -> None:
        self.places: dict[type[Settings], str] = {}

    def rows(self, path: str, field: FieldInfo, node: dict, written: Any) -> Iterator[Row]:
        """The rows of the key at `path` and of the keys below it.

        Args:
            path: the key with those above it.
            field: its declaration.
            node: its JSON schema.
            written: its value in config.yaml, if it is there.
        """
        part = part_of(field.annotation)
        meaning = meaning_of(field)
        if part is None:
            yield from value_rows(path, node, default_of(field, written), meaning)
            return
        if part.many:
            yield Row(path, "keys by name" if part.many == ".<name>" else "list of keys", "", meaning)
            path, meaning, written = path + part.many, "", None
        yield from self.part_rows(path, part.model, meaning, written)

    def part_rows(self, path: str, model: type[Settings], meaning: str, written: Any) -> Iterator[Row]:
        """The rows of a key that holds other keys, and of those keys."""
        known: set[str] = set()
        kind = "keys"
        for earlier in (*model.__mro__, *(other for other in self.places if issubclass(other, model))):
            if earlier in self.places:
                place = self.places[earlier]
                kind, known = f"keys of [{place}](#{place.partition('.')[0]})", set(earlier.model_fields)
                break
        own = "what differs" if known.issuperset(model.model_fields) else what_it_is(model)
        yield Row(path, kind, "", meaning or own)
        self.places.setdefault(model, path)
        nodes = schema_of(model)["properties"]
        for key, field in model.model_fields.items():
            if key not in known:
                below = written.get(key) if isinstance(written, dict) else None
                yield from self.rows(f"{path}.{key}", field, nodes[key], below)


def part_of(annotation: Any) -> Part | None:
    """The keys that a value of this type holds, if it holds any."""
    origin, inside = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return Part(annotation)
    if origin in (Annotated, Union, UnionType):
        return part_of(inside[0])
    if origin in (dict, list):
        part = part_of(inside[-1])
        if part:
            return Part(part.model, (".<name>" if origin is dict else "[]") + part.many)
    return None


def value_rows(path: str, node: dict, default: str, meaning: str) -> Iterator[Row]:
    """The rows of a key that holds a value, or values by name."""
    inside = node.get("additionalProperties") or next(iter(node.get("patternProperties", {}).values()), None)
    yield Row(path, kind_of(node), "" if inside else default, meaning)
    if isinstance(inside, dict):
        yield from value_rows(f"{path}.<name>", inside, "", inside.get("description", ""))


def what_it_is(model: type[Settings]) -> str:
    """A model's docstring in the form of the other meanings, which are not sentences."""
    text = " ".join((model.__doc__ or "").split()).removesuffix(".")
    return text[:1].lower() + text[1:]


def default_of(field: FieldInfo, written: Any) -> str:
    """The value of a key that the user does not set."""
    if written is not None:
        return code(written)
    if field.is_required():
        return "*required*"
    default = field.get_default(call_default_factory=True)
    return "" if default is None else code(default)


def code(value: Any) -> str:
    """A value as YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("...\n").strip()
    return f"`{text}`"


def kind_of(node: dict) -> str:
    """The values that a key can have, in words."""
    if "anyOf" in node:
        return " · ".join(kind_of(each) for each in node["anyOf"] if each not in NOTHING)
    if "title" in node:
        return node["title"]
    if "enum" in node:
        return " · ".join(map(code, node["enum"]))
    if node["type"] == "array":
        return f"list of {kind_of(node['items'])}"
    if node["type"] == "object":
        return "keys by name"
    words = {"boolean": "`true` · `false`", "integer": "whole number", "string": "text"}
    limits = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    within = [f"{word} {node[limit]:g}" for limit, word in limits.items() if limit in node]
    return ", ".join([words.get(node["type"], node["type"]), *within])


def page() -> str:
    """The text of the page."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    reference, plain, sections = Reference(), [], []
    nodes = schema_of(Config)["properties"]
    for key in dict.fromkeys([*config, *Config.model_fields]):  # in the order of config.yaml
        first, *below = reference.rows(key, Config.model_fields[key], nodes[key], config.get(key))
        if below:
            meaning = first.meaning[:1].upper() + first.meaning[1:].removesuffix(".")
            sections.append(f"\n## {key}\n\n{meaning}.\n\n{TABLE}" + "".join(map(str, below)))
        else:
            plain.append(str(first))
    return f"{HEAD}\n{TABLE}" + "".join([*plain, *sections])


if __name__ == "__main__":
    (ROOT / PAGE).write_text(page(), encoding="utf-8")
    (ROOT / LOCATION).write_text(schema_text(), encoding="utf-8")
