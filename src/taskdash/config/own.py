"""Defines and reads the user's own commands and views, with the names of keys, columns and sort orders in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from taskdash.config import readers
from taskdash.config.keys import refuse_key, without_keys
from taskdash.config.readers import (
    Reader,
    entries_of,
    one_of_these,
    read,
    schema_of,
    setting,
    shown,
    suggestion,
    wrong,
)
from taskdash.domain.errors import UsageError
from taskdash.domain.untrusted import inert_line

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from types import ModuleType

    from taskdash.config.readers import Place
    from taskdash.domain.query import Term
    from taskdash.domain.task import Json

COLUMN_NAMES: Final = (
    *("state", "label", "model", "cost", "created", "checked", "id"),
    *("added", "completed", "note", "problem", "results", "expires", "saved", "picks", "credits", "family"),
    "profile",
)
_KEY_NAME: Final = r"[^\s\x00-\x1f\x7f]{1,40}"
_COMMAND_NAME: Final = r"[a-z][a-z0-9_-]{0,31}"
ALL: Final = "all"
MAX_NAME_CHARS: Final = 24


def _keys_of_action(value: object, place: Place) -> tuple[str, ...]:
    if not isinstance(value, str | list):
        raise wrong('must be a key such as "o", or a list of keys', value)
    keys = (value,) if isinstance(value, str) else readers.TEXTS.read(value, place)
    for key in keys:
        if not re.fullmatch(_KEY_NAME, key):
            raise ValueError(
                f'{shown(key)} is not a key: write it as "o", "ctrl+p" or "space", or use [] for none'
            )
    return tuple(dict.fromkeys(keys))


def _queries() -> ModuleType:
    # Imported late: most commands neither sort nor filter.
    from taskdash.domain import query

    return query


def _sort_names() -> list[str]:
    return [key.value for key in _queries().SortKey]


def _sort(value: str) -> str:
    names, key = _sort_names(), value.removeprefix("-")
    if key in names:
        return value
    near = suggestion(key, names)
    raise ValueError(f"{shown(value)} is not allowed, use {one_of_these(names)}, or a - before it.{near}")


def _filter(value: str) -> str:
    try:
        # Assumed here, as only the list shows whether links have expiry times of their own.
        _queries().parse_filter(value, has_own_lives=lambda: True)
    except UsageError as error:
        raise ValueError(without_keys(str(error))) from None
    return value.strip()


_A_KEY: Final[dict[str, Json]] = {"type": "string", "pattern": f"^{_KEY_NAME}$"}
KEYS: Final = Reader(_keys_of_action, lambda: {"anyOf": [_A_KEY, {"type": "array", "items": _A_KEY}]})
SORT: Final = Reader(
    readers.text(_sort).read, lambda: {"enum": [sign + name for name in _sort_names() for sign in ("", "-")]}
)


# Commands


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCommand:
    """Names a program of the user's, to be run for tasks."""

    name: str
    """The last part of the table's name, `[commands.NAME]`."""
    keys: tuple[str, ...] = setting(
        (),
        KEYS,
        "The key that runs it, or a list of keys; without one, it is only in the palette.",
        key="key",
        example="U",
    )
    command: tuple[str, ...] = setting(
        (),
        readers.PROGRAM,
        """The program and its arguments, as a list, without a shell; for one, use ["sh", "-c", "..."]. It has 60
        seconds.""",
        example=["upscale", "--twice"],
    )
    runs_for: str = setting(
        "each",
        readers.one_of(("each", "all")),
        """Whether to run it once for each task, with the task as a JSON object on standard input and its fields as
        TASKDASH_... in the environment, or once for all of them, with a JSON array.""",
        key="for",
    )
    confirm: bool = setting(False, readers.FLAG, "Whether to ask first.", example=True)


