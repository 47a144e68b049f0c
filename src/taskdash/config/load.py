"""Loads `Settings` from command line, environment and file, where the first of these wins, then the default.

The whole file is checked, including the profiles that are not in use, and all its faults are reported at once.
"""

from __future__ import annotations

import os
import re
import shlex
import stat
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from taskdash.config.kinds import checked_base_url
from taskdash.config.locations import config_path
from taskdash.config.profile import DEFAULT_PROFILE, Profile, preset_of
from taskdash.config.readers import Place, looks_like_key, one_of_these, quoted, suggestion, without_keys
from taskdash.config.settings import Settings, read_settings
from taskdash.domain.errors import ConfigError, UsageError
from taskdash.domain.untrusted import inert_line

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from taskdash.config.own import OwnCommand

    KeyFaults = Callable[
        [str, Mapping[str, tuple[str, ...]], Mapping[str, OwnCommand]], list[tuple[tuple[str, ...], str]]
    ]
    """Given the key preset, the keys of actions, and the commands, returns the faults, each with its place."""

PROFILE_VARIABLE: Final = "TASKDASH_PROFILE"
BASE_URL_VARIABLE: Final = "TASKDASH_BASE_URL"
MAX_CONFIG_BYTES: Final = 1_048_576
_TOML_PLACE: Final = r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$"


def load_settings(
    config_file: Path | None,
    environ: Mapping[str, str],
    *,
    profile: str | None = None,
    log_level: str | None = None,
    key_faults: KeyFaults | None = None,
    theme_names: Collection[str] | None = None,
) -> Settings:
    """Return the settings in force, from command-line options, environment, file and defaults.

    `key_faults` checks the keys of actions and commands, and the theme must be one of `theme_names`; None accepts
    anything.

    Raises:
        ConfigError: a setting is wrong, or the file cannot be read.
        UsageError: the command line or the environment is wrong.
    """
    path, named_by = config_path(config_file, environ)
    file = read_config_file(path, named_by)
    settings = settings_in(file, key_faults, theme_names) if file else Settings()
    asked, origin = profile, "--profile"
    if asked is None:
        asked, origin = environ.get(PROFILE_VARIABLE) or None, f"environment {PROFILE_VARIABLE}"
    settings = _with_profile(settings, asked, origin, file)
    settings = _with_base_url(settings, environ.get(BASE_URL_VARIABLE))
    if log_level is not None:
        origins = {**settings.origins, "log_level": "--log-level"}
        settings = replace(settings, log_level=log_level, origins=origins)
    return settings


def _with_profile(settings: Settings, asked: str | None, origin: str, file: ConfigFile | None) -> Settings:
    """Set the profile in use: the one asked for, else the file's, else the only one there is, else aigptimage."""
    profiles = dict(settings.profiles)
    named = asked or settings.profile
    name = named or (next(iter(profiles)) if len(profiles) == 1 else DEFAULT_PROFILE)
    if name == DEFAULT_PROFILE and (named or not profiles):
        profiles.setdefault(DEFAULT_PROFILE, Profile(name=DEFAULT_PROFILE))
    if name not in profiles:
        raise _no_such_profile(named, profiles, origin if asked else "", file)
    origins = {**settings.origins, "profile": origin} if asked else settings.origins
    return replace(settings, profile=name, profiles=MappingProxyType(profiles), origins=origins)


def _no_such_profile(
    name: str, profiles: Collection[str], origin: str, file: ConfigFile | None
) -> UsageError:
    there = one_of_these(profiles)
    place = file.place_of("profile") if file else ""
    if not file or not profiles:
        way = "add a table [profiles.NAME]" if file else "run `taskdash --profile NAME config init`"
        there = f"{DEFAULT_PROFILE}, the only one so far; for another {way}"
    if not name:
        return ConfigError(f'{place}profile: choose one, as in profile = "kie": {there}')
    near = "" if looks_like_key(name) else suggestion(name, profiles)
    if not origin:
        return ConfigError(f"{place}profile: there is no table for {quoted(name)}, use {there}.{near}")
    source = origin.removeprefix("environment ")
    return UsageError(f"{source}: there is no profile {quoted(name)}, use {there}.{near}")


def _with_base_url(settings: Settings, text: str | None) -> Settings:
    if not text:
        return settings
    try:
        profile = replace(settings.in_use, base_url=checked_base_url(text))
    except ValueError as error:
        raise UsageError(f"{BASE_URL_VARIABLE}: {error}") from None
    profiles = {**settings.profiles, profile.name: profile}
    origins = {**settings.origins, f"profiles.{profile.name}.base_url": f"environment {BASE_URL_VARIABLE}"}
    return replace(settings, profiles=MappingProxyType(profiles), origins=origins)


