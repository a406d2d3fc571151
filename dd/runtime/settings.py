"""Settings: models that hold each key once, with its type, default, limits and meaning.

The command line, config.yaml, its schema and docs/configuration.md are all made from them. The meaning is the string
below a field, so that rewording it makes no result run again: `dd.runtime.code_digest` leaves such strings out.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, create_model, model_validator
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from dd.runtime.errors import UserError

Count = Annotated[int, Field(ge=1)]
"""A whole number from 1."""
Index = Annotated[int, Field(ge=0)]
"""A whole number from 0."""
Label = Annotated[int, Field(ge=-1)]
"""A class, counted from 0, or -1 for none."""
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
BelowOne = Annotated[float, Field(ge=0, lt=1)]

NAME = r"^[A-Za-z][A-Za-z0-9_]*$"
ONE_LINE = r"^[^\x00-\x1f]*$"
Name = Annotated[str, Field(title="name", max_length=100, pattern=NAME)]
"""What users call an experiment, a pool, a figure."""
Line = Annotated[str, Field(pattern=ONE_LINE)]
"""Text of one line, which may be empty."""
Text = Annotated[Line, Field(min_length=1)]
"""Text of one line."""


def mistake(what: str, key: str = "") -> PydanticCustomError:
    """What a validator raises: what is wrong with the model's `key`, or with the value itself."""
    return PydanticCustomError("mistake", "{what}", {"what": what, "key": key})


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """`; did you mean LeNet?`, or nothing where no known name is near."""
    return "".join(f"; did you mean {near}?" for near in get_close_matches(str(name), list(known), 1))


def all_different(values: list) -> list:
    """A list that has nothing twice."""
    for position, value in enumerate(values):
        if value in values[:position]:
            raise mistake(f"{_short(value)} is there twice; leave one out")
    return values


UNIQUE = Field(min_length=1, json_schema_extra={"uniqueItems": True})
Names = Annotated[list[Name], AfterValidator(all_different), UNIQUE]
Counts = Annotated[list[Count], AfterValidator(all_different), UNIQUE]


@dataclass(frozen=True)
class OneOf:
    """An annotation: text that is one of some declared names, or else of a user's own form."""

    names: tuple[str, ...]
    own: str = ""
    """The user's own form in words, where there is one: `package.module:Class`."""
    pattern: str = ""
    """That form as a regular expression."""

    def __get_pydantic_core_schema__(self, _source: Any, _handler: Any) -> CoreSchema:
        """How pydantic checks it."""
        return core_schema.no_info_after_validator_function(self._known, core_schema.str_schema(strict=True))

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: Any) -> dict:
        """How editors check it."""
        known = {"type": "string", "enum": [*self.names]}
        if not self.own:
            return known
        return {"anyOf": [known, {"type": "string", "title": self.own, "pattern": self.pattern}]}

    def _known(self, value: str) -> str:
        if value in self.names or (self.own and re.fullmatch(self.pattern, value)):
            return value
        more = f", or {self.own}" if self.own else ""
        raise mistake(f"{value!r} is not one of {', '.join(self.names)}{more}{did_you_mean(value, self.names)}")


class Settings(BaseModel):
    """A frozen model whose fields are settings. Numbers are strict: 3.0 is no whole number, and true is no number.

    Raises:
        UserError: a key is unknown or missing, or a value is not what it may be.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )
    old_names: ClassVar[Mapping[str, str]] = {}
    """Names of settings in earlier versions, and what they are called now."""

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise UserError(first_mistake(error)) from None

    # a model inside another one is checked with it, and the mistake told with its whole path
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @model_validator(mode="before")
    @classmethod
    def _knows_keys(cls, values: Any) -> Any:
        for key in values if isinstance(values, Mapping) else ():
            if key not in cls.model_fields:
                now = cls.old_names.get(key)
                cure = f"; did you mean {now}?" if now else did_you_mean(key, cls.model_fields)
                raise mistake(f"unknown key {_short(key)}{cure}")
        return values


class MadeSettings(Settings):
    """The base of models that `made_settings` makes: there is no source text to look for meanings in."""

    model_config = ConfigDict(use_attribute_docstrings=False)


def made_settings(name: str, fields: Mapping[str, tuple[Any, Any]]) -> type[MadeSettings]:
    """A model made from declarations: for each key its type, and its `Field` with default and `description`."""
    definitions: dict[str, Any] = dict(fields)
    return create_model(name, __base__=MadeSettings, **definitions)


def first_mistake(error: ValidationError) -> str:
    """The first thing that is wrong, in one line: `distill.steps: 0 must be at least 1`."""
    found = error.errors(include_url=False)[0]
    path = [part for part in found["loc"] if part != "[key]"]
    if key := found.get("ctx", {}).get("key"):
        path.append(key)
    where = ".".join(str(part) if str(part).isprintable() else repr(part) for part in path)
    return ": ".join(filter(None, [where[:200], _in_words(found)]))


WORDS = {
    "missing": "is missing; add it",
    "int_type": "{value} is not a whole number",
    "int_from_float": "{value} is not a whole number",
    "float_type": "{value} is not a number",
    "finite_number": "{value} is not a finite number",
    "bool_type": "{value} is not true or false",
    "string_type": "{value} is not text",
    "list_type": "{value} is not a list",
    "dict_type": "{value} is not keys with values",
    "model_type": "{value} is not keys with values",
    "greater_than": "{value} must be above {gt:g}",
    "greater_than_equal": "{value} must be at least {ge:g}",
    "less_than": "{value} must be below {lt:g}",
    "less_than_equal": "{value} must be at most {le:g}",
    "literal_error": "{value} is not one of {expected}",
    "too_short": "is empty; give at least {min_length}",
    "string_too_short": "is empty; give a text",
    "string_too_long": "{value} is longer than {max_length} characters",
    "mistake": "{what}",
}
"""What is wrong, by the type of pydantic's error."""
PATTERNS = {
    NAME: "{value} is no name, which has letters, digits and _ and begins with a letter",
    ONE_LINE: "{value} must be one line of text",
}
"""The same by the pattern that a text must match."""


def _in_words(found: Any) -> str:
    context = found.get("ctx", {})
    words = WORDS.get(found["type"]) or PATTERNS.get(context.get("pattern"), found["msg"])
    return words.format(value=_short(found["input"]), **context)


def _short(value: object) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 80 else f"{text[:60]} ... {text[-15:]}"
