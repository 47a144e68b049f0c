"""Makes fields settings, each with its reader: `tier: str = setting("free", one_of(TIERS), "The key's tier ...")`.

A reader converts a TOML value, or reports what is wrong with it. Reading a table, `config show`, the example, the
first config and the JSON Schema all loop over the fields. A fault is noted with its place, and reading goes on
without that value, so that users see all faults of a file at once.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import field, fields
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar, cast

from taskdash.config.files import absolute
from taskdash.config.keys import named_key, quoted
from taskdash.domain.errors import UsageError
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import nearest

if TYPE_CHECKING:
    from taskdash.domain.task import Json

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")
_SHOWN_CHARS: Final = 60
_UNIT_MS: Final = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000}
_LENGTH_OF_TIME: Final = r" *([0-9]{1,9}(?:\.[0-9]{1,6})?) *([smhd]) *"


class Place(NamedTuple):
    """Says where in a file a value is, by default at its top level."""

    faults: list[str]
    """Collects the faults of the file."""
    line_of: Callable[[tuple[str | int, ...]], str] = lambda _: ""
    """Returns `line 12: ` for a path; "" if that is unknown."""
    path: tuple[str | int, ...] = ()
    name: str = ""
    """Its key with the tables around it, as in `profiles.kie.tier`; safe to show."""

    @property
    def key(self) -> str:
        """Return the last part of its path; "" for the file itself."""
        return str(self.path[-1]) if self.path else ""

    def at(self, key: str | int) -> Place:
        """Return the place of `key` in the table that stands here, or of element `key`, from 0, of the array."""
        name = f"[{key + 1}]" if isinstance(key, int) else f".{named_key(key)}"
        return self._replace(path=(*self.path, key), name=f"{self.name}{name}".lstrip("."))

    def note(self, fault: str) -> None:
        """Note a fault of the value here."""
        self.faults.append(f"{self.line_of(self.path)}{self.name}: {fault}")


def _plain(value: object) -> Json:
    """Convert a model's value to its form in TOML and JSON."""
    if isinstance(value, Mapping):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else cast("Json", value)


class Reader(NamedTuple, Generic[T_co]):
    """Reads values of one kind."""

    read: Callable[[Any, Place], T_co]
    """Converts a TOML value. Raises ValueError if it is wrong; the message completes "NAME: ..."."""
    schema: Callable[[], dict[str, Json]]
    """Returns the JSON Schema of the values it accepts."""
    plain: Callable[[Any], Json] = _plain
    """Converts a value back to its form in TOML."""


class Setting(NamedTuple):
    """Describes a model's field."""

    key: str
    """Its name in the file."""
    name: str
    """Its name in the model."""
    reader: Reader[object]
    default: object
    why: str
    """Its explanation, with unit and edge values."""
    example: Json
    """The value in the example behind a #, if the default cannot be shown there."""


def setting(default: T, reader: Reader[T], why: str, *, key: str = "", example: Json = None) -> T:
    """Return a model's field that is a setting; `key` is its name in the file, if that differs."""
    about = Setting(key, "", reader, default, " ".join(why.split()), example)
    metadata = {"setting": about}
    if isinstance(default, dict):
        # A copy for each model, as dicts are mutable.
        return cast("T", field(default_factory=default.copy, metadata=metadata))
    return field(default=default, metadata=metadata)


def settings_of(model: type) -> dict[str, Setting]:
    """Return a model's settings by their names in the file."""
    named = [(each.name, each.metadata["setting"]) for each in fields(model) if "setting" in each.metadata]
    settings = [each._replace(key=each.key or name, name=name) for name, each in named]
    return {each.key: each for each in settings}


def read(
    model: type, value: object, place: Place, elsewhere: Callable[[str], str] = lambda _: ""
) -> dict[str, Any]:
    """Read a table; return its correct values as arguments for `model`, a dataclass, and note the wrong ones.

    `elsewhere` returns a hint on where an unknown key belongs, if anywhere. Raises ValueError if `value` is not a
    table.
    """
    known = settings_of(model)
    table = _table(value, place)
    for key in table:
        if key not in known:
            _note_unknown(key, known, place, elsewhere(key))
    found = {}
    for key in [key for key in table if key in known]:
        try:
            found[known[key].name] = known[key].reader.read(table[key], place.at(key))
        except ValueError as error:
            place.at(key).note(str(error))
    return found


