"""The exception tree. Each class knows its exit code; each message says what the user can do.

For programs each has a `code` as well, a word that stays, and says apart from the message what comes next.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_FAULTS: Final = 20


class TaskdashError(Exception):
    """Anything taskdash reports to its user instead of crashing; the message is inert and complete."""

    exit_code: ClassVar[int] = 1
    code = "failed"
    next_step = "Fix what the message names and run the command again."

    def __init__(self, message: str, *, code: str = "", next_step: str = "") -> None:
        super().__init__(message)
        self.code = code or self.code
        self.next_step = next_step or self.next_step


class UsageError(TaskdashError):
    """The command line or the environment asks for something that cannot be."""

    exit_code = 2
    code = "usage"
    next_step = "Fix the command line; see `taskdash help COMMAND`."


class ConfigError(UsageError):
    """A setting is wrong. Of several each has a line, after one that names the file."""

    code = "config"
    next_step = "Fix the config; `taskdash config check` validates it."

    @classmethod
    def of(cls, faults: Sequence[str], file: str = "") -> Self:
        """Tell what is wrong in a file, line by line, or wherever the settings come from."""
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
    """An ID, or a prefix of one, that the list cannot resolve."""

    exit_code = 3
    code = "unknown_id"
    next_step = "`taskdash list --ids` prints the IDs that are on the list, `taskdash add ID` adds one."


class KeyMissingError(TaskdashError):
    """No API key, or one that cannot be sent. `brief` says so in a line short enough for a banner."""

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
    """The file that is open is damaged, or is no longer the store: what was asked for has not happened."""

    code = "store_changed"
    next_step = "Run the command again."
