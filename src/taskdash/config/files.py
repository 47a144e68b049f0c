"""Finds taskdash's files by platformdirs, `XDG_*` and overrides, parses TOML, and creates private files.

platformdirs reads the environment of this process. A relative `XDG_*` is ignored, as the XDG specification
requires. Paths are only looked up when needed, so naming all files explicitly works without a home directory; if one
is needed and missing, UsageError is raised. Files and folders are only accessible to their owner, 0600 and 0700,
whatever the umask.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Literal

from taskdash.domain.errors import UsageError
from taskdash.domain.secret import without_key_forms
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

    Raises UsageError if its `~` has no home directory, or the current directory is gone.
    """
    source = f"{origin}: " if origin else ""
    expanded = os.path.expanduser(text)  # noqa: PTH111 - Path.expanduser raises RuntimeError where this does not
    # A relative or empty HOME could lead anywhere.
    is_lost = str(text).partition("/")[0] == "~" and not os.environ.get("HOME", "/").startswith("/")
    if str(expanded).startswith("~") or is_lost:
        shown = inert_line(str(text), 200)
        raise UsageError(
            f"{source}cannot expand {shown}: no such home directory (HOME must be an absolute path)"
        )
    try:
        return Path(os.path.abspath(expanded))  # noqa: PTH100 - resolve() would follow links
    except FileNotFoundError:
        raise UsageError(f"{source}the current directory is gone: use an absolute path") from None


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
        raise UsageError(
            f"cannot determine the {kind} directory: set HOME or {_FOLDERS[kind][0]} to an absolute path"
        )
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


# TOML


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
        raise ValueError(f"not valid TOML: {without_key_forms(inert_line(str(error), 200))}") from None
    except RecursionError:
        raise ValueError("is not valid TOML: nested too deeply") from None
    except ValueError:
        # tomllib lets Python's errors through for numbers with thousands of digits and dates out of range.
        raise ValueError("is not valid TOML: a number or a date is out of range") from None


_KEY: Final = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_KEY_OF_LINE: Final = (
    rf"[ \t]*(?P<bracket>\[{{0,2}})[ \t]*(?P<key>{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*)[ \t]*(?P<end>[=\]])"
)
_TEXT_OR_COMMENT: Final = r"""(?xs)
      (?P<lines> "{3}(?:[^\\]|\\.)*?"{3,5} | '{3}.*?'{3,5} )
    | "(?:[^"\\\n]|\\.)*" | '[^'\n]*' | \#[^\n]*
"""


# Cached, as it is called for each fault of a file.
@lru_cache(1)
def key_lines(text: str) -> dict[tuple[str | int, ...], int]:
    """Return the line, from 1, on which each key, table and element of a `[[table]]` of a valid TOML file first is.

    The standard library's parser does not report them. Each is under the names of the tables around it and its own.
    What is in a value, such as an array, has none of its own.
    """
    lines: dict[tuple[str | int, ...], int] = {}
    tables: dict[tuple[str | int, ...], int] = {}
    table: tuple[str | int, ...] = ()
    # Text of several lines may have lines in it that look like keys.
    text = re.sub(
        _TEXT_OR_COMMENT,
        lambda found: "\n" * found["lines"].count("\n") if found["lines"] else found[0],
        text,
    )
    for number, line in enumerate(text.split("\n"), 1):
        if (found := re.match(_KEY_OF_LINE, line)) is None or bool(found["bracket"]) != (found["end"] == "]"):
            continue
        path = () if found["bracket"] else table
        names = _names_of(found["key"])
        for n, name in enumerate(names):
            path = (*path, name)
            if found["bracket"] == "[[" and n == len(names) - 1:
                tables[path] = tables.get(path, -1) + 1
            lines.setdefault(path, number)
            if found["bracket"] and path in tables:
                path = (*path, tables[path])
                lines.setdefault(path, number)
        table = path if found["bracket"] else table
    return lines


def _names_of(key: str) -> list[str]:
    """Return the names in a dotted key of TOML."""
    names: list[str] = []
    value: object = toml_values(f"{key} = 0".encode())
    while isinstance(value, dict):
        ((name, value),) = value.items()
        names.append(name)
    return names


# Files and folders; what is created here can be read by its owner only

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
    is_new = not path.exists()
    try:
        # One by one, as `parents` would leave the mode of the parents to the umask.
        for folder in (*reversed(path.parents), path):
            folder.mkdir(mode=0o700, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path)) from None
    return None if is_new else tightened(path)


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


def open_plain_file(path: Path | str, *, follow: bool = True) -> IO[bytes] | None:
    """Open a regular file for reading; return None if it is missing, or a pipe, folder or device."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags)
    except (OSError, ValueError):
        return None
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return open(descriptor, "rb")  # noqa: PTH123 - opened by number
    os.close(descriptor)
    return None


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
