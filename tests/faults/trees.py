"""Folders in which something is in the way of a file that is to be saved, and what they look like."""

from __future__ import annotations

import hashlib
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

MINE: Final = b"this is mine"


def picture_of(folder: Path) -> dict[str, str]:
    """Every entry of a tree by its path: its kind, its mode and what it holds. Links are not followed."""
    entries = {}
    for parent, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(parent, name)
            status = path.lstat()
            held = ""
            if stat.S_ISLNK(status.st_mode):
                held = str(path.readlink())
            elif stat.S_ISREG(status.st_mode):
                held = hashlib.sha256(path.read_bytes()).hexdigest()
            entries[str(path.relative_to(folder))] = f"{stat.filemode(status.st_mode)} {held}"
    return entries


def _read_only_file(folder: Path, name: str, _: Path) -> None:
    (folder / name).write_bytes(MINE)
    (folder / name).chmod(0o400)


def _socket(folder: Path, name: str, _: Path) -> None:
    before = Path.cwd()
    # A path that is too long for a socket has a short name from inside.
    os.chdir(folder)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(name)
    finally:
        os.chdir(before)


def _folder(folder: Path, name: str, _: Path) -> None:
    (folder / name).mkdir()
    (folder / name / "inner").write_bytes(MINE)


def _many(folder: Path, name: str, _outside: Path) -> None:
    stem, _, ending = name.partition(".")
    for number in ("", *(f"-{n}" for n in range(2, 40))):
        (folder / f"{stem}{number}.{ending}").write_bytes(MINE)


IN_THE_WAY: Final[dict[str, Callable[[Path, str, Path], object]]] = {
    "a file": lambda folder, name, _: (folder / name).write_bytes(MINE),
    "a file that may not be written": _read_only_file,
    "an empty file": lambda folder, name, _: (folder / name).touch(),
    "a link to a file": lambda folder, name, outside: (folder / name).symlink_to(outside / "mine"),
    "a link to nothing": lambda folder, name, outside: (folder / name).symlink_to(outside / "nothing"),
    "a link to itself": lambda folder, name, _: (folder / name).symlink_to(name),
    "a link to a folder": lambda folder, name, outside: (folder / name).symlink_to(outside),
    "a link to a device": lambda folder, name, _: (folder / name).symlink_to("/dev/full"),
    "a hard link": lambda folder, name, outside: (folder / name).hardlink_to(outside / "mine"),
    "a pipe": lambda folder, name, _: os.mkfifo(folder / name),
    "a socket": _socket,
    "a folder": _folder,
    "the same name in capitals": lambda folder, name, _: (folder / name.upper()).write_bytes(MINE),
    "many files of that name": _many,
}
"""What is put where a file would be saved; given are the folder, the name, and a folder outside with `mine` in it."""
