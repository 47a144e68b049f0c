"""How long the links of a record live by its own word: a field, or the signature in a link itself."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from taskdash.api import names
from taskdash.api.values import timestamp_ms, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from taskdash.domain.task import Json

_MAX_LINKS: Final = 1_000
_MAX_DEPTH: Final = 4
_MAX_ITEMS: Final = 100
_MAX_LIFE_S: Final = 10 * 366 * 86_400
# `X-Amz-Expires`, `X-Tos-Expires`, `X-Goog-Expires`, `x-oss-expires` are seconds from the date beside them; a bare
# `Expires` is a moment.
_EXPIRES = re.compile(r"[?&](?:x-([a-z]{2,8})-)?expires=([0-9]{1,13})(?=[&#]|$)", re.IGNORECASE)
_DATE = r"[?&]x-{}-date=([0-9]{{8}}T[0-9]{{6}})Z"
_GONE: Final = frozenset(("purged", "deleted", "removed", "expired"))


def links_end_ms(
    record: dict[str, Json], parts: dict[str, Json], urls: tuple[str, ...], complete_ms: int | None
) -> int | None:
    """Return when the first of the links dies; None where nobody says.

    Args:
        record: as it came.
        parts: what it has of a result.
        urls: its result links.
        complete_ms: from when a life counts whose beginning the link does not name.
    """
    if not urls:
        return None
    said = _first(timestamp_ms(record[key]) for key in names.LINK_END if key in record)
    if said is not None:
        return said
    ends = [*_said_in(parts.values(), _MAX_DEPTH)]
    ends += filter(None, (_signed_end_ms(url, complete_ms) for url in urls[:_MAX_LINKS]))
    return min(ends, default=None)


def is_purged(record: dict[str, Json]) -> bool:
    """Tell whether the record says that its result was removed, or that its links are dead."""
    for key in names.PURGED:
        said = record.get(key)
        if (
            said is True
            or whole_number(said) == 1
            or (isinstance(said, str) and said.strip().lower() in _GONE)
        ):
            return True
    return False


def _first(moments: Iterable[int | None]) -> int | None:
    return next((moment for moment in moments if moment is not None), None)


def _said_in(values: Iterable[Json], depth: int) -> Iterator[int]:
    """Yield what the parts of a result say of their own end."""
    for value in values:
        if isinstance(value, list) and depth:
            yield from _said_in(value[:_MAX_ITEMS], depth - 1)
        elif isinstance(value, dict) and depth:
            said = _first(timestamp_ms(value[key]) for key in names.LINK_END if key in value)
            if said is not None:
                yield said
            yield from _said_in(list(value.values())[:_MAX_ITEMS], depth - 1)


def _signed_end_ms(url: str, complete_ms: int | None) -> int | None:
    found = _EXPIRES.search(url) if "xpires=" in url or "XPIRES=" in url else None
    if found is None:
        return None
    signer, digits = found.groups()
    if signer is None:
        return timestamp_ms(digits)
    date = re.search(_DATE.format(signer), unquote(url), re.IGNORECASE)
    start_ms = _date_ms(date[1]) if date else complete_ms
    life_s = int(digits)
    return timestamp_ms(start_ms + life_s * 1000) if start_ms is not None and life_s < _MAX_LIFE_S else None


def _date_ms(digits: str) -> int | None:
    try:
        return int(datetime.strptime(digits.upper(), "%Y%m%dT%H%M%S").replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        return None
