"""A planet with rings and a moon."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scenes.canvas import Canvas, Colour, Glow, Gradient, Palette, Span, mix
from scenes.seascapes import stars
from scenes.shapes import disc, ellipse, within

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (4, 5, 16)


def planet(canvas: Canvas, rng: Random, palette: Palette, phase: float) -> None:
    """A banded planet with rings and a moon. Palette: space, nebula; light bands, dark bands, ring; moon."""
    space, nebula, light, dark, ring, moon = palette
    w, h = canvas.w, canvas.h
    x, y, radius = w * 0.5, h * 0.53, min(w, h) * 0.235
    turn = -0.38
    canvas.backdrop(
        Gradient(0, h, (space, mix(space, nebula, 0.3), space)),
        Glow(w * rng.uniform(0.2, 0.8), h * rng.uniform(0.15, 0.4), h * 0.8, nebula, 0.75),
    )
    stars(canvas, rng, 320, 1.0)
    for _ in range(6):
        _star(canvas, w * rng.random(), h * rng.random(), h * rng.uniform(0.008, 0.02))
    bands = _ring_bands(rng, radius)
    _rings(canvas, (x, y, turn), bands, ring, back=True)
    _globe(canvas, rng, (x, y, radius), turn, (light, dark))
    _rings(canvas, (x, y, turn), bands, ring, back=False)
    angle = 2 * math.pi * phase + 2.5
    spot = x + math.cos(angle) * radius * 1.75, y + math.sin(angle) * radius * 0.5 - radius * 1.1
    _ball(canvas, (*spot, radius * 0.13), mix(moon, BLACK, 0.88), moon)


def _ring_bands(rng: Random, radius: float) -> list[tuple[float, float, float, float]]:
    """Return (outer edge, inner edge, alpha, brightness) of each ring, from the outside in."""
    bands = []
    edge = radius * 2.12
    while edge > radius * 1.3:
        width = radius * rng.uniform(0.012, 0.06)
        gap = radius * 1.82 < edge < radius * 1.87
        bands.append((edge, edge - width, 0.05 if gap else rng.uniform(0.35, 0.9), rng.uniform(0.5, 1.0)))
        edge -= width
    return bands


def _rings(
    canvas: Canvas,
    place: tuple[float, float, float],
    bands: list[tuple[float, float, float, float]],
    ink: Colour,
    *,
    back: bool,
) -> None:
    """Paint the half of the rings behind the globe, or the half before it."""
    x, y, turn = place
    flat = 0.27
    slope = math.tan(turn)
    for outer, inner, alpha, bright in bands:
        hole = {row: (left, right) for row, left, right in ellipse(x, y, inner, inner * flat, turn)}
        spans = _less(ellipse(x, y, outer, outer * flat, turn), hole)
        half = _half_plane(spans, (x, y, slope), above=back)
        canvas.paint(half, mix((30, 24, 40), ink, bright), alpha)


def _less(spans: Iterator[Span], hole: dict[int, tuple[float, float]]) -> Iterator[Span]:
    for row, left, right in spans:
        if row in hole:
            yield row, left, hole[row][0]
            yield row, hole[row][1], right
        else:
            yield row, left, right


def _half_plane(spans: Iterator[Span], line: tuple[float, float, float], *, above: bool) -> Iterator[Span]:
    """Keep what lies above (or below) a line through a point with a slope that is not zero."""
    x, y, slope = line
    for row, left, right in spans:
        cut = x + (row + 0.5 - y) / slope
        # With a falling slope, what is right of the cut lies below the line.
        keep_left = (slope < 0) == above
        start, stop = (left, min(right, cut)) if keep_left else (max(left, cut), right)
        if start < stop:
            yield row, start, stop


def _globe(
    canvas: Canvas, rng: Random, ball: tuple[float, float, float], turn: float, inks: tuple[Colour, Colour]
) -> None:
    """A ball with bands along its latitudes, lit from the upper left."""
    x, y, radius = ball
    light, dark = inks
    _ball(canvas, ball, mix(dark, BLACK, 0.9), light)
    edge = list(disc(x, y, radius))
    latitude = -0.95
    while latitude < 0.95:
        thick = rng.uniform(0.03, 0.16)
        offset = latitude * radius
        centre = x - math.sin(turn) * offset, y + math.cos(turn) * offset
        wide = radius * math.sqrt(max(0.0, 1 - latitude * latitude)) * 1.04
        band = ellipse(*centre, wide, max(2.0, radius * thick * 0.5), turn)
        canvas.paint(within(band, edge), dark, rng.uniform(0.12, 0.42))
        latitude += thick * rng.uniform(0.8, 1.6)
    # The bands were laid over the shading: the night side is darkened again, softly.
    for step in range(14):
        share = step / 14
        lit = ellipse(
            x - radius * 0.42 * (0.5 + share),
            y - radius * 0.34 * (0.5 + share),
            radius * (1.34 - 0.22 * share),
            radius * (1.34 - 0.22 * share),
        )
        canvas.paint(
            _less(iter(edge), {row: (max(left, x - radius * 2), right) for row, left, right in lit}),
            BLACK,
            0.15,
        )


def _ball(canvas: Canvas, ball: tuple[float, float, float], dark: Colour, light: Colour) -> None:
    """A sphere shaded pixel by pixel."""
    x, y, radius = ball

    def levels(row: int, start: int, stop: int) -> bytes:
        ny = (row + 0.5 - y) / radius
        rest = 1 - ny * ny
        base = -0.48 * ny
        line = []
        for column in range(start, stop, 2):
            nx = (column + 0.5 - x) / radius
            nz2 = rest - nx * nx
            lit = base - 0.58 * nx + (0.66 * math.sqrt(nz2) if nz2 > 0 else 0.0)
            line.append(int(255 * lit) if lit > 0 else 0)
        return bytes([min(255, level) for level in line])

    canvas.shade(disc(x, y, radius), levels, dark, light)


def _star(canvas: Canvas, x: float, y: float, size: float) -> None:
    for long, high in ((size, 1.4), (1.4, size)):
        canvas.paint(ellipse(x, y, long, high), WHITE, 0.6)
    canvas.paint(disc(x, y, size * 0.16), WHITE)
