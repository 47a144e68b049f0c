"""The config file as bytes and as TOML, before anybody asks what it means."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import field
from typing import TYPE_CHECKING, Final

from taskdash.config.wording import without_keys
from taskdash.domain.errors import ConfigError
from taskdash.domain.untrusted import inert_line
from taskdash.domain.values import value

if TYPE_CHECKING:
    from pathlib import Path

MAX_CONFIG_BYTES: Final = 1_048_576
_PLACE: Final = r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$"


@value(frozen=True, slots=True)
class ConfigFile:
    """What a config file has in it."""

    path: Path
    values: dict[str, object] = field(repr=False)
    readable_by_others: bool
    """Whether its group or anybody else may read or change it."""

    @property
    def shown_path(self) -> str:
        """The path as messages show it."""
        return inert_line(str(self.path))

    @property
    def chmod_line(self) -> str:
        """What to run so that only its owner can read it."""
        return _command_line("chmod 600", self.path)


def read_config_file(path: Path, named_by: str) -> ConfigFile | None:
    """Read `path`.

    Args:
        path: the file; a pipe or `/dev/null` will do.
        named_by: the option or variable that named it; empty for the default file, which may be missing.

    Returns:
        None where the default file does not exist.

    Raises:
        ConfigError: it cannot be read, or is no TOML.
    """
    shown_path = inert_line(str(path))
    source = f" (named by {named_by})" if named_by else ""
    try:
        found = _read_bytes(path)
    except FileNotFoundError:
        if not named_by and not path.is_symlink():
            return None
        what = "is a link to nothing" if path.is_symlink() else "there is no such file"
        line = _command_line("taskdash --config", path) if named_by == "--config" else "taskdash"
        raise ConfigError(
            f"{shown_path}: {what}{source}; name one that is there, or write it with `{line} config init`"
        ) from None
    except IsADirectoryError:
        raise ConfigError(
            f"{shown_path}: is a directory{source}; name a file such as config.toml in it"
        ) from None
    except PermissionError:
        advice = _command_line("chmod u+r", path)
        raise ConfigError(f"{shown_path}: you may not read it{source}; let yourself with: {advice}") from None
    except OSError as error:
        reason = inert_line(error.strerror or "unknown reason")
        raise ConfigError(
            f"{shown_path}: cannot be read{source}: {reason}; name another with --config"
        ) from None
    data, readable_by_others = found
    if len(data) > MAX_CONFIG_BYTES:
        raise ConfigError(f"{shown_path}: is larger than 1 MiB{source}; is it the right file?")
    try:
        return ConfigFile(path, toml_values(data), readable_by_others)
    except ValueError as error:
        raise ConfigError(f"{shown_path}: {error}") from None


def _command_line(command: str, path: Path) -> str:
    import shlex

    return inert_line(f"{command} {shlex.quote(str(path))}")


def _read_bytes(path: Path) -> tuple[bytes, bool]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - opened by number, so that the mode is of this very file
        status = os.fstat(file.fileno())
        open_to_others = stat.S_ISREG(status.st_mode) and bool(stat.S_IMODE(status.st_mode) & 0o066)
        return file.read(MAX_CONFIG_BYTES + 1), open_to_others


def toml_values(data: bytes) -> dict[str, object]:
    """Parse TOML.

    Raises:
        ValueError: it is none; the message names line and column and is fit to be shown.
    """
    import tomllib

    try:
        # Some editors put a byte order mark before UTF-8, which TOML does not have.
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = data[error.start]
        raise ValueError(f"is not UTF-8 text: byte 0x{byte:02x} in line {line}; save it as UTF-8") from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(_syntax_error(str(error), text)) from None
    except RecursionError:
        raise ValueError("is no TOML: it is nested too deeply") from None
    except ValueError:
        # tomllib hands on what Python says to numbers of thousands of digits and to dates out of range.
        raise ValueError("is no TOML: a number or a date in it is out of range") from None


def _syntax_error(message: str, text: str) -> str:
    place = re.search(_PLACE, message)
    what = without_keys(message[: place.start()] if place else message, 200)
    if place is None or place[1] is None:
        end = text.rstrip("\n")
        line, column = end.count("\n") + 1, len(end) - end.rfind("\n")
        return f"line {line}, column {column} (its end): is no TOML: {what}"
    return f"line {place[1]}, column {place[2]}: is no TOML: {what}"
