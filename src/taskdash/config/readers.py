"""Settings as fields that carry their reader: `tier: str = setting("free", one_of(TIERS), "The key's tier ...")`.

A reader turns a value of TOML into one of ours, or says what is wrong with it. Reading a table, `config show`, the
example, the first config and the JSON Schema loop over the fields. A fault is noted where it stands, and reading goes
on without that value: so a user sees all faults of a file at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Generic, NoReturn, TypeVar, cast

from taskdash.config.locations import absolute
from taskdash.config.wording import named_key, one_of_these, shown, suggestion
from taskdash.domain.errors import UsageError

if TYPE_CHECKING:
    from taskdash.domain.task import Json

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")
NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
MAX_ARGUMENT_CHARS: Final = 4_096
_UNIT_MS: Final = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000}
_LENGTH_OF_TIME: Final = r" *([0-9]{1,9}(?:\.[0-9]{1,6})?) *([smhd]) *"


class Place:
    """Where a value stands in a file, with the faults of the file and the words that only its reader's caller knows."""

    def __init__(self, faults: list[str], words: Mapping[str, Collection[str] | None] = NOTHING) -> None:
        """Begin at the top of a file; `words` has what the settings of these names may name, None for anything."""
        self._faults = faults
        self._words = words
        self.key = ""
        self.name = ""
        """Its key with the tables around it, as in `profiles.kie.tier`; fit to be shown."""

    def at(self, key: str) -> Place:
        """Return the place of `key` in the table that stands here."""
        place = Place(self._faults, self._words)
        place.key = key
        place.name = f"{self.name}.{named_key(key)}" if self.name else named_key(key)
        return place

    @property
    def words(self) -> Collection[str] | None:
        """Return what may be named here, where the caller knows it."""
        return self._words.get(self.key)

    def note(self, fault: str) -> None:
        """Note that what stands here is wrong."""
        self._faults.append(f"{self.name}: {fault}")


def _plain(value: object) -> Json:
    """Return a value of a model as TOML and JSON have it."""
    if isinstance(value, Mapping):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else cast("Json", value)


@dataclass(frozen=True, slots=True)
class Reader(Generic[T_co]):
    """Reads the values of one kind."""

    read: Callable[[Any, Place], T_co]
    """Returns what a value means. Raises ValueError where it is wrong; the message completes "NAME: ..."."""
    schema: Callable[[], dict[str, Json]]
    """Returns the JSON Schema of what it takes."""
    plain: Callable[[Any], Json] = _plain
    """Returns what it has read as TOML has it."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What the field of a model knows of itself."""

    key: str
    """Its name in the file."""
    name: str
    """Its name in the model."""
    reader: Reader[object]
    default: object
    why: str
    """What it is for, with its unit and edge values."""
    example: Json
    """What stands in the example behind a #, where the default cannot be written there."""


def setting(default: T, reader: Reader[T], why: str, *, key: str = "", example: Json = None) -> T:
    """Return a field of a model that is a setting; `key` is its name in the file, where that is another one."""
    about = Setting(key, "", reader, default, " ".join(why.split()), example)
    return field(default_factory=lambda: default, metadata={"setting": about})


def settings_of(model: type) -> dict[str, Setting]:
    """Return the settings of a model, by their names in the file."""
    named = [(each.name, each.metadata["setting"]) for each in fields(model) if "setting" in each.metadata]
    settings = [replace(each, key=each.key or name, name=name) for name, each in named]
    return {each.key: each for each in settings}


