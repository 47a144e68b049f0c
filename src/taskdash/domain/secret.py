"""Keeps API keys, and is the one place that redacts them in what is shown, logged, written or passed on.

Our own keys are recognised by value (`KnownKeys`), others by the form that keys have (`without_key_forms`). File names
and our own field names are left alone: an exported list with `***` in place of a field is useless, and so is an error
that hides a path.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from _typeshed import DataclassInstance

    T = TypeVar("T", bound=DataclassInstance)

MIN_KEY_CHARS: Final = 8
"""A shorter key would be found in ordinary words, and no provider issues one."""
HIDDEN: Final = "***"

_OURS: Final = frozenset({"task_id", "profile", "saved", "verdicts"})
_SENDABLE = re.compile(r"[\x21-\x7e]+")
_AT_THE_ENDS: Final = " \t\r\n\v\f\ufeff\u200b\u200c\u200d\u2060\xa0"
"""White space, byte order marks and the like, which are stripped from both ends of a key."""
_QUOTES: Final = ('""', "''", "``", "\u201c\u201d", "\u2018\u2019")
_FORM = re.compile(r"(?<![\w/\\.~-])sk[-_][^\s\"',;]{5,}", re.IGNORECASE)
_LABELLED = re.compile(
    r"((?:key|token|secret|passw(?:or)?d|bearer|authorization|cookie)s?\b"
    r"[\s\"':=]{1,8}(?:bearer\s+)?)[^\s\"',;]+",
    re.IGNORECASE,
)
_END_OF_SENTENCE: Final = ".:!?)]}>"
_IS_FILE = re.compile(r"[/\\]|\.[A-Za-z][A-Za-z0-9]{0,7}$")


class Secret:
    """Hides an API key. Only `reveal` returns it, so a grep for that word finds every use."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Take a key as found, and strip white space, byte order marks and pairs of quotes around it.

        Raises:
            ValueError: the key cannot be sent. The message says why, completes "the key ...", and does not
                contain the key.
        """
        value = _unwrapped(value)
        if fault := _fault_of(value):
            raise ValueError(fault)
        self._value = value

    def reveal(self) -> str:
        """Return the key itself, for the Authorization header."""
        return self._value

    def masked(self) -> str:
        """Return `***`, with the last 4 characters if the key is long enough to spare them."""
        return HIDDEN + (self._value[-4:] if len(self._value) >= 12 else "")

    def __repr__(self) -> str:
        return f"Secret({HIDDEN})"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


def _unwrapped(value: str) -> str:
    value = value.strip(_AT_THE_ENDS)
    while len(value) > 1 and value[0] + value[-1] in _QUOTES:
        value = value[1:-1].strip(_AT_THE_ENDS)
    return value


def _fault_of(value: str) -> str | None:
    if not value:
        return "is empty"
    if re.match(r"bearer\s", value, re.IGNORECASE):
        return 'begins with the word "Bearer", which is no part of it'
    if re.search(r"\s", value):
        return "has white space in it"
    if {value[0], value[-1]} & set("".join(_QUOTES)):
        return "has a quotation mark at one end only"
    if not _SENDABLE.fullmatch(value):
        return "has characters in it that are not visible ASCII"
    if len(value) < MIN_KEY_CHARS:
        return f"is shorter than {MIN_KEY_CHARS} characters, so it is no API key"
    return None


class KnownKeys(Collection[Secret]):
    """Redacts the keys that this process knows, wherever they came from: each is added as soon as it is found."""

    def __init__(self, keys: Iterable[Secret] = ()) -> None:
        self._keys: dict[Secret, None] = {}
        self.add(*keys)

    def add(self, *keys: Secret) -> None:
        """Redact these keys too from now on."""
        self._keys = self._keys | dict.fromkeys(keys)
        # Longer keys first, as one may be a prefix of another; without keys, a pattern that matches nothing.
        values = sorted((key.reveal() for key in self._keys), key=len, reverse=True)
        self._pattern = re.compile("|".join(map(_spellings, values)) or "(?!)")
        self._bytes_pattern = re.compile(self._pattern.pattern.encode())

    def __iter__(self) -> Iterator[Secret]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def redact(self, text: str) -> str:
        """Return `text` with every key in it, however it is escaped, replaced by `***`."""
        return self._pattern.sub(HIDDEN, text)

    def redact_bytes(self, data: bytes) -> bytes:
        """Redact bytes likewise; return `data` itself if it contains no key."""
        return self._bytes_pattern.sub(HIDDEN.encode(), data) if self.are_in(data) else data

    def are_in(self, text: str | bytes) -> bool:
        """Return whether `text` contains a key, however it is escaped."""
        found = self._pattern.search(text) if isinstance(text, str) else self._bytes_pattern.search(text)
        return found is not None

    def redact_line(self, line: str) -> str:
        """Return one of our own lines with keys redacted and file names left alone."""

        def hidden(match: re.Match[str]) -> str:
            return match[0] if _is_in_path(line, match.start()) else HIDDEN

        return without_key_forms(self._pattern.sub(hidden, line))

    def redact_values(self, thing: T) -> T:
        """Return a task, its detail or its record with keys redacted in the texts of the API and the user.

        Field names, IDs, profiles and file paths are left alone.
        """
        changed: dict[str, Any] = {}
        for each in fields(thing):
            value = getattr(thing, each.name)
            if each.name not in _OURS and (redacted := self._redacted(value)) != value:
                changed[each.name] = redacted
        return replace(thing, **changed) if changed else thing

    def _redacted(self, value: object) -> object:
        match value:
            case Enum():
                return value
            case str():
                return self.redact(value)
            case bytes():
                return self.redact_bytes(value)
            case list() | tuple():
                # The constructor of a named tuple takes no iterable.
                make = getattr(value, "_make", type(value))
                return make(map(self._redacted, value))
            case dict():
                return {self.redact(name): self._redacted(item) for name, item in value.items()}
            case _:
                if is_dataclass(value) and not isinstance(value, type):
                    return self.redact_values(value)
                return value


def without_key_forms(line: str) -> str:
    """Return `line` with `***` in place of every word with the form of a key (`sk-...`), ours or not.

    A word with a slash or a file extension, or within a path, is taken for a file name.
    """

    def hidden(match: re.Match[str]) -> str:
        word = match[0].rstrip(_END_OF_SENTENCE)
        if len(word) < MIN_KEY_CHARS or _IS_FILE.search(word):
            return match[0]
        return HIDDEN + match[0][len(word) :]

    return _FORM.sub(hidden, line) if "sk" in line.lower() else line


def without_labelled_keys(line: str) -> str:
    """Return `line` with `***` in place of values labelled as a key, a token, a password or the like."""
    return _LABELLED.sub(rf"\1{HIDDEN}", line)


def _is_in_path(line: str, at: int) -> bool:
    """Return whether the word around an offset is a file path, as opposed to a URL."""
    start = max(line.rfind(char, 0, at) for char in " \t\n\"'`(=") + 1
    word = line[start:at]
    return word.startswith(("/", "~/", "./", "../")) and not word.startswith("//")


def _spellings(value: str) -> str:
    """Return a pattern for the key as it is, and as escaped in a URL, JSON, JSON inside JSON or Python.

    Letters, digits and the like are never escaped, so most keys are found as fast as any text.
    """
    return "".join(
        char
        if char.isalnum() or char in "-_~"
        else rf"\\*(?:%(?:25)*(?i:{ord(char):02x})|u00(?i:{ord(char):02x})|{re.escape(char)})"
        for char in value
    )
