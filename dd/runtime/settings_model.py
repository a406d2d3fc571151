"""Settings: models that hold each key once, with its type, default, limits and meaning.

The options of the command line, the check and the schema of config.yaml, and docs/configuration.md are made from them.
The meaning is the docstring below a field. Rewording it makes no job run again: `dd.runtime.code_digest` leaves
docstrings out.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, NamedTuple, Self, TypeVar, Union, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    ValidationError,
    create_model,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from dd.runtime.discovery import Described
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
SCIENTIFIC = r"[+-]?[0-9]+(\.[0-9]*)?[eE][+-]?[0-9]+"
ONE_LINE = r"^[^\x00-\x1f]*$"
Name = Annotated[str, Field(title="name", max_length=100, pattern=NAME)]
"""What users call an experiment, a pool, a figure."""
Line = Annotated[str, Field(pattern=ONE_LINE)]
"""Text of one line, which may be empty."""
Text = Annotated[Line, Field(min_length=1)]
"""Text of one line."""


def mistake(what: str, key: str = "") -> PydanticCustomError:
    """The error for a validator to raise: `what` is wrong with the model's `key`, or with the value itself."""
    return PydanticCustomError("mistake", "{what}", {"what": what, "key": key})


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """`; did you mean LeNet?`, or an empty text if no known name is similar."""
    return "".join(f"; did you mean {near}?" for near in get_close_matches(str(name), list(known), 1))


def all_different(values: list) -> list:
    """Return `values` if no value is in them twice.

    Raises:
        PydanticCustomError: a value is there twice.
    """
    for position, value in enumerate(values):
        if value in values[:position]:
            raise mistake(f"{shortened(value)} is listed twice; remove one")
    return values


UNIQUE = Field(min_length=1, json_schema_extra={"uniqueItems": True})
Names = Annotated[list[Name], AfterValidator(all_different), UNIQUE]
Counts = Annotated[list[Count], AfterValidator(all_different), UNIQUE]


@dataclass(frozen=True)
class OneOf:
    """An annotation for text that must be one of the declared `names`, or have the form of a user's own name."""

    names: tuple[str, ...]
    meanings: str
    """What they are, in one line."""
    own: str = ""
    """That form in words, such as `package.module:Class`; empty if only `names` are allowed."""
    pattern: str = ""
    """That form as a regular expression."""
    old_names: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Names that earlier versions knew, each with what to use in its place."""

    @classmethod
    def of(
        cls,
        declarations: Mapping[str, Described],
        *,
        own: str = "",
        pattern: str = "",
        old_names: Mapping[str, str] | None = None,
    ) -> Self:
        """The annotation for the names of `declarations`."""
        meanings = "; ".join(f"{name}, {each.description}" for name, each in declarations.items())
        return cls(tuple(declarations), meanings, own, pattern, old_names or {})

    def __get_pydantic_core_schema__(self, _source: Any, _handler: Any) -> CoreSchema:
        """How pydantic checks it."""
        return core_schema.no_info_after_validator_function(self._known, core_schema.str_schema(strict=True))

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: Any) -> dict:
        """How editors check it."""
        known = {"type": "string", "enum": [*self.names], "description": self.meanings}
        if not self.own:
            return known
        return {"anyOf": [known, {"type": "string", "title": self.own, "pattern": self.pattern}]}

    def _known(self, value: str) -> str:
        if value in self.names or (self.own and re.fullmatch(self.pattern, value)):
            return value
        raise mistake(f"{shortened(value)} is not one of {self.known_names(value)}")

    def known_names(self, value: str) -> str:
        """The names that may be given, and which one is probably meant by another `value`."""
        more = f", or {self.own}" if self.own else ""
        now = self.old_names.get(value)
        return ", ".join(self.names) + more + (f"; use {now}" if now else did_you_mean(value, self.names))


def meaning_of(field: FieldInfo) -> str:
    """The meaning of a field in one line, with what each name is that it can have."""
    meaning = " ".join((field.description or "").split())
    for limit in field.metadata:
        if isinstance(limit, OneOf):
            own = f"; or your own, as {limit.own}" if limit.own else ""
            meaning += f": {limit.meanings}{own}"
    return meaning


class _NeverNull:
    """An annotation for a type with None: None is the default, but nobody may give it."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """How pydantic checks it: as the type without None. Defaults are not checked, but they are written."""
        nullable: Any = handler(source)
        return nullable["schema"] | {"serialization": core_schema.simple_ser_schema("any")}


Value = TypeVar("Value")
IfGiven = Annotated[Value | None, _NeverNull()]
"""A key that may be left out, and is None then. YAML's null is refused."""


