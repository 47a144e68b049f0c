"""Writes the first config, without ever overwriting one, and reads and writes the look of the dashboard.

`view.toml` has the user's changes in the dashboard, under the same names as `[view]`. It can never stop the program:
wrong values in it are ignored.
"""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from taskdash.config.load import toml_values
from taskdash.config.locations import create_private_file, make_private_dir, replace_private_file
from taskdash.config.profile import DEFAULT_PRESET, Profile, preset_profile
from taskdash.config.readers import Place, read, settings_of
from taskdash.config.settings import View
from taskdash.domain.errors import ConfigError, TaskdashError
from taskdash.domain.untrusted import inert_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_VIEW_BYTES: Final = 65_536
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
    try:
        values = toml_values(_read_regular_file(path))
    except (OSError, ValueError):
        return first
    return replace(first, **read(View, values, Place([])))


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


def _read_regular_file(path: Path) -> bytes:
    # O_NONBLOCK, as opening a named pipe would wait for a writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - opened by number, as open() does not take these flags
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("it is no regular file")
        data = file.read(MAX_VIEW_BYTES + 1)
    if len(data) > MAX_VIEW_BYTES:
        raise ValueError("it is larger than 64 KiB")
    return data