def _command(value: object, place: Place) -> OwnCommand:
    found = read(OwnCommand, value, place)
    if isinstance(value, dict) and "command" not in value:
        place.at("command").note('is missing: name a program, as in ["upscale", "--twice"]')
    return OwnCommand(name=place.key, **found)


def _command_name(value: str) -> None:
    refuse_key(value)
    if not re.fullmatch(_COMMAND_NAME, value):
        raise ValueError(
            f"{shown(value)} cannot be a command's name: use up to 32 of a-z, 0-9, - and _, a letter first"
        )


COMMANDS: Final = entries_of(
    Reader(_command, lambda: {**schema_of(OwnCommand), "required": ["command"]}),
    check=_command_name,
    pattern=f"^{_COMMAND_NAME}$",
)


# Views


def _view_name(value: str) -> str:
    name = inert_line(value)
    refuse_key(name)
    if not 0 < len(name) <= MAX_NAME_CHARS:
        raise ValueError(f"must have 1 to {MAX_NAME_CHARS} characters")
    return name


def _profiles(value: object, place: Place) -> tuple[str, ...] | None:
    if value == ALL:
        return None
    if isinstance(value, str):
        raise wrong(f'must be "{ALL}", or a list of profiles such as ["kie"]', value)
    return readers.each_once(readers.TEXTS.read(value, place))


_IN_USE: Final[tuple[str, ...] | None] = ()
PROFILES: Final[Reader[tuple[str, ...] | None]] = Reader(
    _profiles,
    lambda: {"anyOf": [{"const": ALL}, {**readers.TEXTS.schema(), "minItems": 1, "uniqueItems": True}]},
    lambda value: ALL if value is None else list(value),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnView:
    """Shows a filtered part of the list in a tab of its own."""

    name: str = setting(
        "",
        readers.text(_view_name, r"\S"),
        f"The name of its tab, 1 to {MAX_NAME_CHARS} characters.",
        example="to redo",
    )
    filter: str = setting(
        "",
        readers.text(_filter),
        "Its filter, written as in the filter box; what you type there is added to it.",
        example="state:fail age:<2d",
    )
    sort: str | None = setting(
        None, SORT, "Its order, as in `view.sort`; by default, the list's.", example="-created"
    )
    columns: tuple[str, ...] | None = setting(
        None,
        readers.some_of(COLUMN_NAMES),
        "Its columns, as in `view.columns`; by default, the list's.",
        example=["state", "profile", "label", "cost", "id"],
    )
    profiles: tuple[str, ...] | None = setting(
        _IN_USE,
        PROFILES,
        """Whose tasks it shows: a list of profiles, or "all"; by default, the profile in use. Each is watched with its
        own key and within its own limits.""",
        example=ALL,
    )

    def terms(self, ttls_ms: Mapping[str, int]) -> tuple[Term, ...]:
        """Return the terms of its filter; `ttls_ms` tells how long the result links of each profile live."""
        terms: tuple[Term, ...] = _queries().parse_filter(self.filter, ttls_ms, lambda: True)
        return terms

    def shown_profiles(self, configured: Collection[str], in_use: str) -> tuple[str, ...]:
        """Return the profiles whose tasks it shows."""
        return tuple(configured) if self.profiles is None else self.profiles or (in_use,)


def _views(value: object, place: Place) -> tuple[OwnView, ...]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise wrong(f"must be tables, each with the heading [[{place.name}]]", value)
    views: list[OwnView] = []
    for n, each in enumerate(value):
        found = read(OwnView, each, place.at(n))
        name = found.get("name")
        if "name" not in each:
            place.at(n).at("name").note('is missing: name the view, as in "to redo"')
        elif name in [view.name for view in views]:
            place.at(n).at("name").note(f"{shown(name)} is the name of another view")
        views.append(OwnView(**found))
    return tuple(views)


VIEWS: Final = Reader(
    _views,
    lambda: {"type": "array", "items": {**schema_of(OwnView), "required": ["name"]}},
)
