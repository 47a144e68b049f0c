"""Finds the lines of keys in a TOML file, which the standard library's parser does not report.

Only for files that were already parsed: on invalid TOML the result is undefined.
"""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from typing import Final, NamedTuple

Path = tuple[str | int, ...]
"""The names of the tables around a key, and its own; for an element of an array its index, from 0."""

_TOKEN: Final = re.compile(
    r"""
      (?P<space>[ \t\r]+|\#[^\n]*)
    | (?P<long>"{3}(?:[^\\]|\\.)*?"{3,5}|'{3}.*?'{3,5})
    | (?P<name>[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')
    | (?P<sign>[\[\]{}=,\n])
    | .
    """,
    re.VERBOSE | re.DOTALL,
)


class _Open(NamedTuple):
    """A bracket that is not closed yet."""

    path: Path
    """The path of the array or table."""
    element: int | None
    """In an array, the index of the current element; None for a table."""


class _Scan:
    """A scan through the tokens of a file that collects the lines of keys."""

    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self._line = 1
        self._opened = [_Open((), None)]
        """The table of the last heading, and the open brackets of the current value."""
        self._tables: dict[Path, int] = {}
        """How many tables each array of tables has so far."""
        self._heading = 0
        """How many opening brackets the current heading has."""
        self._key: Path = ()
        """The parts of the current key so far; within a value, the path of the value."""
        self._in_value = False

    def take(self, sign: str, name: str | None) -> None:
        """Process the next token; `name` is the same, if it may be a key."""
        if sign == "\n" and len(self._opened) == 1:
            self._key, self._heading, self._in_value = (), 0, False
        elif self._in_value:
            self._take_of_value(sign)
        elif name is not None:
            self._key = (*self._key, _unquoted(name))
        elif sign == "=":
            self._key, self._in_value = self._noted(self._opened[-1].path, self._key), True
        elif sign == "[":
            self._heading += 1
        elif sign == "]" and self._key:
            self._opened[0] = _Open(self._noted((), self._numbered()), None)
            self._key = ()
        elif sign == "}":
            self._key, self._in_value = self._opened.pop().path, True
        self._line += sign.count("\n")

    def _take_of_value(self, sign: str) -> None:
        path, element = self._opened[-1]
        if element is not None and sign not in ("]", ",", "\n"):
            self.lines.setdefault(self._key, self._line)
        if sign == "[":
            self._opened.append(_Open(self._key, 0))
            self._key = (*self._key, 0)
        elif sign == "{":
            self._opened.append(_Open(self._key, None))
            self._key, self._in_value = (), False
        elif sign == "]":
            self._key = self._opened.pop().path
        elif sign == "," and element is not None:
            self._opened[-1] = _Open(path, element + 1)
            self._key = (*path, element + 1)
        elif sign == ",":
            self._key, self._in_value = (), False
        elif sign == "}":
            self._key = self._opened.pop().path

    def _noted(self, table: Path, key: Path) -> Path:
        """Note the line of a key, and of the tables that its dots define; return its full path."""
        whole = table + key
        for length in range(len(table) + 1, len(whole) + 1):
            self.lines.setdefault(whole[:length], self._line)
        return whole

    def _numbered(self) -> Path:
        """Return the path of a heading, with the index of the last or, for `[[...]]`, new table of an array."""
        path: Path = ()
        for part in self._key[:-1]:
            path = (*path, part)
            path = (*path, self._tables[path] - 1) if path in self._tables else path
        path += self._key[-1:]
        if self._heading == 2:
            self._tables[path] = self._tables.get(path, 0) + 1
            path = (*path, self._tables[path] - 1)
        return path


# Cached, as it is called for each fault of a file.
@lru_cache(1)
def key_lines(text: str) -> dict[Path, int]:
    """Return the line, from 1, on which each key, table and array element first appears."""
    scan = _Scan()
    for match in _TOKEN.finditer(text):
        if match["space"] is None:
            scan.take(match[0], match["name"])
    return scan.lines


def _unquoted(name: str) -> str:
    if not name.startswith(('"', "'")):
        return name
    read: str = tomllib.loads(f"name = {name}")["name"]
    return read
