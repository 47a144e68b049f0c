"""What users add to the dashboard, commands with a key each and views as tabs; and the words for keys and columns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from taskdash.config import kinds
from taskdash.config.readers import (
    Reader,
    entries_of,
    looks_like_key,
    one_of_these,
    read,
    schema_of,
    setting,
    shown,
    suggestion,
    without_keys,
)
from taskdash.domain.errors import UsageError

if TYPE_CHECKING:
    from types import ModuleType

    from taskdash.config.readers import Place
    from taskdash.domain.task import Json

COLUMN_NAMES: Final = (
    *("state", "label", "model", "cost", "created", "checked", "id"),
    *("added", "completed", "note", "problem", "results", "expires", "saved", "picks", "credits", "family"),
    "profile",
)
_KEY_NAME: Final = r"[^\s\x00-\x1f\x7f]{1,40}"
_COMMAND_NAME: Final = r"[a-z][a-z0-9_-]{0,31}"
MAX_VIEW_NAME: Final = 24
MAX_VIEWS: Final = 32


def _keys_of_action(value: object, place: Place) -> tuple[str, ...]:
    keys = (value,) if isinstance(value, str) else kinds.TEXTS.read(value, place)
    for key in keys:
        if not re.fullmatch(_KEY_NAME, key):
            raise ValueError(
                f'{shown(key)} is no key: write it as "o", "ctrl+p" or "space", or use [] for none'
            )
    return tuple(dict.fromkeys(keys))


def _keys_schema() -> dict[str, Json]:
    key: dict[str, Json] = {"type": "string", "pattern": f"^{_KEY_NAME}$"}
    return {"anyOf": [key, {"type": "array", "items": key}]}


def _query_words() -> tuple[ModuleType, ModuleType]:
    # Imported here: most commands neither sort nor filter.
    from taskdash.domain import query, query_language

    return query, query_language


def _sort_names() -> list[str]:
    return [key.value for key in _query_words()[0].SortKey]


def _sort(value: str) -> str:
    names, key = _sort_names(), value.removeprefix("-")
    if key in names:
        return value
    near = suggestion(key, names)
    raise ValueError(f"{shown(value)} is not allowed, use {one_of_these(names)}, or a - before it.{near}")


def _filter(value: str) -> str:
    try:
        # Which links tell when they die is known when the list is read.
        _query_words()[1].parse_filter(value, has_own_lives=lambda: True)
    except UsageError as error:
        raise ValueError(without_keys(str(error))) from None
    return value.strip()


KEYS: Final = Reader(_keys_of_action, _keys_schema)
SORT: Final = Reader(
    kinds.text(_sort).read, lambda: {"enum": [sign + name for name in _sort_names() for sign in ("", "-")]}
)


# Commands


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCommand:
    """A program of the user's that is run for tasks."""

    name: str
    """The last part of the table's name, `[commands.NAME]`."""
    keys: tuple[str, ...] = setting(
        (),
        KEYS,
        "The key that runs it, or a list of keys; without one it is in the palette alone.",
        key="key",
        example="U",
    )
    command: tuple[str, ...] = setting(
        (),
        kinds.PROGRAM,
        """The program and its arguments, as a list; a shell reads it only if it is one: ["sh", "-c", "..."]. It has 60
        seconds.""",
        example=["upscale", "--twice"],
    )
    runs_for: str = setting(
        "each",
        kinds.one_of(("each", "all")),
        """Whether it is run once for each task, with the task as a JSON object on its standard input and its fields as
        TASKDASH_... in its environment, or once for all of them, with a JSON array.""",
        key="for",
    )
    confirm: bool = setting(False, kinds.FLAG, "Whether you are asked first.", example=True)


def _command(value: object, place: Place) -> OwnCommand:
    found = read(OwnCommand, value, place)
    if isinstance(value, dict) and "command" not in value:
        place.at("command").note('is missing: name a program, as in ["upscale", "--twice"]')
    return OwnCommand(name=place.key, **found)


def _command_name(value: str) -> None:
    if looks_like_key(value):
        raise ValueError("looks like an API key; a key goes into the environment, never into a name")
    if not re.fullmatch(_COMMAND_NAME, value):
        raise ValueError(
            f"{shown(value)} cannot be a command's name: use up to 32 of a-z, 0-9, - and _, a letter first"
        )


def _commands_schema() -> dict[str, Json]:
    of_each: dict[str, Json] = {**schema_of(OwnCommand), "required": ["command"]}
    return {
        "type": "object",
        "additionalProperties": of_each,
        "propertyNames": {"pattern": f"^{_COMMAND_NAME}$"},
    }


COMMANDS: Final = Reader(entries_of(Reader(_command, dict), check=_command_name).read, _commands_schema)
