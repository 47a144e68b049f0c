"""Loads settings from command line, environment and file, where the first of these wins, then the default.

The whole file is checked, including the profiles that are not in use, and all its faults are reported at once.

What taskdash writes itself is here too: the first config, and `view.toml`, with what the user changed in the dashboard,
under the same names as `[view]`. That can never stop the program: wrong values in it are ignored.
"""

from __future__ import annotations

import os
import shlex
import stat
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from taskdash.config.files import (
    config_path,
    create_private_file,
    key_lines,
    make_private_dir,
    replace_private_file,
    toml_values,
)
from taskdash.config.keys import quoted
from taskdash.config.profile import (
    DEFAULT_PRESET,
    DEFAULT_PROFILE,
    Profile,
    checked_base_url,
    preset_of,
    preset_profile,
)
from taskdash.config.readers import Place, one_of_these, read, settings_of, suggestion
from taskdash.config.settings import Settings, View, read_settings
from taskdash.domain.errors import ConfigError, TaskdashError, UsageError
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
        asked, origin = environ.get(PROFILE_VARIABLE), PROFILE_VARIABLE
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
        known = one_of_these(profiles or [DEFAULT_PROFILE])
        if not asked:
            place = f"{file.shown_path}: " if file else ""
            raise ConfigError(f'{place}profile: choose one, as in profile = "kie": {known}')
        way = "" if file else " For another, run `taskdash --profile NAME config init`."
        near = suggestion(name, profiles)
        raise UsageError(f"{origin}: there is no profile {quoted(name)}, use {known}.{near}{way}")
    source = origin if origin == "--profile" else f"environment {origin}"
    origins = {**settings.origins, "profile": source} if asked else settings.origins
    return replace(settings, profile=name, profiles=MappingProxyType(profiles), origins=origins)


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
    place = Place(faults, file.line_of)
    found = read_settings(file.values, place, theme_names)
    if key_faults is not None:
        written = file.values.get("keys")
        # An action whose keys are invalid counts as having none, so that its default keys cause no conflicts.
        none = dict.fromkeys(written if isinstance(written, dict) else (), ())
        own = none | dict(found.get("keys", {}))
        told = key_faults(found.get("key_preset", "default"), own, found.get("commands", {}))
        faults += [f"{file.line_of(path)}{fault}" for path, fault in told]
    profiles = found.pop("profiles", {})
    for name, profile in profiles.items():
        if file.readable_by_others and (profile.api_key or profile.api_key_fault):
            place.at("profiles").at(name).at("api_key").note(
                "this file contains an API key, and other users can read or change it."
                f" Run: {_command_line('chmod 600', file.path)}"
            )
    if faults:
        raise ConfigError.of(faults, file.shown_path)
    return Settings(
        **{"profile": "", **found}, profiles=profiles, config_file=file.path, origins=_origins(file)
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
    """Holds a config file parsed as TOML, with its values not checked yet."""

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
        lines = key_lines(self.text)
        found = [lines[path[:length]] for length in range(len(path), 0, -1) if path[:length] in lines]
        return f"line {found[0]}: " if found else ""


def read_config_file(path: Path, named_by: str) -> ConfigFile | None:
    """Read a file or a pipe; return None if it is the default one (`named_by` is empty) and does not exist.

    Raises ConfigError if it cannot be read or is not TOML. `named_by` is the option or variable that named it.
    """
    shown_path = inert_line(str(path))
    source = f" (named by {named_by})" if named_by else ""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - opened by number, so that the mode is of this very file
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(MAX_CONFIG_BYTES + 1)
    except OSError as error:
        is_missing = isinstance(error, FileNotFoundError) and not path.is_symlink()
        if is_missing and not named_by:
            return None
        line = _command_line("taskdash --config", path) if named_by == "--config" else "taskdash"
        advice = f"create it with `{line} config init`" if is_missing else "choose another with --config"
        reason = inert_line(error.strerror or "unknown reason")
        raise ConfigError(f"{shown_path}: cannot be read{source}: {reason}; {advice}") from None
    if len(data) > MAX_CONFIG_BYTES:
        raise ConfigError(f"{shown_path}: larger than 1 MiB{source}; is it the right file?")
    try:
        values = toml_values(data)
    except ValueError as error:
        raise ConfigError(f"{shown_path}: {error}") from None
    readable_by_others = stat.S_ISREG(mode) and bool(mode & 0o066)
    return ConfigFile(path, values, readable_by_others, data.decode("utf-8-sig"))


def _command_line(command: str, path: Path) -> str:
    return inert_line(f"{command} {shlex.quote(str(path))}")


# What taskdash writes itself

_HEAD: Final = """\
# Written by `taskdash config init`. Everything that can be set, with its default: `taskdash config example`.
# See what is in force with `taskdash config show`; check a change with `taskdash config check`.
# Global settings (download_dir, bell, [keys], [view], ...) go above the profiles.

"""
_TIER_HINT: Final = """
# The tier of your API key says how fast taskdash may check: free, basic, standard, pro, ultra or enterprise.
# Without it free is assumed. It goes into the table above:
# tier = "basic"
"""


def first_config_text(profile: Profile) -> str:
    """Return a config with `profile` in use: its preset or URL, the source of its key, and non-default settings."""
    has_preset = profile.preset != DEFAULT_PRESET
    table: dict[str, object] = {"preset": profile.preset} if has_preset else {"base_url": profile.base_url}
    table |= _changed(profile, preset_profile(profile.preset, profile.name))
    if profile.api_key is not None:
        table["api_key"] = profile.api_key.reveal()
    elif profile.api_key_env and not has_preset:
        table["api_key_env"] = profile.api_key_env
    if not profile.tier_assumed and profile.tier:
        table["tier"] = profile.tier
    text = _HEAD + _toml({"profile": profile.name, "profiles": {profile.name: table}})
    return text + (_TIER_HINT if profile.tier_assumed else "")


def write_first_config(path: Path, profile: Profile) -> str | None:
    """Write a first config, 0600, in a 0700 folder; return a line for the user if the folder had to be tightened.

    Raises:
        TaskdashError: the path is taken; nothing was touched.
        ConfigError: the file cannot be written.
    """
    shown_path = inert_line(str(path))
    try:
        warning = make_private_dir(path.parent)
        create_private_file(path, first_config_text(profile).encode())
    except FileExistsError:
        raise TaskdashError(f"{shown_path} already exists; not overwritten") from None
    except OSError as error:
        reason = inert_line(error.strerror or "unknown reason")
        raise ConfigError(
            f"{shown_path}: cannot be written: {reason}; choose another path with --config"
        ) from None
    return warning


def load_view(path: Path, first: View) -> View:
    """Return `first`, the values of `[view]`, updated from `view.toml`, if it exists; wrong values are ignored."""
    with suppress(OSError, ValueError):
        return replace(first, **read(View, toml_values(path.read_bytes()), Place([])))
    return first


def save_view(path: Path, view: View, first: View) -> str | None:
    """Atomically save how `view` differs from `first`, the values of `[view]`; return a warning or error, if any."""
    try:
        warning = make_private_dir(path.parent)
        replace_private_file(path, _toml(_changed(view, first)).encode())
    except OSError as error:
        reason = inert_line(error.strerror or "unknown reason")
        return f"{inert_line(str(path))}: the look cannot be remembered: {reason}"
    return warning


def _changed(model: View | Profile, first: View | Profile) -> dict[str, object]:
    """Return the settings of `model` that differ from `first`, as TOML values."""
    return {
        key: value
        for key, each in settings_of(type(model)).items()
        if (value := each.reader.plain(getattr(model, each.name))) is not None
        and getattr(model, each.name) != getattr(first, each.name)
    }


def _toml(values: Mapping[str, object]) -> str:
    # Imported late: most runs write nothing.
    import tomli_w

    return tomli_w.dumps(values)