def read(
    model: type, value: object, place: Place, elsewhere: Callable[[str], str] = lambda _: ""
) -> dict[str, Any]:
    """Read a table, and return what is right in it, as arguments for `model`; what is wrong is noted.

    Args:
        model: a dataclass whose fields are settings.
        value: the table.
        place: where it stands.
        elsewhere: says where a key that is no setting of the model belongs, if anywhere.

    Raises:
        ValueError: it is no table.
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


def table_of(model: Callable[..., T]) -> Reader[T]:
    """Read a table whose keys are the settings of `model`."""
    as_type = cast("type", model)
    return Reader(lambda value, place: model(**read(as_type, value, place)), lambda: schema_of(as_type))


def entries_of(
    reader: Reader[T], names: Collection[str] | None = None, check: Callable[[str], object] = lambda _: None
) -> Reader[Mapping[str, T]]:
    """Read a table whose keys are names of the user's, each with a value that `reader` takes.

    Args:
        reader: reads a value.
        names: those that there are, where that is known here.
        check: raises ValueError where a name cannot be one.
    """

    def read_entries(value: object, place: Place) -> Mapping[str, T]:
        found = {}
        known = place.words if names is None else names
        for name, entry in _table(value, place).items():
            if known is not None and name not in known:
                _note_unknown(name, known, place)
                continue
            try:
                check(name)
                found[name] = reader.read(entry, place.at(name))
            except ValueError as error:
                place.at(name).note(str(error))
        return MappingProxyType(found)

    def schema() -> dict[str, Json]:
        named: dict[str, Json] = {"propertyNames": {"enum": list(names)}} if names is not None else {}
        return {"type": "object", "additionalProperties": reader.schema(), **named}

    return Reader(read_entries, schema)


def schema_of(model: type) -> dict[str, Json]:
    """Return the JSON Schema of a table whose keys are the settings of `model`."""
    properties: dict[str, Json] = {}
    for key, each in settings_of(model).items():
        default = each.reader.plain(each.default)
        # A table's defaults stand at its own settings, and "none" cannot be written.
        has_default = isinstance(default, bool | int | float | str | list)
        properties[key] = {
            **each.reader.schema(),
            "description": each.why,
            **({"default": default} if has_default else {}),
        }
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _table(value: object, place: Place) -> dict[str, object]:
    if not isinstance(value, dict):
        _refuse(f"must be a table such as [{place.name}]", value)
    return value


def _note_unknown(key: str, known: Collection[str], place: Place, advice: str = "") -> None:
    allowed = suggestion(key, known) + f" Allowed here: {', '.join(known)}."
    place.at(key).note(f"unknown key.{advice or allowed}")


def _refuse(must: str, value: object) -> NoReturn:
    raise ValueError(f"{must}, not {shown(value)}")


def _checked_word(value: str, allowed: Collection[str]) -> str:
    """Return a word that is one of those allowed.

    Raises:
        ValueError: it is none.
    """
    if value not in allowed:
        near = suggestion(value, allowed)
        raise ValueError(f"{shown(value)} is not allowed, use {one_of_these(allowed)}.{near}")
    return value


def text(check: Callable[[str], T], *, secret: bool = False) -> Reader[T]:
    """Read a text by `check`, which raises ValueError; a `secret` one is never shown, whatever its type."""

    def read_text(value: object, _: Place) -> T:
        if isinstance(value, str):
            return check(value)
        raise ValueError("must be a text in quotes" + ("" if secret else f", not {shown(value)}"))

    return Reader(read_text, lambda: {"type": "string"})


def one_of(words: Collection[str]) -> Reader[str]:
    """Read one of some words."""
    return Reader(text(lambda value: _checked_word(value, words)).read, lambda: {"enum": list(words)})


def whole(low: int, high: int) -> Reader[int]:
    """Read an integer from `low` to `high`."""

    def read_whole(value: object, _: Place) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        _refuse(f"must be a whole number from {low} to {high}", value)

    return Reader(read_whole, lambda: {"type": "integer", "minimum": low, "maximum": high})


def some_of(words: Collection[str]) -> Reader[tuple[str, ...]]:
    """Read a list of different words, at least one."""

    def read_words(value: object, _: Place) -> tuple[str, ...]:
        named = tuple(_checked_word(word, words) for word in _texts(value))
        if not named or len(set(named)) != len(named):
            raise ValueError(f"must name at least one, and none twice: {one_of_these(words)}")
        return named

    return Reader(
        read_words,
        lambda: {"type": "array", "items": {"enum": list(words)}, "minItems": 1, "uniqueItems": True},
    )


def length_of_time(high_ms: int) -> Reader[int]:
    """Read a length of time such as "24h", from one second to `high_ms`, in milliseconds."""

    def read_length(value: object, _: Place) -> int:
        parts = re.fullmatch(_LENGTH_OF_TIME, value) if isinstance(value, str) else None
        length_ms = round(float(parts[1]) * _UNIT_MS[parts[2]]) if parts else 0
        if 1_000 <= length_ms <= high_ms:
            return length_ms
        high = length_text(high_ms)
        _refuse(
            f'must be a number and a unit (s, m, h or d) in quotes, such as "24h", from "1s" to "{high}"',
            value,
        )

    return Reader(
        read_length,
        lambda: {"type": "string", "pattern": f"^{_LENGTH_OF_TIME}$"},
        lambda value: None if value is None else length_text(value),
    )


def length_text(length_ms: int) -> str:
    """Return a length of time as a config has it, in the largest unit that leaves no rest."""
    for unit, unit_ms in _UNIT_MS.items():
        if length_ms % unit_ms == 0:
            return f"{length_ms // unit_ms}{unit}"
    return f"{length_ms / 1_000:.3f}s"


def _texts(value: object, _: Place | None = None) -> tuple[str, ...]:
    if not isinstance(value, list):
        _refuse('must be a list of texts such as ["first", "second"]', value)
    for item in value:
        if not isinstance(item, str):
            _refuse("must have texts in quotes only", item)
    return tuple(value)


def _flag(value: object, _: Place) -> bool:
    if isinstance(value, bool):
        return value
    _refuse("must be true or false (without quotes)", value)


def _fraction(value: object, _: Place) -> float:
    # nan compares false with everything.
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1:
        return float(value)
    _refuse("must be a number above 0 and up to 1", value)


def _arguments(value: object, _: Place) -> tuple[str, ...]:
    arguments = _texts(value)
    if arguments and not arguments[0].strip():
        raise ValueError("must start with the name of a program")
    if any("\0" in argument or len(argument) > MAX_ARGUMENT_CHARS for argument in arguments):
        raise ValueError(f"must have arguments of up to {MAX_ARGUMENT_CHARS} characters without NUL")
    return arguments


def _command(value: object, place: Place) -> tuple[str, ...]:
    if isinstance(value, str):
        import shlex

        try:
            value = shlex.split(value)
        except ValueError:
            raise ValueError("has a quote that is not closed; a list of arguments needs no quoting") from None
    if not (arguments := _arguments(value, place)):
        raise ValueError('must name a program, such as ["pass", "show", "aigptimage"]')
    return arguments


def _folder(value: str) -> Path:
    if not value.startswith(("/", "~")) or "\0" in value:
        _refuse("must be an absolute path, or start with ~", value)
    try:
        return absolute(value)
    except UsageError as error:
        raise ValueError(str(error)) from None


_LIST_OF_TEXTS: Final[dict[str, Json]] = {"type": "array", "items": {"type": "string"}}
FLAG: Final = Reader(_flag, lambda: {"type": "boolean"})
FRACTION: Final = Reader(_fraction, lambda: {"type": "number", "exclusiveMinimum": 0, "maximum": 1})
FOLDER: Final = text(_folder)
TEXTS: Final = Reader(_texts, lambda: _LIST_OF_TEXTS)
ARGUMENTS: Final = Reader(_arguments, lambda: _LIST_OF_TEXTS)
"""A list of arguments, of which the first is the program; empty for none."""
COMMAND: Final = Reader(_command, lambda: {"anyOf": [{"type": "string"}, {**_LIST_OF_TEXTS, "minItems": 1}]})
"""A list of arguments that is not empty, or one text that is split as a shell would."""
