"""Defines the errors that end a command. Each class has an exit code; each message says what the user can do.

For scripts each error also has a stable `code`, and a `next_step` apart from the message.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_FAULTS: Final = 20


class TaskdashError(Exception):
    """Reaches the user as a message instead of a crash; it is inert and complete."""

    exit_code: ClassVar[int] = 1
    code = "failed"
    next_step = "Fix what the message names and run the command again."

    def __init__(self, message: str, *, code: str = "", next_step: str = "") -> None:
        super().__init__(message)
        self.code = code or self.code
        self.next_step = next_step or self.next_step


class UsageError(TaskdashError):
    """The command line or the environment asks for something impossible."""

    exit_code = 2
    code = "usage"
    next_step = "Fix the command line; see `taskdash help COMMAND`."


class ConfigError(UsageError):
    """One or more settings are wrong. Several get a line each, after one that names the file."""

    code = "config"
    next_step = "Fix the config; `taskdash config check` validates it."

    @classmethod
    def of(cls, faults: Sequence[str], file: str = "") -> Self:
        """Return an error that lists the faults by line, with the name of the file if they come from one."""
        faults = sorted(faults, key=_line_number)
        if len(faults) == 1:
            return cls(f"{file}: {faults[0]}" if file else faults[0])
        first = [f"{file}: {len(faults)} settings are wrong"] if file else []
        more = [f"... and {len(faults) - _MAX_FAULTS} more"] if len(faults) > _MAX_FAULTS else []
        return cls("\n".join([*first, *faults[:_MAX_FAULTS], *more]))


def _line_number(fault: str) -> int:
    match = re.match(r"line (\d+): ", fault)
    return int(match[1]) if match else 0


class UnknownTaskError(TaskdashError):
    """The list cannot resolve an ID, or a prefix of one."""

    exit_code = 3
    code = "unknown_id"
    next_step = "`taskdash list --ids` prints the IDs that are on the list, `taskdash add ID` adds one."


class KeyMissingError(TaskdashError):
    """There is no API key, or it cannot be sent. `brief` is a message short enough for a banner."""

    exit_code = 4
    code = "no_key"
    next_step = "Set the key as the message says; `taskdash config show` shows where taskdash looks for it."

    def __init__(self, message: str, brief: str | None = None) -> None:
        super().__init__(message)
        self.brief = brief or message


class StoreError(TaskdashError):
    """The store cannot be used."""

    exit_code = 6
    code = "store_unusable"
    next_step = "Check the file and its folder; `taskdash config path` shows where they are."


class StoreChangedError(StoreError):
    """The open file is damaged or no longer the store; the requested change was not made."""

    code = "store_changed"
    next_step = "Run the command again."