def settings_in(
    file: ConfigFile, key_faults: KeyFaults | None = None, theme_names: Collection[str] | None = None
) -> Settings:
    """Read a whole file; `profile` stays empty if the file has none.

    Raises ConfigError if something in it is wrong, or it has a key that others can read.
    """
    faults: list[str] = []
    found = read_settings(file.values, Place(faults, {"theme": theme_names}, file.line_of))
    if key_faults is not None:
        written = file.values.get("keys")
        # An action whose keys are invalid counts as having none, so that its default keys cause no conflicts.
        none = dict.fromkeys(written if isinstance(written, dict) else (), ())
        own = none | dict(found.get("keys", {}))
        told = key_faults(found.get("key_preset", "default"), own, found.get("commands", {}))
        faults += [f"{file.line_of(path)}{fault}" for path, fault in told]
    if faults:
        # A missing profile is reported elsewhere, as an option may name another one; here only beside other faults.
        named, tables = file.values.get("profile"), file.values.get("profiles", {})
        if isinstance(named, str) and isinstance(tables, dict) and named not in (*tables, DEFAULT_PROFILE):
            line = file.line_of(("profile",))
            missing = f"{line}profile: there is no table for {quoted(named)}"
            faults += [] if any(fault.startswith(f"{line}profile: ") for fault in faults) else [missing]
        raise ConfigError.of(faults, file.shown_path)
    profiles = {
        name: replace(profile, source=file.path) for name, profile in found.pop("profiles", {}).items()
    }
    for name, profile in profiles.items():
        if file.readable_by_others and (profile.api_key or profile.api_key_fault):
            raise ConfigError(
                f"{file.place_of('profiles', name, 'api_key')}profiles.{name}.api_key: this file contains an API key,"
                f" and other users can read or change it. Run: {_command_line('chmod 600', file.path)}"
            )
    return Settings(
        **{"profile": "", **found},
        profiles=MappingProxyType(profiles),
        config_file=file.path,
        origins=_origins(file),
    )


def _origins(file: ConfigFile) -> dict[str, str]:
    """Return the source of each value, the file or a preset, by its dotted name, at most two tables deep."""
    origin = f"file {file.shown_path}"
    names: dict[str, str] = {}

    def walk(values: Mapping[str, object], prefix: str, depth: int) -> None:
        for key, value in values.items():
            names[prefix + key] = origin
            if isinstance(value, dict) and depth:
                walk(value, f"{prefix}{key}.", depth - 1)

    walk(file.values, "", 2)
    profiles = file.values.get("profiles")
    for name, given in profiles.items() if isinstance(profiles, dict) else ():
        for key in preset_of(given):
            names[f"profiles.{name}.{key}"] = f"preset {given['preset']}"
    return names


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A config file parsed as TOML, with its values not checked yet."""

    path: Path
    values: dict[str, object] = field(repr=False)
    readable_by_others: bool
    """Whether its group or others may read or change it."""
    text: str = field(default="", repr=False)

    @property
    def shown_path(self) -> str:
        """Return the path for messages, inert."""
        return inert_line(str(self.path))

    def line_of(self, path: tuple[str | int, ...]) -> str:
        """Return `line 12: ` for the key at `path`, or for the table that lacks it; "" if neither is in the file."""
        # Imported late: only faults need lines.
        from taskdash.config.toml_lines import key_lines

        lines = key_lines(self.text)
        found = (lines[path[:length]] for length in range(len(path), 0, -1) if path[:length] in lines)
        line = next(found, None)
        return f"line {line}: " if line else ""

    def place_of(self, *path: str) -> str:
        """Return the file and the line of a key, as the start of an error message."""
        return f"{self.shown_path}: {self.line_of(path)}"


def read_config_file(path: Path, named_by: str) -> ConfigFile | None:
    """Read a file or a pipe; return None if it is the default one (`named_by` is empty) and does not exist.

    Raises ConfigError if it cannot be read or is not TOML. `named_by` is the option or variable that named it.
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
        raise ConfigError(f"{shown_path}: {what}{source}; create it with `{line} config init`") from None
    except OSError as error:
        what = f"cannot be read{source}: {inert_line(error.strerror or 'unknown reason')}"
        advice = "choose another with --config"
        if isinstance(error, IsADirectoryError):
            what, advice = f"is a directory{source}", "give a file in it, such as config.toml"
        elif isinstance(error, PermissionError):
            what = f"permission denied{source}"
            advice = f"run: {_command_line('chmod u+r', path)}"
        raise ConfigError(f"{shown_path}: {what}; {advice}") from None
    data, readable_by_others = found
    if len(data) > MAX_CONFIG_BYTES:
        raise ConfigError(f"{shown_path}: larger than 1 MiB{source}; is it the right file?")
    try:
        return ConfigFile(path, toml_values(data), readable_by_others, data.decode("utf-8-sig"))
    except ValueError as error:
        raise ConfigError(f"{shown_path}: {error}") from None


def _command_line(command: str, path: Path) -> str:
    return inert_line(f"{command} {shlex.quote(str(path))}")


def _read_bytes(path: Path) -> tuple[bytes, bool]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - opened by number, so that the mode is of this very file
        status = os.fstat(file.fileno())
        open_to_others = stat.S_ISREG(status.st_mode) and bool(stat.S_IMODE(status.st_mode) & 0o066)
        return file.read(MAX_CONFIG_BYTES + 1), open_to_others


def toml_values(data: bytes) -> dict[str, object]:
    """Parse TOML; raise ValueError with a message that is safe to show and, for syntax errors, has line and column."""
    import tomllib

    try:
        # Some editors start UTF-8 with a byte order mark, which TOML does not allow.
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
        raise ValueError("is not valid TOML: nested too deeply") from None
    except ValueError:
        # tomllib lets Python's errors through for numbers with thousands of digits and dates out of range.
        raise ValueError("is not valid TOML: a number or a date is out of range") from None


def _syntax_error(message: str, text: str) -> str:
    place = re.search(_TOML_PLACE, message)
    what = without_keys(message[: place.start()] if place else message, 200)
    if place is None or place[1] is None:
        end = text.rstrip("\n")
        line, column = end.count("\n") + 1, len(end) - end.rfind("\n")
        return f"line {line}, column {column} (its end): not valid TOML: {what}"
    return f"line {place[1]}, column {place[2]}: not valid TOML: {what}"
