"""Parses the bytes of an answer into JSON, and reads its values, bounded in time and memory whatever the bytes are.

Parsing raises `UnreadableError` and nothing else. Values that JSON allows but Python's numbers or stack do not are
dealt with here, so that no other module ever sees NaN, infinity or a number of 5,000 digits.

Every reader takes any JSON value and returns its meaning, or None if it makes no sense: a wrong type in one field never
affects another.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from datetime import datetime
from math import isfinite
from typing import TYPE_CHECKING, Final, TypeVar

from taskdash.domain.untrusted import inert, inert_json, inert_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from taskdash.domain.task import Json

T = TypeVar("T")

MAX_BODY_BYTES: Final = 4 * 1024 * 1024
MAX_VALUES: Final = 50_000
"""Values in one document: 4 MiB of `[],` would be over 100 MB of objects; 10,000 results need 20,000."""
MAX_UNWRAPS: Final = 3
"""How many levels of JSON text nested in JSON text are decoded."""

_MAX_DIGITS: Final = 40
_MAX_STARTS: Final = 32
_JSON_START = re.compile(r"[\[{]")
# The closing quote is optional, so that this matches at every quote and broken text needs no second pass.
_JSON_TEXT = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)


class UnreadableError(ValueError):
    """Says why a body cannot be read; the message is inert, and completes "the answer is ..."."""


def document(headers: Mapping[str, str], body: bytes) -> Json:
    """Parse a body as a JSON document, with or without a byte order mark, whatever its Content-Type.

    We ask for `identity`, so a body that is labelled as compressed is refused: it may unpack to any size. The names of
    `headers` are in lower case. Raises UnreadableError if the body is compressed, too long, not UTF-8 or not JSON.
    """
    encoding = inert_line(headers.get("content-encoding", ""), 40).lower()
    if encoding not in ("", "identity"):
        raise UnreadableError(f"compressed ({encoding}), which was not asked for")
    if len(body) > MAX_BODY_BYTES:
        raise UnreadableError(f"larger than {MAX_BODY_BYTES >> 20} MiB")
    text_bytes = body.removeprefix(b"\xef\xbb\xbf").strip()
    if not text_bytes:
        raise UnreadableError("empty")
    if text_bytes.startswith(b"<"):
        label = inert_line(headers.get("content-type", "").partition(";")[0], 60).lower()
        kind = label if label and "json" not in label else "text/html"
        raise UnreadableError(f"not JSON ({kind}): is the base URL right, or is a login page in between?")
    try:
        text = text_bytes.decode("utf-8")
    except UnicodeDecodeError:
        raise UnreadableError("not UTF-8") from None
    return json_document(text)


def json_document(text: str) -> Json:
    """Parse JSON text.

    Unusable numbers (infinite, NaN, over 40 digits) are returned as their text; control characters in strings are
    accepted, as they are made inert later; of duplicate keys the last one wins. Raises UnreadableError if `text` is
    not JSON, nested too deeply, or has too many values.
    """
    if _value_count(text) > MAX_VALUES and _value_count(_JSON_TEXT.sub("", text)) > MAX_VALUES:
        raise UnreadableError(f"made of more than {MAX_VALUES:,} values")
    try:
        value: Json = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated"):
            raise UnreadableError(f"not JSON: it breaks off after {len(text):,} characters") from None
        raise UnreadableError(f"not JSON (line {error.lineno:,}, column {error.colno:,})") from None
    except RecursionError:
        raise UnreadableError("nested too deeply") from None
    return value


def json_within(text: str) -> list[Json]:
    """Return the JSON objects and lists embedded in other text, in order.

    Seen in the wild: code fences, `data: `, a stray line end, and JSON that was escaped but not quoted.
    """
    if "\\" in text:
        with suppress(ValueError):  # not escaped JSON
            text = json.loads(f'"{text}"', strict=False)
    if _value_count(text) > MAX_VALUES:
        return []
    found: list[Json] = []
    end = 0
    for _ in range(_MAX_STARTS):
        start = _JSON_START.search(text, end)
        if start is None:
            break
        try:
            value, end = _DECODER.raw_decode(text, start.start())
            found.append(value)
        except (json.JSONDecodeError, RecursionError):
            end = start.end()
    return found


def _value_count(text: str) -> int:
    return text.count(",") + text.count("[") + text.count("{")


_DECODER: Final = json.JSONDecoder(
    strict=False,
    # Python refuses to convert more than 4,300 digits, and a float overflows at 309.
    parse_int=lambda digits: int(digits) if len(digits) <= _MAX_DIGITS else digits,
    parse_float=lambda digits: float(digits) if isfinite(float(digits)) else digits,
    parse_constant=str,
)


def unwrapped(value: Json) -> Json:
    """Decode `value` if it is JSON text of an object, list or string; else return it as it is.

    Text that is not JSON, or is just a number or a word, is left alone. `resultJson` and `param` are
    JSON text according to the API's page; kie.ai-like gateways may encode them twice.
    """
    for _ in range(MAX_UNWRAPS):
        if not isinstance(value, str) or not value.lstrip().startswith(("{", "[", '"')):
            break
        try:
            value = json_document(value.strip())
        except UnreadableError:
            break
    return value


# Reading values

MAX_WORD_CHARS: Final = 256
MAX_EXTRA_FIELDS: Final = 256

_NUMBER = re.compile(r"[+-]?[0-9]{1,19}(?:\.[0-9]{1,12})?")
_ISO = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)? ?(?:[Zz]|[+-]\d\d(?::?\d\d)?)", re.ASCII
)
_LOCAL = re.compile(r"20\d\d-\d\d-\d\d[Tt ]\d\d:\d\d", re.ASCII)
_INT64_END: Final = 2**63
_MAX_COST_MS: Final = 10**12
_YEAR_2100_S: Final = 4_102_444_800
_YEAR_2001_S: Final = 10**9


class Fields:
    """Reads the fields of one record, tracks those that were understood, and keeps the others.

    `rest` therefore returns the unknown fields **and** every known field whose value made no sense, under its
    own name. So `"createTime" in record.extra` distinguishes "makes no sense" (shown as `?`) from "missing".
    """

    def __init__(self, wire: dict[str, Json]) -> None:
        self._wire = wire
        self._understood: set[str] = set()

    def read(self, reader: Callable[[Json], T | None], *names: str) -> T | None:
        """Return the result of `reader` for the first of `names` that it can read."""
        for name in names:
            value = self._wire.get(name)
            meaning = None if is_blank(value) else reader(value)
            if meaning is not None or is_blank(value):
                self._understood.add(name)
            if meaning is not None:
                return meaning
        return None

    def get(self, name: str) -> Json:
        """Return the value unchanged; None if it is missing."""
        return self._wire.get(name)

    def understood(self, *names: str) -> None:
        """Leave `names` out of `rest`."""
        self._understood.update(names)

    def rest(self) -> dict[str, Json]:
        """Return the fields that were not understood, inert; at most `MAX_EXTRA_FIELDS` of them."""
        left = [name for name in self._wire if name not in self._understood]
        return {
            inert_line(name, MAX_WORD_CHARS): inert_json(self._wire[name]) for name in left[:MAX_EXTRA_FIELDS]
        }


def is_blank(value: Json) -> bool:
    """Return whether there is no value: null on the API's page, "" at kie.ai-like gateways."""
    return value is None or (isinstance(value, str) and not value.strip())


