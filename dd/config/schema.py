"""The JSON schema of config.yaml, which editors use to complete and check its keys."""

import json
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from dd.config.model import Config
from dd.runtime.settings_model import Settings

LOCATION = "workflow/schemas/config.schema.json"
"""Where it is kept, from the root of the repository; `make docs` writes it."""


class _Generator(GenerateJsonSchema):
    """The generator of pydantic, without the titles that it makes from the names of keys and classes."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 (pydantic calls it so)
        return False

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        made = super().default_schema(schema)
        if schema["schema"]["type"] != "nullable" and schema.get("default", "") is None:
            del made["default"]  # the key may be left out, but may not be null
        return made

    def dict_schema(self, schema: Any) -> JsonSchemaValue:
        made = super().dict_schema(schema)
        for pattern in made.get("patternProperties", {}):  # pydantic lets editors accept all other keys
            made["propertyNames"] = made.get("propertyNames", {}) | {"pattern": pattern}
        return made

    def model_schema(self, schema: Any) -> JsonSchemaValue:
        made = super().model_schema(schema)
        made.pop("title", None)
        return made


def schema_of(model: type[Settings]) -> dict[str, Any]:
    """The JSON schema of one model."""
    return model.model_json_schema(schema_generator=_Generator)


def schema() -> dict[str, Any]:
    """The JSON schema of config.yaml. It requires no key, as overlays have only some; a run checks for missing ones."""
    return {"$schema": GenerateJsonSchema.schema_dialect} | _nothing_required(schema_of(Config))


def schema_text() -> str:
    """The text of the file at `LOCATION`."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def _nothing_required(node: Any) -> Any:
    """A schema without lists of required keys, and with every description on one line."""
    if isinstance(node, list):
        return [_nothing_required(each) for each in node]
    if not isinstance(node, dict):
        return node
    kept = {key: _nothing_required(value) for key, value in node.items() if not _is_required_keys(key, value)}
    if isinstance(kept.get("description"), str):
        kept["description"] = " ".join(kept["description"].split())
    return kept


def _is_required_keys(key: str, value: Any) -> bool:
    return key == "required" and isinstance(value, list)
