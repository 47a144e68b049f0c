"""Settings as fields that carry their reader: `tier: str = setting("free", one_of(TIERS), "The key's tier ...")`.

A reader converts a TOML value, or reports what is wrong with it. Reading a table, `config show`, the example, the
first config and the JSON Schema all loop over the fields. A fault is noted with its place, and reading goes on
without that value, so that users see all faults of a file at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import field, fields
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar, cast

from taskdash.domain.secret import without_key_forms
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import nearest

if TYPE_CHECKING:
    from taskdash.domain.task import Json

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")
_SHOWN_CHARS: Final = 60
_KEY_PREFIX: Final = r"(?i)sk[-_]"
_HEX_KEY: Final = r"[0-9A-Fa-f]{32,}"
_LONG_WORD: Final = r"(?=[^\s]*[0-9])(?=[^\s]*[a-z])[A-Za-z0-9_+-]{24,}"
WITHHELD: Final = "text that looks like an API key (not shown)"

_TYPE_NAMES: Final = {
    bool: "a boolean",
    int: "an integer",
    float: "a float",
    str: "text",
    list: "an array",
    dict: "a table",
}


class Place(NamedTuple):
    """The place of a value in a file, by default its top level."""

    faults: list[str]
    """Collects the faults of the file."""
    named: Mapping[str, Collection[str] | None] = MappingProxyType({})
    """The words allowed in certain settings, by name, if only the caller of the reader knows them; None: any."""
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

    @property
    def words(self) -> Collection[str] | None:
        """Return the words allowed here, if the caller gave any."""
        return self.named.get(self.key)

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
    """A reader for values of one kind."""

    read: Callable[[Any, Place], T_co]
    """Converts a TOML value. Raises ValueError if it is wrong; the message completes "NAME: ..."."""
    schema: Callable[[], dict[str, Json]]
    """Returns the JSON Schema of the values it accepts."""
    plain: Callable[[Any], Json] = _plain
    """Converts a value back to its form in TOML."""


class Setting(NamedTuple):
    """The description of a model's field."""

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


def table_of(model: Callable[..., T]) -> Reader[T]:
    """Return a reader for a table whose keys are the settings of `model`."""
    as_type = cast("type", model)
    return Reader(lambda value, place: model(**read(as_type, value, place)), lambda: schema_of(as_type))


def entries_of(
    reader: Reader[T], names: Collection[str] | None = None, check: Callable[[str], object] = lambda _: None
) -> Reader[Mapping[str, T]]:
    """Return a reader for a table whose keys the user chooses, each with a value for `reader`.

    Only `names` are allowed (None: any); `check` raises ValueError for an invalid name.
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
        named: dict[str, Json] = {"propertyNames": {"enum": list(names)}} if names is not None else {}
        return {"type": "object", "additionalProperties": reader.schema(), **named}

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


# How input appears in an error: inert, short, and never if it may be an API key


def looks_like_key(name: str) -> bool:
    """Return whether a name has the form of an API key: it starts with `sk-`, or is a long hexadecimal number."""
    return bool(re.match(_KEY_PREFIX, name) or re.fullmatch(_HEX_KEY, name))


def refuse_key(name: str) -> None:
    """Raise ValueError if a name has the form of an API key."""
    if looks_like_key(name):
        raise ValueError("looks like an API key; a key goes into the environment, never into a name")


def may_be_key(text: str) -> bool:
    """Return whether `text` may be a key and must not be shown: it contains `sk-...`, or is a long token."""
    has_form = without_key_forms(text) != text
    return bool(has_form or re.fullmatch(_HEX_KEY, text) or re.fullmatch(_LONG_WORD, text))


def without_keys(text: str, max_chars: int = 500) -> str:
    """Return `text` on one inert line, with anything that has the form of a key replaced by `***`."""
    return without_key_forms(inert_line(text, max_chars))


def quoted(text: str) -> str:
    """Return `text` in quotes, inert and truncated; if it looks like a key, return `WITHHELD` instead."""
    if may_be_key(text.strip()):
        return WITHHELD
    return f'"{inert_line(text, _SHOWN_CHARS)}"'


def shown(value: object) -> str:
    """Return a TOML value for an error message."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        # Python refuses to print an integer of thousands of digits.
        return "a huge number" if isinstance(value, int) and value.bit_length() > 128 else str(value)
    return _TYPE_NAMES.get(type(value), "a date or time")


def named_key(key: str) -> str:
    """Return a TOML key for an error message, bare if TOML allows it to be."""
    if looks_like_key(key):
        return "(a name that looks like an API key)"
    return key if re.fullmatch(r"[A-Za-z0-9_-]{1,60}", key) else quoted(key)


def suggestion(wrong: str, right: Iterable[str]) -> str:
    """Return ` Did you mean "basic"?`, or "" if nothing is similar."""
    near = nearest(wrong[:_SHOWN_CHARS].lower(), right)
    return f' Did you mean "{near}"?' if near else ""


def one_of_these(names: Collection[str]) -> str:
    """Return `one of a, b, c`; `none` if `names` is empty."""
    return "one of " + ", ".join(inert_line(name, _SHOWN_CHARS) for name in names) if names else "none"
