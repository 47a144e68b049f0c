"""A picture on its way to the screen: where it has to fit, and what it became."""

from __future__ import annotations

from enum import StrEnum

from taskdash.domain.values import value


class Drawing(StrEnum):
    """How a terminal shows a picture."""

    BLOCKS = "blocks"
    """As half blocks in two colours each: plain characters."""
    KITTY = "kitty"
    """By the graphics protocol of kitty, in placeholder characters."""
    SIXEL = "sixel"
    """As sixels, a row of cells at a time, over half blocks."""


@value(frozen=True, slots=True)
class Room:
    """Where a picture is to be shown."""

    columns: int
    rows: int
    cell: tuple[int, int] = (10, 20)
    """Width and height of a terminal cell, in pixels."""
    drawing: Drawing = Drawing.BLOCKS
    background: tuple[int, int, int] = (0, 0, 0)
    """What shows through it, red, green and blue."""


@value(frozen=True, slots=True)
class Drawn:
    """A picture that fits its room."""

    format: str
    width: int
    """Of the picture itself, in pixels."""
    height: int
    columns: int
    rows: int
    blocks: bytes
    """Red, green and blue of `columns` x `2 * rows` half blocks."""
    size: tuple[int, int] = (0, 0)
    """Width and height of `pixels`, or of what `sixels` draw."""
    pixels: bytes = b""
    """Red, green and blue, for kitty."""
    sixels: tuple[str, ...] = ()
    """Of each row of cells, what stands between introducer and terminator."""
