"""Settings as fields that carry their reader: `tier: str = setting("free", one_of(TIERS), "The key's tier ...")`.

A reader turns a value of TOML into one of ours, or says what is wrong with it. Reading a table, `config show`, the
example, the first config and the JSON Schema loop over the fields. A fault is noted where it stands, and reading goes
on without that value: so a user sees all faults of a file at once.
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
    """Says where a value stands in a file; at first the top of it."""

    faults: list[str]
    """Takes what is wrong in the file."""
    named: Mapping[str, Collection[str] | None] = MappingProxyType({})
    """What the settings of these names may name, where only the caller of their readers knows it; None: anything."""
    line_of: Callable[[tuple[str | int, ...]], str] = lambda _: ""
    """Returns `line 12: ` for a path; nothing where that is not known."""
    path: tuple[str | int, ...] = ()
    name: str = ""
    """Its key with the tables around it, as in `profiles.kie.tier`; fit to be shown."""

    @property
    def key(self) -> str:
        """Return the last part of its name; "" for the file itself."""
        return str(self.path[-1]) if self.path else ""

    def at(self, key: str | int) -> Place:
        """Return the place of `key` in the table that stands here, or of element `key`, from 0, of the array."""
        name = f"[{key + 1}]" if isinstance(key, int) else f".{named_key(key)}"
        return self._replace(path=(*self.path, key), name=f"{self.name}{name}".lstrip("."))

    @property
    def words(self) -> Collection[str] | None:
        """Return what may be named here, where the caller knows it."""
        return self.named.get(self.key)

    def note(self, fault: str) -> None:
        """Note that what stands here is wrong."""
        self.faults.append(f"{self.line_of(self.path)}{self.name}: {fault}")


def _plain(value: object) -> Json:
    """Return a value of a model as TOML and JSON have it."""
    if isinstance(value, Mapping):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else cast("Json", value)


class Reader(NamedTuple, Generic[T_co]):
    """Reads the values of one kind."""

    read: Callable[[Any, Place], T_co]
    """Returns what a value means. Raises ValueError where it is wrong; the message completes "NAME: ..."."""
    schema: Callable[[], dict[str, Json]]
    """Returns the JSON Schema of what it takes."""
    plain: Callable[[Any], Json] = _plain
    """Returns what it has read as TOML has it."""


class Setting(NamedTuple):
    """Describes the field of a model."""

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
    metadata = {"setting": about}
    if isinstance(default, dict):
        # Each model has its own, as it could be changed.
        return cast("T", field(default_factory=default.copy, metadata=metadata))
    return field(default=default, metadata=metadata)


def settings_of(model: type) -> dict[str, Setting]:
    """Return the settings of a model, by their names in the file."""
    named = [(each.name, each.metadata["setting"]) for each in fields(model) if "setting" in each.metadata]
    settings = [each._replace(key=each.key or name, name=name) for name, each in named]
    return {each.key: each for each in settings}


def read(
    model: type, value: object, place: Place, elsewhere: Callable[[str], str] = lambda _: ""
) -> dict[str, Any]:
    """Read a table, and return what is right in it, as arguments for `model`, a dataclass; what is wrong is noted.

    `elsewhere` says where a key that is no setting of it belongs, if anywhere. Raises ValueError for what is no
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
    """Read a table whose keys are the settings of `model`."""
    as_type = cast("type", model)
    return Reader(lambda value, place: model(**read(as_type, value, place)), lambda: schema_of(as_type))


def entries_of(
    reader: Reader[T], names: Collection[str] | None = None, check: Callable[[str], object] = lambda _: None
) -> Reader[Mapping[str, T]]:
    """Read a table whose keys are names of the user's, each with a value that `reader` takes.

    They are among `names`, None is any; `check` raises ValueError where a name cannot be one.
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
        raise wrong(f"must be a table such as [{place.name}]", value)
    return value


def _note_unknown(key: str, known: Collection[str], place: Place, advice: str = "") -> None:
    allowed = suggestion(key, known) + f" Allowed here: {', '.join(known)}."
    place.at(key).note(f"unknown key.{advice or allowed}")


def wrong(must: str, value: object) -> ValueError:
    """Return what to raise for a value; `must` says what it must be."""
    return ValueError(f"{must}, not {shown(value)}")


# How what somebody typed appears in an error: inert, short, and never if it may be an API key


def looks_like_key(name: str) -> bool:
    """Tell whether a name is an API key by its form: it starts with `sk-`, or is a long hexadecimal number."""
    return bool(re.match(_KEY_PREFIX, name) or re.fullmatch(_HEX_KEY, name))


def refuse_key(name: str) -> None:
    """Raise ValueError for a name of the user's that is an API key by its form."""
    if looks_like_key(name):
        raise ValueError("looks like an API key; a key goes into the environment, never into a name")


def may_be_key(text: str) -> bool:
    """Tell whether `text` had better not be shown: it has `sk-...` in it, or is a long token of the kind keys are."""
    has_form = without_key_forms(text) != text
    return bool(has_form or re.fullmatch(_HEX_KEY, text) or re.fullmatch(_LONG_WORD, text))


def without_keys(text: str, max_chars: int = 500) -> str:
    """Return `text` on one inert line, with everything that has the form of a key replaced by `***`."""
    return without_key_forms(inert_line(text, max_chars))


def quoted(text: str) -> str:
    """Return `text` in quotes, inert and cut short; or say that it looks like a key, and do not show it."""
    if may_be_key(text.strip()):
        return WITHHELD
    return f'"{inert_line(text, _SHOWN_CHARS)}"'


def shown(value: object) -> str:
    """Return a value of a TOML file as an error shows it."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        # Python refuses to print an integer of thousands of digits.
        return "a huge number" if isinstance(value, int) and value.bit_length() > 128 else str(value)
    return _TYPE_NAMES.get(type(value), "a date or time")


def named_key(key: str) -> str:
    """Return a key of a TOML file as an error shows it: bare where TOML lets it be bare."""
    if looks_like_key(key):
        return "(a name that looks like an API key)"
    return key if re.fullmatch(r"[A-Za-z0-9_-]{1,60}", key) else quoted(key)


def suggestion(wrong: str, right: Iterable[str]) -> str:
    """Return ` Did you mean "basic"?`, or nothing where nothing is near."""
    near = nearest(wrong[:_SHOWN_CHARS].lower(), right)
    return f' Did you mean "{near}"?' if near else ""


def one_of_these(names: Collection[str]) -> str:
    """Return `one of a, b, c`; `none` where there is nothing to choose from."""
    return "one of " + ", ".join(inert_line(name, _SHOWN_CHARS) for name in names) if names else "none"