def entries_of(
    reader: Reader[T],
    names: Collection[str] | None = None,
    check: Callable[[str], object] = lambda _: None,
    pattern: str = "",
) -> Reader[Mapping[str, T]]:
    """Return a reader for a table whose keys the user chooses, each with a value for `reader`.

    Only `names` are allowed (None: any); `check` raises ValueError for an invalid name, and `pattern` approximates it
    in the schema.
    """

    def read_entries(value: object, place: Place) -> Mapping[str, T]:
        found = {}
        for name, entry in _table(value, place).items():
            if names is not None and name not in names:
                _note_unknown(name, names, place)
                continue
            try:
                check(name)
                found[name] = reader.read(entry, place.at(name))
            except ValueError as error:
                place.at(name).note(str(error))
        return MappingProxyType(found)

    def schema() -> dict[str, Json]:
        allowed: dict[str, Json] = {"pattern": pattern} if names is None else {"enum": list(names)}
        return {"type": "object", "additionalProperties": reader.schema(), "propertyNames": allowed}

    return Reader(read_entries, schema)


def schema_of(model: type) -> dict[str, Json]:
    """Return the JSON Schema of a table whose keys are the settings of `model`."""
    properties: dict[str, Json] = {}
    for key, each in settings_of(model).items():
        default = each.reader.plain(each.default)
        # A table's settings have their own defaults, and None has no form in TOML.
        has_default = isinstance(default, bool | int | float | str | list)
        properties[key] = {
            **each.reader.schema(),
            "description": each.why,
            **({"default": default} if has_default else {}),
        }
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _table(value: object, place: Place) -> dict[str, object]:
    if not isinstance(value, dict):
        raise wrong(f"must be a table such as [{place.name}]", value)
    return value


def _note_unknown(key: str, known: Collection[str], place: Place, advice: str = "") -> None:
    allowed = suggestion(key, known) + f" Allowed here: {', '.join(known)}."
    place.at(key).note(f"unknown key.{advice or allowed}")


def wrong(must: str, value: object) -> ValueError:
    """Return the error for a wrong value; `must` says what is allowed, as in "must be text"."""
    return ValueError(f"{must}, not {shown(value)}")


# How input appears in an error


def shown(value: object) -> str:
    """Return a TOML value for an error message."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list | dict):
        return "an array" if isinstance(value, list) else "a table"
    return inert_line(str(value).lower(), _SHOWN_CHARS)


def suggestion(wrong: str, right: Iterable[str]) -> str:
    """Return ` Did you mean "basic"?`, or "" if nothing is similar."""
    near = nearest(wrong[:_SHOWN_CHARS].lower(), right)
    return f' Did you mean "{near}"?' if near else ""


def one_of_these(names: Collection[str]) -> str:
    """Return `one of a, b, c`; `none` if `names` is empty."""
    return "one of " + ", ".join(inert_line(name, _SHOWN_CHARS) for name in names) if names else "none"


# Readers for the kinds of values


def checked_word(value: str, allowed: Collection[str]) -> str:
    """Return a word that is one of those allowed; raise ValueError for any other."""
    if value not in allowed:
        near = suggestion(value, allowed)
        raise ValueError(f"{shown(value)} is not allowed, use {one_of_these(allowed)}.{near}")
    return value


def text(check: Callable[[str], T], pattern: str = "") -> Reader[T]:
    """Return a reader for text, converted by `check`, which raises ValueError.

    `pattern` approximates `check` in the schema.
    """

    def read_text(value: object, _: Place) -> T:
        if isinstance(value, str):
            return check(value)
        # Not shown, as it may be a key that lacks its quotes.
        raise ValueError("must be text in quotes")

    return Reader(read_text, lambda: {"type": "string", **({"pattern": pattern} if pattern else {})})


def one_of(words: Collection[str]) -> Reader[str]:
    """Return a reader for one of `words`."""
    return Reader(text(lambda value: checked_word(value, words)).read, lambda: {"enum": list(words)})


def as_it_stands(is_right: Callable[[Any], bool], must: str, **schema: Json) -> Reader[Any]:
    """Return a reader for a value that needs no conversion; `must` begins the error message for all others."""

    def read_value(value: object, _: Place) -> object:
        if is_right(value):
            return value
        raise wrong(must, value)

    return Reader(read_value, lambda: schema)


def whole(low: int, high: int) -> Reader[int]:
    """Return a reader for an integer from `low` to `high`."""
    return as_it_stands(
        lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high,
        f"must be a whole number from {low} to {high}",
        type="integer",
        minimum=low,
        maximum=high,
    )


def some_of(words: Collection[str]) -> Reader[tuple[str, ...]]:
    """Return a reader for a list of one or more of `words`, without duplicates."""

    def read_words(value: object, _: Place) -> tuple[str, ...]:
        return each_once(tuple(checked_word(word, words) for word in _texts(value)))

    return Reader(
        read_words,
        lambda: {"type": "array", "items": {"enum": list(words)}, "minItems": 1, "uniqueItems": True},
    )


def each_once(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return a list that has a word and none twice; raise ValueError for any other."""
    if not words or len(set(words)) != len(words):
        raise ValueError("must name at least one, and none twice")
    return words