class _MayBeEmpty:
    """An annotation for a type with None, which an empty list then means too."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """How pydantic checks it."""
        return core_schema.no_info_before_validator_function(
            lambda value: None if value == [] else value, handler(source)
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict:
        """How editors check it."""
        made = handler(schema)
        return made | {"anyOf": [*made["anyOf"], {"type": "array", "maxItems": 0}]}


OrEmpty = Annotated[Value | None, _MayBeEmpty()]
"""An entry that null or an empty list takes away, as where an overlay does without a figure; it is None then."""


class Settings(BaseModel):
    """A frozen model whose fields are settings. Types are strict: 3.0 is not a whole number, true is not a number.

    Raises:
        UserError: a key is unknown or missing, or a value is not allowed.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )
    old_names: ClassVar[Mapping[str, str]] = {}
    """The names of settings in earlier versions, each with its present name."""

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise UserError(first_mistake(error)) from None

    # pydantic then checks a model inside another one together with it, and reports a mistake with its full path
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @model_validator(mode="before")
    @classmethod
    def _knows_keys(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        for key in values:
            if key not in cls.model_fields:
                now = cls.old_names.get(key)
                cure = f"; did you mean {now}?" if now else did_you_mean(key, cls.model_fields)
                raise mistake(f"unknown key {shortened(key)}{cure}")
        return {key: _as_number(value, cls.model_fields[key].annotation) for key, value in values.items()}


def _as_number(value: Any, annotation: Any) -> Any:
    """A number where YAML has text: it takes `1e-3`, without a point, for a word. Other values stay as they are."""
    kind = declared(annotation).kind
    if not isinstance(value, str) or kind not in (int, float) or not re.fullmatch(SCIENTIFIC, value):
        return value
    number = float(value)
    return int(number) if kind is int and number.is_integer() else number


class Declared(NamedTuple):
    """What is declared of a field."""

    kind: Any
    """Its type without `Annotated` and without None."""
    limits: tuple[Any, ...]
    """Its limits, or its `OneOf`."""


def declared(annotation: Any, limits: tuple[Any, ...] = ()) -> Declared:
    """What is declared of a field with this annotation and the `metadata` that pydantic has taken from it."""
    inside = [each for each in get_args(annotation) if each is not NoneType]
    if get_origin(annotation) is Annotated:
        inner = [limit for each in inside[1:] for limit in getattr(each, "metadata", [each])]
        return declared(inside[0], (*limits, *inner))
    if get_origin(annotation) in (Union, UnionType) and len(inside) == 1:
        return declared(inside[0], limits)
    return Declared(annotation, limits)


class MadeSettings(Settings):
    """The base of models that `made_settings` makes; they have no source text in which to look for meanings."""

    model_config = ConfigDict(use_attribute_docstrings=False)


def made_settings(name: str, fields: Mapping[str, tuple[Any, Any]]) -> type[MadeSettings]:
    """A model made from `fields`: for each key its type, and its `Field` with default and `description`."""
    definitions: dict[str, Any] = dict(fields)
    return create_model(name, __base__=MadeSettings, **definitions)


def first_mistake(error: ValidationError) -> str:
    """The first thing that is wrong, in one line: `distill.steps: 0 must be at least 1`."""
    first = error.errors(include_url=False)[0]
    path = [part for part in first["loc"] if part != "[key]"]
    if key := first.get("ctx", {}).get("key"):
        path.append(key)
    where = ".".join(str(part) if str(part).isprintable() else repr(part) for part in path)
    return ": ".join(filter(None, [where[:200], _in_words(first)]))


WORDS = {
    "missing": "is missing; add it",
    "int_type": "{value} is not a whole number",
    "int_from_float": "{value} is not a whole number",
    "float_type": "{value} is not a number",
    "finite_number": "{value} is not a finite number",
    "bool_type": "{value} is not true or false",
    "string_type": "{value} is not text",
    "list_type": "{value} is not a list",
    "dict_type": "{value} is not a mapping of keys to values",
    "model_type": "{value} is not a mapping of keys to values",
    "greater_than": "{value} must be above {gt:g}",
    "greater_than_equal": "{value} must be at least {ge:g}",
    "less_than": "{value} must be below {lt:g}",
    "less_than_equal": "{value} must be at most {le:g}",
    "literal_error": "{value} is not one of {expected}",
    "too_short": "is empty; give at least {min_length}",
    "too_few": "has only {actual_length}; give at least {min_length}",
    "string_too_short": "is empty; give a text",
    "string_too_long": "{value} is longer than {max_length} characters",
    "mistake": "{what}",
}
"""The message for each type of pydantic's errors; `too_few` is `too_short` of a list that is not empty."""
PATTERNS = {
    NAME: "{value} is not a name: use letters, digits and _, and begin with a letter",
    ONE_LINE: "{value} must be one line of text",
}
"""The message for each pattern that a text must match."""


def _in_words(error: Any) -> str:
    context = error.get("ctx", {})
    kind = "too_few" if error["type"] == "too_short" and context["actual_length"] else error["type"]
    words = WORDS.get(kind) or PATTERNS.get(context.get("pattern"), error["msg"])
    return words.format(value=shortened(error["input"]), **context)


def shortened(value: object) -> str:
    """A value as messages repeat it, in one line, cut if it is long."""
    text = "nothing" if value is None else repr(value).replace("\n", " ")
    return text if len(text) <= 80 else f"{text[:60]} ... {text[-15:]}"