def number(value: Json) -> int | float | None:
    """Return a finite number within 64 bits, also if written as text; never a bool."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        text = value.strip()
        if not _NUMBER.fullmatch(text):
            return None
        value = float(text) if "." in text else int(text)
    # NaN and the infinities fail the comparison.
    return value if isinstance(value, int | float) and -_INT64_END <= value < _INT64_END else None


def whole_number(value: Json) -> int | None:
    """Return a number without a fraction as an int: 200, 200.0 and "200" are the same."""
    found = number(value)
    return int(found) if found is not None and found == int(found) else None


def amount(value: Json) -> float | None:
    """Return a number that is no less than 0, such as of seconds or credits."""
    found = number(value)
    return float(found) if found is not None and found >= 0 else None


def word(value: Json) -> str | None:
    """Return a short text on one line; otherwise like `text`."""
    return (inert_line(value, MAX_WORD_CHARS) or None) if isinstance(value, str) else text(value)


def text(value: Json) -> str | None:
    """Return a text, or a number as text, without a zero fraction; None for other types."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return (inert(value) or None) if isinstance(value, str) else None


def timestamp_ms(value: Json) -> int | None:
    """Return Unix milliseconds between 2001 and 2100.

    The API's page has milliseconds. Ten digits are seconds. 0, negative and far-off values make no sense, and nor
    does ISO 8601 text without a time zone.
    """
    found = number(value)
    if isinstance(value, str) and _ISO.fullmatch(value.strip()):
        iso = value.strip().upper()
        with suppress(ValueError, OverflowError):
            found = datetime.fromisoformat(iso[:11] + iso[11:].replace(" ", "")).timestamp() * 1000
    if found is None:
        return None
    if _YEAR_2001_S <= found < _YEAR_2100_S:
        found = found * 1000
    return round(found) if _YEAR_2001_S * 1000 <= found < _YEAR_2100_S * 1000 else None


def is_moment(value: Json) -> bool:
    """Return whether a value is a time of some kind, even without a time zone."""
    return timestamp_ms(value) is not None or (
        isinstance(value, str) and _LOCAL.match(value.strip()) is not None
    )


def cost(value: Json) -> int | float | None:
    """Return a duration in its original unit, which may be s or ms; None if it is negative or 10**12 or more."""
    found = number(value)
    return found if found is not None and 0 <= found < _MAX_COST_MS else None
