"""Reads the rows of an SQLite file page by page, where SQLite itself no longer can.

Each page of a table or an index names its own cells, so every page that is whole gives its rows, whatever became of
the others, of the schema and of the header. The format is described at sqlite.org/fileformat2.html.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Buffer = bytes | memoryview
    Cell = None | int | float | str | bytes

HEADER_BYTES: Final = 100
_MAGIC: Final = b"SQLite format 3\0"
_TABLE_LEAF, _INDEX_LEAF, _INDEX_INNER = 13, 10, 2
_WIDTHS: Final = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0)
"""Bytes of a value of each kind that is no text and no blob."""
_FEW, _ROWS_PER_PAGE = 3, 65_536
_MAX_PAYLOAD_BYTES: Final = 64 << 20
_BROKEN: Final = (IndexError, ValueError, struct.error, OverflowError)


class Row(NamedTuple):
    """One row of a table, or one entry of an index: then `rowid` is None."""

    rowid: int | None
    values: tuple[Cell, ...]


def page_bytes(data: Buffer) -> int:
    """The size of a page, as the header says; SQLite's usual one where that cannot be."""
    size = int.from_bytes(data[16:18], "big")
    size = 65_536 if size == 1 else size
    return size if 512 <= size <= 65_536 and size & (size - 1) == 0 else 4_096


def mended_header(data: Buffer, application_id: int, user_version: int) -> bytes:
    """A header for a file that has lost its own."""
    size = page_bytes(data)
    fields = struct.pack(
        ">HBBBBBBIIIIIIIIIIII20xII",
        1 if size == 65_536 else size,
        1,
        1,
        0,
        64,
        32,
        32,
        1,
        len(data) // size,
        0,
        0,
        1,
        4,
        0,
        0,
        1,
        user_version,
        0,
        application_id,
        1,
        3_040_000,
    )
    return _MAGIC + fields


def rows(data: Buffer, is_wanted: Callable[[Row], bool]) -> Iterator[Row]:
    """The rows that can be read and are wanted, of all tables and indexes, but for those on pages that are free.

    A page has rows of one table only: where the first few are not wanted, the others are not looked at.
    """
    size = page_bytes(data)
    free = _free_pages(data, size)
    for number in range(1, len(data) // size + 1):
        if number in free:
            continue
        misses = 0
        for row in _rows_of_page(data, size, number):
            if is_wanted(row):
                misses = -_ROWS_PER_PAGE
                yield row
            else:
                misses += 1
                if misses == _FEW:
                    break


def _rows_of_page(data: Buffer, size: int, number: int) -> Iterator[Row]:
    start = (number - 1) * size
    head = start + (HEADER_BYTES if number == 1 else 0)
    kind = data[head]
    if kind not in (_TABLE_LEAF, _INDEX_LEAF, _INDEX_INNER):
        return
    pointers = head + (12 if kind == _INDEX_INNER else 8)
    for n in range(int.from_bytes(data[head + 3 : head + 5], "big")):
        at = pointers + 2 * n
        if at + 2 > start + size:
            return
        place = start + int.from_bytes(data[at : at + 2], "big")
        try:
            yield _row(data, size, kind, place)
        except _BROKEN:
            continue


def _row(data: Buffer, size: int, kind: int, place: int) -> Row:
    if kind == _INDEX_INNER:
        place += 4
    length, place = _varint(data, place)
    rowid = None
    if kind == _TABLE_LEAF:
        rowid, place = _varint(data, place)
        rowid = rowid - (1 << 64) if rowid >= 1 << 63 else rowid
    return Row(rowid, tuple(_values(_payload(data, size, kind, place, length))))


def _payload(data: Buffer, size: int, kind: int, place: int, length: int) -> bytes:
    """The bytes of a row, those that lie on pages of their own included."""
    if length > _MAX_PAYLOAD_BYTES:
        raise ValueError(length)
    most = size - 35 if kind == _TABLE_LEAF else (size - 12) * 64 // 255 - 23
    if length <= most:
        return bytes(data[place : place + length])
    least = (size - 12) * 32 // 255 - 23
    local = least + (length - least) % (size - 4)
    local = local if local <= most else least
    parts = [bytes(data[place : place + local])]
    page = int.from_bytes(data[place + local : place + local + 4], "big")
    left = length - local
    while left > 0:
        start = (page - 1) * size
        if not 0 <= start <= len(data) - size:
            raise ValueError(page)
        parts.append(bytes(data[start + 4 : start + 4 + min(left, size - 4)]))
        left -= size - 4
        page = int.from_bytes(data[start : start + 4], "big")
    return b"".join(parts)


def _values(payload: bytes) -> Iterator[Cell]:
    end, place = _varint(payload, 0)
    at = end
    while place < end:
        # Nearly every kind is one byte, and there are millions of them.
        kind = payload[place]
        if kind < 0x80:
            place += 1
        else:
            kind, place = _varint(payload, place)
        width = (kind - 12) // 2 if kind >= 12 else _WIDTHS[kind]
        if at + width > len(payload):
            raise ValueError(at)
        yield None if kind == 0 else _value(kind, payload[at : at + width])
        at += width


def _value(kind: int, data: bytes) -> Cell:
    if kind >= 12:
        return data.decode("utf-8") if kind % 2 else data
    if kind == 7:
        return float(struct.unpack(">d", data)[0])
    if kind in (10, 11):
        raise ValueError(kind)
    if kind in (8, 9):
        return kind - 8
    return None if kind == 0 else int.from_bytes(data, "big", signed=True)


def _varint(data: Buffer, place: int) -> tuple[int, int]:
    value = 0
    for n in range(8):
        byte = data[place + n]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place + n + 1
    return value << 8 | data[place + 8], place + 9


def _free_pages(data: Buffer, size: int) -> set[int]:
    """Pages that hold nothing any more, as far as the list of them can be followed: what is on them is old."""
    free: set[int] = set()
    if bytes(data[:16]) != _MAGIC:
        return free
    trunk = int.from_bytes(data[32:36], "big")
    while trunk and trunk not in free and trunk * size <= len(data):
        free.add(trunk)
        start = (trunk - 1) * size
        count = min(int.from_bytes(data[start + 4 : start + 8], "big"), size // 4 - 2)
        leaves = struct.unpack(f">{count}I", data[start + 8 : start + 8 + 4 * count])
        free.update(leaf for leaf in leaves if 0 < leaf <= len(data) // size)
        trunk = int.from_bytes(data[start : start + 4], "big")
    return free
