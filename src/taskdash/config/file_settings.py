"""A config file's tables become `Settings`.

A file is checked whole, also the profiles that are not in use, and every fault in it is told at once.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from taskdash.config.locations import absolute
from taskdash.config.profile_table import PROFILE_KEYS, read_profile
from taskdash.config.settings import DEFAULT_PROFILE, KEY_PRESETS, LOG_LEVELS, Profile, Settings, View
from taskdash.config.table import TomlTable
from taskdash.config.view_file import VIEW_KEYS, read_view
from taskdash.config.wording import looks_like_key, shown
from taskdash.domain.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from taskdash.config.config_file import ConfigFile

GLOBAL_KEYS: Final = (
    "profile",
    "download_dir",
    "open_command",
    "on_finish",
    "bell",
    "auto_download",
    "max_result_mib",
    "log_level",
    "key_preset",
    "keys",
    "view",
    "profiles",
)
_PROFILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_KEY_NAME = re.compile(r"[^\s\x00-\x1f\x7f]{1,40}")


def settings_of(
    file: ConfigFile, action_names: Collection[str] | None, theme_names: Collection[str] | None
) -> Settings:
    """Read a whole file; its `profile` stays empty where it names none.

    Raises:
        ConfigError: something in it is wrong, or it has a key that others can read.
    """
    problems: list[str] = []
    top = TomlTable(file.values, problems)
    top.reject_unknown(GLOBAL_KEYS, _place_of_profile_key)
    profiles = _profiles(top, file)
    view_table = top.table("view")
    view_table.reject_unknown(VIEW_KEYS)
    settings = Settings(
        profile=top.text("profile", "", _fault_of_profile_name),
        download_dir=_download_dir(top),
        open_command=top.arguments("open_command"),
        on_finish=top.arguments("on_finish"),
        bell=top.flag("bell", False),
        auto_download=top.flag("auto_download", False),
        max_result_mib=top.whole("max_result_mib", None, 1, 1_048_576),
        log_level=top.choice("log_level", "info", LOG_LEVELS),
        key_preset=top.choice("key_preset", "default", KEY_PRESETS),
        keys=MappingProxyType(_keys(top.table("keys"), action_names)),
        view=read_view(view_table, View(), theme_names),
        profiles=MappingProxyType(profiles),
        config_file=file.path,
        origins=_origins(file),
    )
    if problems:
        raise ConfigError.of(problems, file.shown_path)
    _refuse_key_that_others_can_read(file, settings)
    return settings


def _profiles(top: TomlTable, file: ConfigFile) -> dict[str, Profile]:
    tables = top.table("profiles")
    profiles = {}
    for name in tables.names():
        if (fault := _fault_of_profile_name(name)) is not None:
            tables.note(name, fault)
        else:
            profiles[name] = read_profile(name, tables.table(name), file.path, GLOBAL_KEYS)
    return profiles


def _refuse_key_that_others_can_read(file: ConfigFile, settings: Settings) -> None:
    names = [name for name, profile in settings.profiles.items() if profile.api_key or profile.api_key_fault]
    if names and file.readable_by_others:
        raise ConfigError(
            f"{file.shown_path}: profiles.{names[0]}.api_key: this file has an API key in it,"
            f" and other users can read or change it. Run: {file.chmod_line}"
        )


def _fault_of_profile_name(name: str) -> str | None:
    if looks_like_key(name):
        return "looks like an API key; a key goes into the environment, never into a name"
    if not _PROFILE_NAME.fullmatch(name):
        return f"{shown(name)} cannot be a profile's name: use up to 64 letters, digits, dots, - and _"
    return None


def _place_of_profile_key(key: str) -> str:
    return (
        f" It belongs to a profile: put it under [profiles.{DEFAULT_PROFILE}]." if key in PROFILE_KEYS else ""
    )


def _download_dir(top: TomlTable) -> Path | None:
    def check(value: str) -> str | None:
        if not value.startswith(("/", "~")) or "\0" in value:
            return f"must be an absolute path, or start with ~, not {shown(value)}"
        try:
            absolute(value)
        except UsageError as error:
            return str(error)
        return None

    text = top.text("download_dir", None, check)
    return None if text is None else absolute(text)


def _keys(table: TomlTable, action_names: Collection[str] | None) -> dict[str, tuple[str, ...]]:
    if action_names is not None:
        table.reject_unknown(action_names)
    return {action: _keys_of(table, action) for action in table.names()}


def _keys_of(table: TomlTable, action: str) -> tuple[str, ...]:
    def check(value: str) -> str | None:
        if _KEY_NAME.fullmatch(value):
            return None
        return f'{shown(value)} is no key: write it as "o", "ctrl+p" or "space", or use [] for none'

    if table.is_text(action):
        return (table.text(action, "", check),)
    keys = table.texts(action) or ()
    for key in keys:
        if (fault := check(key)) is not None:
            table.note(action, fault)
            return ()
    return tuple(dict.fromkeys(keys))


def _origins(file: ConfigFile) -> dict[str, str]:
    """Every value of the file under its dotted name, two tables deep at most."""
    origin = f"file {file.shown_path}"
    names: dict[str, str] = {}

    def walk(values: Mapping[str, object], prefix: str, depth: int) -> None:
        for key, value in values.items():
            names[prefix + key] = origin
            if isinstance(value, dict) and depth:
                walk(value, f"{prefix}{key}.", depth - 1)

    walk(file.values, "", 2)
    return names