def length_of_time(high_ms: int) -> Reader[int]:
    """Return a reader for a duration such as "24h", from one second to `high_ms`, in milliseconds."""

    def read_length(value: object, _: Place) -> int:
        parts = re.fullmatch(_LENGTH_OF_TIME, value) if isinstance(value, str) else None
        length_ms = round(float(parts[1]) * _UNIT_MS[parts[2]]) if parts else 0
        if 1_000 <= length_ms <= high_ms:
            return length_ms
        must = 'must be a number and a unit (s, m, h or d) in quotes, such as "24h", from "1s" to'
        raise wrong(f'{must} "{length_text(high_ms)}"', value)

    return Reader(
        read_length,
        lambda: {"type": "string", "pattern": f"^(?=.*[1-9]){_LENGTH_OF_TIME}$"},
        lambda value: None if value is None else length_text(value),
    )


def length_text(length_ms: int) -> str:
    """Return a duration as a config has it, in the largest unit that divides it evenly."""
    for unit, unit_ms in _UNIT_MS.items():
        if length_ms % unit_ms == 0:
            return f"{length_ms // unit_ms}{unit}"
    return f"{length_ms / 1_000:.3f}s"


def _texts(value: object, _: Place | None = None) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise wrong('must be a list such as ["first", "second"]', value)
    for item in value:
        if not isinstance(item, str):
            raise wrong("must contain only text in quotes", item)
    return tuple(value)


def _arguments(value: object, _: Place) -> tuple[str, ...]:
    arguments = _texts(value)
    if any("\0" in argument for argument in arguments):
        raise ValueError("must have arguments without NUL")
    return arguments


def _command(value: object, place: Place) -> tuple[str, ...]:
    if isinstance(value, str):
        try:
            value = shlex.split(value)
        except ValueError:
            raise ValueError("has an unclosed quote; a list of arguments needs no quoting") from None
    return _program(value, place)


def _program(value: object, place: Place) -> tuple[str, ...]:
    if not (arguments := _arguments(value, place)):
        raise ValueError('must name a program, such as ["pass", "show", "aigptimage"]')
    return arguments


def _folder(value: str) -> Path:
    if not value.startswith(("/", "~")) or "\0" in value:
        raise wrong("must be an absolute path, or start with ~", value)
    try:
        return absolute(value)
    except UsageError as error:
        raise ValueError(str(error)) from None


_LIST_OF_ARGUMENTS: Final[dict[str, Json]] = {
    "type": "array",
    "items": {"type": "string", "pattern": r"^[^\x00]*$"},
}
FLAG: Final[Reader[bool]] = as_it_stands(
    lambda value: isinstance(value, bool), "must be true or false (without quotes)", type="boolean"
)
FRACTION: Final[Reader[float]] = as_it_stands(
    # NaN fails the comparison.
    lambda value: isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1,
    "must be a number above 0 and up to 1",
    type="number",
    exclusiveMinimum=0,
    maximum=1,
)
FOLDER: Final = text(_folder, r"^[/~][^\x00]*$")
TEXTS: Final = Reader(_texts, lambda: {"type": "array", "items": {"type": "string"}})
ARGUMENTS: Final = Reader(_arguments, lambda: _LIST_OF_ARGUMENTS)
"""A program and its arguments as a list, which may be empty."""
PROGRAM: Final = Reader(_program, lambda: {**_LIST_OF_ARGUMENTS, "minItems": 1})
"""A program and its arguments as a list."""
COMMAND: Final = Reader(
    _command, lambda: {"anyOf": [{"type": "string", "pattern": r"\S"}, {**_LIST_OF_ARGUMENTS, "minItems": 1}]}
)
"""A program and its arguments as a list, or as one text that is split like in a shell."""
