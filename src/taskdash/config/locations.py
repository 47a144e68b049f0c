"""Finds the paths of taskdash's files by platformdirs, respecting `XDG_*` and overrides, and creates private files.

platformdirs reads the environment of this process. A relative `XDG_*` is ignored, as the XDG specification
requires. Paths are only looked up when needed, so naming all files explicitly works without a home directory; if one
is needed and missing, UsageError is raised. Files and folders are only accessible to their owner, 0600 and 0700,
whatever the umask.
"""

from __future__ import annotations

import errno
import os
import pwd
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from taskdash.domain.errors import UsageError
from taskdash.domain.untrusted import inert_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from taskdash.config.settings import Settings

CONFIG_VARIABLE: Final = "TASKDASH_CONFIG"
STORE_VARIABLE: Final = "TASKDASH_STORE"

_FOLDERS: Final = {
    "config": ("XDG_CONFIG_HOME", ".config"),
    "data": ("XDG_DATA_HOME", ".local/share"),
    "state": ("XDG_STATE_HOME", ".local/state"),
    "cache": ("XDG_CACHE_HOME", ".cache"),
    "downloads": ("XDG_DOWNLOAD_DIR", ""),
}
"""The variable for each kind of folder, and its place in a home on Linux; "": only platformdirs knows."""


def config_path(override: Path | None, environ: Mapping[str, str]) -> tuple[Path, str]:
    """Return the config file, and what named it: `--config`, `TASKDASH_CONFIG`, or "" for the default."""
    if override is not None:
        return absolute(override), "--config"
    if named := environ.get(CONFIG_VARIABLE):
        return absolute(named, CONFIG_VARIABLE), CONFIG_VARIABLE
    return _folder("config") / "config.toml", ""


def themes_dir(config: Path) -> Path:
    """Return the folder for the user's own themes, beside the config."""
    return config.parent / "themes"


def store_path(override: Path | None, environ: Mapping[str, str]) -> Path:
    """Return the SQLite file with the list."""
    if override is not None:
        return absolute(override)
    if named := environ.get(STORE_VARIABLE):
        return absolute(named, STORE_VARIABLE)
    return _folder("data") / "tasks.db"


def view_path() -> Path:
    """Return the file in which the dashboard remembers its look."""
    return _folder("state") / "view.toml"


def log_path() -> Path:
    """Return the log file."""
    return _folder("state") / "taskdash.log"


def previews_dir() -> Path:
    """Return the folder for small copies of results."""
    return _folder("cache") / "previews"


def download_dir(settings: Settings) -> Path:
    """Return the folder in which results are saved."""
    return settings.download_dir or _folder("downloads") / "taskdash"


def absolute(text: str | Path, origin: str = "") -> Path:
    """Return the user's path as absolute, with `~` expanded; a relative one starts at the current directory.

    Raises UsageError if it cannot be a path, its `~` has no home directory, or the current directory is gone.
    """
    source = f"{origin}: " if origin else ""
    if "\0" in str(text):
        raise UsageError(f"{source}a path cannot have a NUL character in it")
    try:
        return Path(os.path.abspath(_expanded(str(text))))  # noqa: PTH100 - resolve() would follow links
    except FileNotFoundError:
        raise UsageError(f"{source}the current directory is gone: use an absolute path") from None


def _expanded(text: str) -> str:
    """Expand a leading `~`; raise UsageError if there is no such home directory."""
    if text == "~" or text.startswith("~/"):
        return f"{_home(text)}{text[1:]}"
    expanded = os.path.expanduser(text)  # noqa: PTH111 - Path.expanduser raises RuntimeError where this does not
    if expanded.startswith("~"):
        raise UsageError(f"cannot expand {inert_line(text, 200)}: there is no such user")
    return expanded


def _home(text: str) -> str:
    """Return the home directory for `text`; a relative or empty HOME is ignored, as it could lead anywhere."""
    home = os.environ.get("HOME", "")
    if home.startswith("/"):
        return home.rstrip("/")
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
    # Older releases of platformdirs return paths from a relative HOME or XDG_*.
    if not os.path.isabs(text):  # noqa: PTH117 - it is still text, and may be empty
        raise UsageError(f"cannot determine the {kind} directory: {_no_home(_FOLDERS[kind][0])}")
    return Path(text)


def _folder_on_linux(kind: str) -> str | None:
    """Return platformdirs' answer in the simplest case, without importing it, which takes 10 ms; a test compares."""
    variable, folder = _FOLDERS[kind]
    if sys.platform != "linux" or "ANDROID_DATA" in os.environ or not folder:
        return None
    base, home = os.environ.get(variable), os.environ.get("HOME", "")
    if not base and home.startswith("/"):
        base = f"{home}/{folder}"
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


# Files and folders that only their owner can read

_users_umask: list[int] = []


def keep_all_files_private() -> None:
    """Set the umask so that this process creates no files that others can read."""
    _users_umask[:] = [os.umask(0o077)]


def users_umask() -> int:
    """Return the user's original umask for their own programs, as `subprocess` takes it (-1: leave as it is)."""
    return _users_umask[0] if _users_umask else -1


def make_private_dir(path: Path) -> str | None:
    """Create `path` and its missing parents, 0700; tighten it if it exists and is taskdash's own.

    Return a line for the user if an existing folder had to be tightened, else None; raise OSError if it cannot
    be created.
    """
    missing = [path, *path.parents]
    while missing and missing[-1].exists():
        missing.pop()
    for folder in reversed(missing):
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
    if not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
    return None if path in missing else tightened(path)


def tightened(path: Path) -> str | None:
    """Make a folder of taskdash's own 0700 if it is open to others; return a line for the user if it was.

    Only a folder named `taskdash` is ours; one that the user chose, such as `/tmp`, is left alone.
    """
    status = path.stat()
    ours = path.name == "taskdash" and status.st_uid == os.getuid()
    if not ours or not stat.S_IMODE(status.st_mode) & 0o077:
        return None
    path.chmod(0o700)
    return f"{inert_line(str(path))} was open to other users: made 0700"


def create_private_file(path: Path, data: bytes) -> None:
    """Create a file, 0600, and flush it to disk; on failure leave nothing behind.

    Raises FileExistsError if the name is taken, even by a dangling link.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        _write_all(descriptor, data)
    except BaseException:
        path.unlink()
        raise


def replace_private_file(path: Path, data: bytes) -> None:
    """Write a file, 0600, atomically replacing any existing one."""
    import tempfile

    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        _write_all(descriptor, data)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink()
        raise


def _write_all(descriptor: int, data: bytes) -> None:
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
