"""Where taskdash keeps its files: by platformdirs, `XDG_*` honoured, each with its override.

What platformdirs reads is the environment of this process. A relative `XDG_*` is ignored, as XDG
asks. Nothing is looked up before it is needed: who names all files by hand needs no home directory.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from taskdash.domain.errors import UsageError
from taskdash.domain.untrusted import inert_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from taskdash.config.settings import Settings

CONFIG_VARIABLE: Final = "TASKDASH_CONFIG"
STORE_VARIABLE: Final = "TASKDASH_STORE"

_XDG_VARIABLES: Final = {
    "config": "XDG_CONFIG_HOME",
    "data": "XDG_DATA_HOME",
    "state": "XDG_STATE_HOME",
    "cache": "XDG_CACHE_HOME",
    "downloads": "XDG_DOWNLOAD_DIR",
}
_LINUX_FOLDERS: Final = {
    "config": ".config",
    "data": ".local/share",
    "state": ".local/state",
    "cache": ".cache",
}


def config_path(override: Path | None, environ: Mapping[str, str]) -> tuple[Path, str]:
    """Return the config file, and what named it: `--config`, `TASKDASH_CONFIG`, or nothing where it is the default.

    Raises:
        UsageError: there is no home directory to find the default in.
    """
    if override is not None:
        return absolute(override), "--config"
    if named := environ.get(CONFIG_VARIABLE):
        return absolute(named, CONFIG_VARIABLE), CONFIG_VARIABLE
    return _folder("config") / "config.toml", ""


def store_path(override: Path | None, environ: Mapping[str, str]) -> Path:
    """Return the SQLite file with the list.

    Raises:
        UsageError: there is no home directory to find the default in.
    """
    if override is not None:
        return absolute(override)
    if named := environ.get(STORE_VARIABLE):
        return absolute(named, STORE_VARIABLE)
    return _folder("data") / "tasks.db"


def view_path() -> Path:
    """Return where the dashboard remembers its look. Raises UsageError where there is no home directory."""
    return _folder("state") / "view.toml"


def log_path() -> Path:
    """Return the log. Raises UsageError where there is no home directory."""
    return _folder("state") / "taskdash.log"


def previews_dir() -> Path:
    """Return the folder for small copies of results. Raises UsageError where there is no home directory."""
    return _folder("cache") / "previews"


def download_dir(settings: Settings) -> Path:
    """Return where results are saved.

    Raises:
        UsageError: nothing is set, and there is no home directory to find the default in.
    """
    return settings.download_dir or _folder("downloads") / "taskdash"


def absolute(text: str | Path, origin: str = "") -> Path:
    """Return a path that somebody named, `~` expanded, from the current directory where it is relative.

    Raises:
        UsageError: it cannot be a path, its `~` has no home directory, or the current directory is gone.
    """
    source = f"{origin}: " if origin else ""
    if "\0" in str(text):
        raise UsageError(f"{source}a path cannot have a NUL character in it")
    try:
        return Path(os.path.abspath(_expanded(str(text))))  # noqa: PTH100 - resolve() would follow links
    except FileNotFoundError:
        raise UsageError(f"{source}the current directory is gone: use an absolute path") from None


def _expanded(text: str) -> str:
    """Expand a leading `~`.

    Raises:
        UsageError: there is no such home directory.
    """
    if text == "~" or text.startswith("~/"):
        return f"{_home(text)}{text[1:]}"
    expanded = os.path.expanduser(text)  # noqa: PTH111 - Path.expanduser raises RuntimeError where this does not
    if expanded.startswith("~"):
        raise UsageError(f"cannot expand {inert_line(text, 200)}: there is no such user")
    return expanded


def _home(text: str) -> str:
    """Return the home directory for `text`; a relative or empty HOME counts as none, for it would lead anywhere."""
    home = os.environ.get("HOME", "")
    if home.startswith("/"):
        return home.rstrip("/")
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        raise UsageError(f"cannot expand ~ in {inert_line(text, 200)}: {_no_home()}") from None


def _folder(kind: Literal["config", "data", "state", "cache", "downloads"]) -> Path:
    if known := _folder_on_linux(kind):
        return Path(known)
    import platformdirs

    dirs = platformdirs.PlatformDirs("taskdash", appauthor=False)
    try:
        text: str = getattr(dirs, f"user_{kind}_dir")
    except (RuntimeError, KeyError, OSError):
        text = ""
    # Older releases of platformdirs hand a relative HOME or XDG_* on.
    if not os.path.isabs(text):  # noqa: PTH117 - it is a text yet, and may be empty
        raise UsageError(f"cannot tell where the {kind} directory is: {_no_home(_XDG_VARIABLES[kind])}")
    return Path(text)


def _folder_on_linux(kind: str) -> str | None:
    """Return what platformdirs says in the plainest case, without the 10 ms of importing it; a test compares."""
    if sys.platform != "linux" or "ANDROID_DATA" in os.environ or kind not in _LINUX_FOLDERS:
        return None
    base, home = os.environ.get(_XDG_VARIABLES[kind]), os.environ.get("HOME", "")
    if not base and home.startswith("/"):
        base = f"{home}/{_LINUX_FOLDERS[kind]}"
    return f"{base}/taskdash" if base and base.startswith("/") and base.isprintable() else None


def _no_home(xdg_variable: str | None = None) -> str:
    home = os.environ.get("HOME")
    why = "HOME is not set" if home is None else "HOME is not an absolute path"
    advice = "set HOME"
    if xdg_variable is not None:
        advice += f", or set {xdg_variable} to an absolute path"
        if os.environ.get(xdg_variable):
            why += f", {xdg_variable} is not an absolute path"
    return f"{why}, and user {os.getuid()} has no home in the password file; {advice}"
