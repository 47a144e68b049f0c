"""Pictures of nothing: geometry after the Bauhaus, folds of silk."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, TypeAlias

from scenes.canvas import Canvas, Colour, Gradient, Palette, mix
from scenes.shapes import box, disc, polygon, within

if TYPE_CHECKING:
    from random import Random

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (10, 8, 22)
Cell: TypeAlias = tuple[float, float, float]
"""Left, top and side of a square."""
Inks: TypeAlias = tuple[Colour, Colour, Colour]
"""Ground, first and second ink of a tile."""


def bauhaus(canvas: Canvas, rng: Random, palette: Palette, phase: float) -> None:
    """A grid of quarter circles, rings, stripes and triangles. Palette: paper, then four or more inks."""
    del phase
    paper, *inks = palette
    across = 6
    size = min(canvas.w, canvas.h) / (across + 1)
    columns, rows = int(canvas.w / size) - 1, int(canvas.h / size) - 1
    left, top = (canvas.w - columns * size) / 2, (canvas.h - rows * size) / 2
    canvas.paint(box(0, 0, canvas.w, canvas.h), paper)
    taken: set[tuple[int, int]] = set()
    for row in range(rows):
        for column in range(columns):
            if (row, column) in taken:
                continue
            span = (
                2
                if rng.random() < 0.16
                and row + 1 < rows
                and column + 1 < columns
                and (row, column + 1) not in taken
                else 1
            )
            taken.update((row + r, column + c) for r in range(span) for c in range(span))
            _tile(canvas, rng, (left + column * size, top + row * size, size * span), (paper, *inks))


def silk(canvas: Canvas, rng: Random, palette: Palette, phase: float) -> None:
    """Folds of a cloth: a sine of a sine of a sine. Palette: from the deepest fold to the highest."""
    circle = 4096
    sine = [math.sin(2 * math.pi * step / circle) for step in range(circle)]
    bend = [round(0.17 * circle * value) for value in sine]
    sweep = [round(0.62 * circle * value) for value in sine]
    level = [_fold(step / circle) for step in range(circle)]
    turn = round(circle * phase)
    # Turns of the circle over the picture's width and height, for each of the three sines.
    sides = [
        (rng.uniform(0.35, 0.7), rng.uniform(0.5, 1.1)),
        (rng.uniform(-0.8, -0.4), rng.uniform(0.3, 0.7)),
        (rng.uniform(2.1, 2.9), rng.uniform(-1.5, -0.7)),
    ]
    starts = [rng.randrange(circle) for _ in sides]
    width, height = canvas.width, canvas.height
    span = max(width, height)
    first, second, third = ([int(circle * x * across / span) for x in range(width)] for across, _ in sides)
    tables = _ramp(palette)
    mask = circle - 1
    for y in range(height):
        a, b, c = (
            int(circle * y * down / span) + start for (_, down), start in zip(sides, starts, strict=True)
        )
        a, b = a + turn, b - turn
        line = bytes(
            [
                level[(k + c + sweep[(j + b + bend[(i + a) & mask]) & mask]) & mask]
                for i, j, k in zip(first, second, third, strict=True)
            ]
        )
        canvas.set_pixels(y, [line.translate(table) for table in tables])


def _fold(place: float) -> int:
    """Return the height (0 to 255) across a fold: a long rise to the ridge, a short fall to the crease."""
    ridge = 0.74
    share = place / ridge if place < ridge else (1 - place) / (1 - ridge)
    return round(255 * (0.5 - 0.5 * math.cos(math.pi * share)))


def _ramp(palette: Palette) -> list[bytes]:
    """Return for each channel a table from a height (0 to 255) to its colour there, with a sheen on top."""
    colours = Gradient(0, 255, palette)
    inks = [colours.at(height) for height in range(256)]
    toned = []
    for height, ink in enumerate(inks):
        sheen = max(0.0, (height - 205) / 50) ** 2 * 0.5
        fold = max(0.0, (70 - height) / 70) ** 1.5 * 0.55
        toned.append(mix(mix(ink, WHITE, sheen), BLACK, fold))
    return [bytes([round(ink[channel]) for ink in toned]) for channel in range(3)]


def _tile(canvas: Canvas, rng: Random, cell: Cell, inks: tuple[Colour, ...]) -> None:
    """Fill a square with one of the motifs, in three of the inks."""
    ground, first, second = rng.sample(inks, 3)
    x, y, size = cell
    canvas.paint(box(x, y, x + size, y + size), ground)
    rng.choice(_MOTIFS)(canvas, cell, rng.randrange(4), (ground, first, second))


def _corner(cell: Cell, corner: int) -> tuple[float, float]:
    x, y, size = cell
    return x + size * (corner % 2), y + size * (corner // 2)


def _quarter(canvas: Canvas, cell: Cell, corner: int, radius: float, ink: Colour) -> None:
    """Paint the part of a circle around a corner that lies in the cell; `radius` in sides of the cell."""
    x, y, size = cell
    spans = disc(*_corner(cell, corner), size * radius)
    canvas.paint(within(spans, box(x, y, x + size, y + size)), ink)


def _arch(canvas: Canvas, cell: Cell, corner: int, inks: Inks) -> None:
    _quarter(canvas, cell, corner, 1.0, inks[1])
    _quarter(canvas, cell, corner, 0.5, inks[2])


def _rainbow(canvas: Canvas, cell: Cell, corner: int, inks: Inks) -> None:
    for ring in range(5):
        _quarter(canvas, cell, corner, 1 - ring * 0.2, inks[1 - ring % 2])


def _halves(canvas: Canvas, cell: Cell, corner: int, inks: Inks) -> None:
    x, y, size = cell
    circle = list(disc(x + size / 2, y + size / 2, size * 0.42))
    canvas.paint(circle, inks[1])
    half = box(x, y, x + size / 2, y + size) if corner % 2 else box(x, y, x + size, y + size / 2)
    canvas.paint(within(half, circle), inks[2])


def _stripes(canvas: Canvas, cell: Cell, corner: int, inks: Inks) -> None:
    x, y, size = cell
    for bar in range(4):
        start, stop = size * (bar + 0.25) / 4, size * (bar + 0.75) / 4
        upright = corner % 2
        spans = box(x + start, y, x + stop, y + size) if upright else box(x, y + start, x + size, y + stop)
        canvas.paint(spans, inks[1])


def _triangle(canvas: Canvas, cell: Cell, corner: int, inks: Inks) -> None:
    x, y, size = cell
    corners = [(x, y), (x + size, y), (x + size, y + size), (x, y + size)]
    del corners[corner]
    canvas.paint(polygon(corners), inks[1])


def _facing(canvas: Canvas, cell: Cell, corner: int, inks: Inks) -> None:
    _quarter(canvas, cell, corner, 0.5, inks[1])
    _quarter(canvas, cell, 3 - corner, 0.5, inks[2])


def _leaf(canvas: Canvas, cell: Cell, corner: int, inks: Inks) -> None:
    """Paint what two facing quarter circles share."""
    x, y, size = cell
    quarter = within(disc(*_corner(cell, corner), size), box(x, y, x + size, y + size))
    canvas.paint(within(quarter, disc(*_corner(cell, 3 - corner), size)), inks[1])


def _dots(canvas: Canvas, cell: Cell, corner: int, inks: Inks) -> None:
    x, y, size = cell
    del corner
    for dot in range(9):
        spot = x + size * (dot % 3 * 2 + 1) / 6, y + size * (dot // 3 * 2 + 1) / 6
        canvas.paint(disc(*spot, size * 0.085), inks[1])


_MOTIFS: Final = (_arch, _rainbow, _halves, _stripes, _triangle, _facing, _leaf, _dots)
