"""The readers for the values of settings, including the rules on where and how a key may be sent."""

from __future__ import annotations

import ipaddress
import re
import shlex
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import SplitResult, urlsplit

from taskdash.config.locations import absolute
from taskdash.config.readers import Place, Reader, may_be_key, one_of_these, quoted, shown, suggestion, wrong
from taskdash.domain.errors import UsageError
from taskdash.domain.record_paths import ID_MARK, KEY_MARK

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from taskdash.domain.task import Json

T = TypeVar("T")
MAX_ARGUMENT_CHARS: Final = 4_096
_UNIT_MS: Final = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000}
_LENGTH_OF_TIME: Final = r" *([0-9]{1,9}(?:\.[0-9]{1,6})?) *([smhd]) *"
_PRINTABLE = re.compile(r"[\x21-\x7e]{1,2048}")
_HOST_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})")
# People paste the endpoint's URL from the API's page, but the client adds this part itself.
_ENDPOINT = re.compile(r"/api/v1(?:/jobs(?:/recordInfo|/createTask)?)?$")
MAX_RECORD_PATHS: Final = 32
FILE_NAME_PARTS: Final = ("label", "prompt", "model", "id", "n", "created")
FILE_NAME_PART: Final = rf"\{{({'|'.join(FILE_NAME_PARTS)})(?::\.([1-9][0-9]{{0,2}}))?\}}"
"""A placeholder in the template of file names, with an optional maximum length."""
_THE_PARTS: Final = ", ".join(f"{{{name}}}" for name in FILE_NAME_PARTS)
_A_PATH: Final = '"/v1/tasks/{id}"'
_A_HEADER: Final = '"x-key: {key}"'
_IN_PATH: Final = r"[A-Za-z0-9/._~!$&'()*+,;=:@%?-]"
_PATH = re.compile(rf"{_IN_PATH}{{1,512}}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
_HEADER_VALUE = re.compile(r"[A-Za-z0-9 ._~+/=,:;-]*")
"""No characters that are special between double quotes in a shell, where copied commands have them."""
_OWN_HEADERS: Final = frozenset(
    {"host", "accept", "accept-encoding", "user-agent", "connection", "content-length", "content-type"}
    | {"transfer-encoding", "te", "trailer", "upgrade", "expect", "range", "keep-alive"}
)
_ALLOWED = "use https://host, or http:// on this machine only (127.0.0.0/8, ::1, localhost)"


def _checked_word(value: str, allowed: Collection[str]) -> str:
    if value not in allowed:
        near = suggestion(value, allowed)
        raise ValueError(f"{shown(value)} is not allowed, use {one_of_these(allowed)}.{near}")
    return value


def text(check: Callable[[str], T], pattern: str = "", *, secret: bool = False) -> Reader[T]:
    """Return a reader for text, converted by `check`, which raises ValueError; a `secret` value is never shown.

    `pattern` approximates `check` in the schema.
    """

    def read_text(value: object, _: Place) -> T:
        if isinstance(value, str):
            return check(value)
        raise ValueError("must be text in quotes" + ("" if secret else f", not {shown(value)}"))

    return Reader(read_text, lambda: {"type": "string", **({"pattern": pattern} if pattern else {})})


def one_of(words: Collection[str]) -> Reader[str]:
    """Return a reader for one of `words`."""
    return Reader(text(lambda value: _checked_word(value, words)).read, lambda: {"enum": list(words)})


def as_it_stands(is_right: Callable[[Any], bool], must: str, **schema: Json) -> Reader[Any]:
    """Return a reader for a value that needs no conversion; `must` begins the error message for all others."""

    def read_value(value: object, _: Place) -> object:
        if is_right(value):
            return value
        raise wrong(must, value)

    return Reader(read_value, lambda: schema)


def whole(low: int, high: int) -> Reader[int]:
    """Return a reader for an integer from `low` to `high`."""
    return as_it_stands(
        lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high,
        f"must be a whole number from {low} to {high}",
        type="integer",
        minimum=low,
        maximum=high,
    )


def some_of(words: Collection[str]) -> Reader[tuple[str, ...]]:
    """Return a reader for a list of one or more of `words`, without duplicates."""

    def read_words(value: object, _: Place) -> tuple[str, ...]:
        named = tuple(_checked_word(word, words) for word in _texts(value))
        if not named or len(set(named)) != len(named):
            raise ValueError(f"must name at least one, and none twice: {one_of_these(words)}")
        return named

    return Reader(
        read_words,
        lambda: {"type": "array", "items": {"enum": list(words)}, "minItems": 1, "uniqueItems": True},
    )


def length_of_time(high_ms: int) -> Reader[int]:
    """Return a reader for a duration such as "24h", from one second to `high_ms`, in milliseconds."""

    def read_length(value: object, _: Place) -> int:
        parts = re.fullmatch(_LENGTH_OF_TIME, value) if isinstance(value, str) else None
        length_ms = round(float(parts[1]) * _UNIT_MS[parts[2]]) if parts else 0
        if 1_000 <= length_ms <= high_ms:
            return length_ms
        must = 'must be a number and a unit (s, m, h or d) in quotes, such as "24h", from "1s" to'
        raise wrong(f'{must} "{length_text(high_ms)}"', value)

    return Reader(
        read_length,
        lambda: {"type": "string", "pattern": f"^(?=.*[1-9]){_LENGTH_OF_TIME}$"},
        lambda value: None if value is None else length_text(value),
    )


def length_text(length_ms: int) -> str:
    """Return a duration as a config has it, in the largest unit that divides it evenly."""
    for unit, unit_ms in _UNIT_MS.items():
        if length_ms % unit_ms == 0:
            return f"{length_ms // unit_ms}{unit}"
    return f"{length_ms / 1_000:.3f}s"


def _texts(value: object, _: Place | None = None) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise wrong('must be a list such as ["first", "second"]', value)
    for item in value:
        if not isinstance(item, str):
            raise wrong("must contain only text in quotes", item)
    return tuple(value)


def _arguments(value: object, _: Place) -> tuple[str, ...]:
    arguments = _texts(value)
    if arguments and not arguments[0].strip():
        raise ValueError("must start with the name of a program")
    if any("\0" in argument or len(argument) > MAX_ARGUMENT_CHARS for argument in arguments):
        raise ValueError(f"must have arguments of up to {MAX_ARGUMENT_CHARS} characters without NUL")
    return arguments


def _command(value: object, place: Place) -> tuple[str, ...]:
    if isinstance(value, str):
        try:
            value = shlex.split(value)
        except ValueError:
            raise ValueError("has an unclosed quote; a list of arguments needs no quoting") from None
    return _program(value, place)


def _program(value: object, place: Place) -> tuple[str, ...]:
    if not (arguments := _arguments(value, place)):
        raise ValueError('must name a program, such as ["pass", "show", "aigptimage"]')
    return arguments


def _folder(value: str) -> Path:
    if not value.startswith(("/", "~")) or "\0" in value:
        raise wrong("must be an absolute path, or start with ~", value)
    try:
        return absolute(value)
    except UsageError as error:
        raise ValueError(str(error)) from None


_AN_ARGUMENT: Final[dict[str, Json]] = {"type": "string", "maxLength": MAX_ARGUMENT_CHARS}
_LIST_OF_ARGUMENTS: Final[dict[str, Json]] = {
    "type": "array",
    "prefixItems": [{**_AN_ARGUMENT, "pattern": r"^[^\x00]*[^\s\x00][^\x00]*$"}],
    "items": {**_AN_ARGUMENT, "pattern": r"^[^\x00]*$"},
}
FLAG: Final[Reader[bool]] = as_it_stands(
    lambda value: isinstance(value, bool), "must be true or false (without quotes)", type="boolean"
)
FRACTION: Final[Reader[float]] = as_it_stands(
    # NaN fails the comparison.
    lambda value: isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1,
    "must be a number above 0 and up to 1",
    type="number",
    exclusiveMinimum=0,
    maximum=1,
)
FOLDER: Final = text(_folder, r"^[/~][^\x00]*$")
TEXTS: Final = Reader(_texts, lambda: {"type": "array", "items": {"type": "string"}})
ARGUMENTS: Final = Reader(_arguments, lambda: _LIST_OF_ARGUMENTS)
"""A program and its arguments as a list, which may be empty."""
PROGRAM: Final = Reader(_program, lambda: {**_LIST_OF_ARGUMENTS, "minItems": 1})
"""A program and its arguments as a list."""
COMMAND: Final = Reader(
    _command, lambda: {"anyOf": [{"type": "string", "pattern": r"\S"}, {**_LIST_OF_ARGUMENTS, "minItems": 1}]}
)
"""A program and its arguments as a list, or as one text that is split like in a shell."""


# Paths below a base URL, and the header that carries the key


def _record_paths(value: object, _: Place) -> tuple[str, ...]:
    paths = _texts(value)
    if not 0 < len(paths) <= MAX_RECORD_PATHS or len(set(paths)) != len(paths):
        raise ValueError(f"must name at least one path, {MAX_RECORD_PATHS} at most, and none twice")
    for path in paths:
        rest = path.replace(ID_MARK, "")
        if not path.startswith("/") or path.startswith("//"):
            raise ValueError(f"{quoted(path)} is not a path: it must begin with one /, as in {_A_PATH}")
        if not _PATH.fullmatch(rest):
            raise ValueError(
                f"{quoted(path)} contains a character not allowed in a path; {ID_MARK} stands for the task's ID"
            )
    return paths


def _auth_header(value: str) -> str:
    """Return the header as `NAME: VALUE`. A wrong one is never shown, as people put the key itself there."""
    name, colon, rest = value.partition(": ") if ": " in value else value.partition(":")
    name, rest = name.strip(" "), rest.strip(" ")
    if not colon or not _HEADER_NAME.fullmatch(name):
        raise ValueError(
            f"must begin with the name of a header (letters, digits and -) and a colon, as in {_A_HEADER}"
        )
    if name.lower() in _OWN_HEADERS or name.lower().startswith("proxy-"):
        raise ValueError(f"{name} is a header of HTTP's own and carries no key; {_A_HEADER} does")
    if rest.count(KEY_MARK) != 1:
        raise ValueError(f"must have {KEY_MARK} in it once, in place of the key, as in {_A_HEADER}")
    others = rest.replace(KEY_MARK, " ")
    if not _HEADER_VALUE.fullmatch(others):
        raise ValueError(
            f"may contain only letters, digits, spaces and - . _ ~ + / = , : ; beside {KEY_MARK}, and no line break"
        )
    if any(may_be_key(word) for word in others.split()):
        raise ValueError(
            f"contains text that looks like an API key (not shown); {KEY_MARK} stands for the key"
        )
    return f"{name}: {rest}"


def _file_name(value: str) -> str:
    names = re.findall(FILE_NAME_PART, value)
    rest = re.sub(FILE_NAME_PART, "", value)
    if part := re.search(r"\{(\w*)[^{}]*\}?|\}", rest):
        near = "" if part[1] in FILE_NAME_PARTS else suggestion(part[1] or "", FILE_NAME_PARTS)
        known = f"use {_THE_PARTS}, each with a length if need be, as in {{prompt:.40}}"
        raise ValueError(f"{quoted(part[0])} is not allowed in a name: {known}.{near}")
    if not names or "/" in value or "\\" in value:
        raise ValueError(f"must be a name without / that has at least one of {_THE_PARTS} in it")
    return value


RECORD_PATHS: Final = Reader(
    _record_paths,
    lambda: {
        "type": "array",
        "items": {"type": "string", "pattern": rf"^/(?!/)(?:{_IN_PATH}|\{{id\}})*$(?!\n)"},
        "minItems": 1,
        "maxItems": MAX_RECORD_PATHS,
        "uniqueItems": True,
    },
)
AUTH_HEADER: Final = text(
    _auth_header,
    rf"^ *{_HEADER_NAME.pattern} *:(?: |(?!.*: )){_HEADER_VALUE.pattern}\{{key\}}{_HEADER_VALUE.pattern}$",
    secret=True,
)


FILE_NAME: Final = text(_file_name, rf"^[^{{}}/\\]*(?:{FILE_NAME_PART}[^{{}}/\\]*)+$")


# Base URLs: https anywhere, http only on this machine

BASE_URL_PATTERN: Final = r"^\s*[Hh][Tt][Tt][Pp][Ss]?://[A-Za-z0-9_\[](?:(?![@?#\\])[!-~])*\s*$"


def checked_base_url(text: str) -> str:
    """Return the base URL without a trailing slash; a path prefix is kept.

    Raises ValueError for a URL that no key may be sent to. The message shows nothing that may be secret.
    """
    text = text.strip()
    if not _PRINTABLE.fullmatch(text) or "\\" in text:
        raise ValueError(f"is empty, too long, or contains characters not allowed in a URL; {_ALLOWED}")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(f"is not a URL: invalid host or port; {_ALLOWED}") from None
    host = _checked_host(parts)
    if port == 0:
        raise ValueError("has the port 0; use 1 to 65535")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError(
            f"would send the API key unencrypted to {quoted(host)}: http is for this machine only"
            f" (127.0.0.0/8, ::1, localhost), use https://"
        )
    path = _ENDPOINT.sub("", parts.path.rstrip("/")).rstrip("/")
    netloc = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{netloc}{'' if port is None else f':{port}'}{path}"


def is_loopback(host: str) -> bool:
    """Return whether `host` is `localhost`, in 127.0.0.0/8 or ::1, in their usual spelling."""
    address = None if host == "localhost" else _address(host)
    return host == "localhost" or bool(
        address and address.is_loopback and (address.version == 4 or host == "::1")
    )


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _checked_host(parts: SplitResult) -> str:
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"must start with https://; {_ALLOWED}")
    if "@" in parts.netloc:
        raise ValueError("contains a user name or password; remove everything before the @")
    if "?" in parts.geturl() or "#" in parts.geturl():
        raise ValueError("has a ? or # part; remove it")
    host = parts.hostname or ""
    if ":" in host and not _address(host):
        raise ValueError(f"has an invalid IPv6 address; {_ALLOWED}")
    if ":" not in host and not _HOST_NAME.fullmatch(host):
        raise ValueError(f"has an invalid host name; {_ALLOWED}")
    return host
