"""Shapes as streams of horizontal spans, and the noise that makes ridges and waves look grown.

Coordinates are canvas pixels (`canvas.Canvas.w` x `.h`), angles radians. Nothing here clips: the canvas does.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from random import Random

    from scenes.canvas import Span

Point = tuple[float, float]


def box(left: float, top: float, right: float, bottom: float) -> Iterator[Span]:
    """An upright rectangle."""
    for row in range(round(top), round(bottom)):
        yield row, left, right


def disc(x: float, y: float, radius: float) -> Iterator[Span]:
    """A full circle."""
    return ellipse(x, y, radius, radius)


def ellipse(x: float, y: float, half_width: float, half_height: float, turn: float = 0.0) -> Iterator[Span]:
    """An ellipse, turned by `turn`."""
    cos, sin = math.cos(turn), math.sin(turn)
    a2, b2 = half_width**2, half_height**2
    if not a2 or not b2:
        return
    square = cos * cos / a2 + sin * sin / b2
    cross = cos * sin * (1 / a2 - 1 / b2)
    constant = sin * sin / a2 + cos * cos / b2
    reach = math.sqrt(a2 * sin * sin + b2 * cos * cos)
    for row in range(math.ceil(y - reach - 0.5), math.floor(y + reach + 0.5)):
        rise = row + 0.5 - y
        root = (cross * rise) ** 2 - square * (constant * rise * rise - 1)
        if root > 0:
            half = math.sqrt(root) / square
            middle = x - cross * rise / square
            yield row, middle - half, middle + half


def polygon(points: Sequence[Point]) -> Iterator[Span]:
    """A polygon, filled by the even-odd rule."""
    edges = [
        (*a, *b) if a[1] < b[1] else (*b, *a) for a, b in zip(points, [*points[1:], points[0]], strict=True)
    ]
    top = min(y for _, y in points)
    bottom = max(y for _, y in points)
    for row in range(math.ceil(top - 0.5), math.floor(bottom + 0.5)):
        middle = row + 0.5
        crossings = sorted(
            x0 + (x1 - x0) * (middle - y0) / (y1 - y0) for x0, y0, x1, y1 in edges if y0 <= middle < y1
        )
        for left, right in zip(crossings[::2], crossings[1::2], strict=True):
            yield row, left, right


def rounded_box(left: float, top: float, right: float, bottom: float, radius: float) -> Iterator[Span]:
    """An upright rectangle with round corners."""
    for row in range(round(top), round(bottom)):
        depth = max(top + radius - row - 0.5, row + 0.5 - (bottom - radius), 0.0)
        inset = radius - math.sqrt(max(0.0, radius * radius - depth * depth))
        yield row, left + inset, right - inset


def below(heights: Sequence[float], bottom: int) -> Iterator[Span]:
    """All that lies under a ridge, down to the row `bottom`; `heights` has one row number a column."""
    tops = [max(0, min(bottom, round(height))) for height in heights]
    edges: list[list[int]] = [[] for _ in range(bottom)]
    before = bottom
    for column, top in enumerate(tops):
        for row in range(min(before, top), max(before, top)):
            edges[row].append(column)
        before = top
    for row in range(before, bottom):
        edges[row].append(len(tops))
    for row, columns in enumerate(edges):
        for left, right in zip(columns[::2], columns[1::2], strict=True):
            yield row, left, right


def stroke(points: Sequence[Point], widths: Sequence[float]) -> Iterator[Span]:
    """A line with round joints whose width changes from point to point."""
    for (x0, y0), (x1, y1), w0, w1 in zip(points, points[1:], widths, widths[1:], strict=False):
        yield from disc(x0, y0, w0 / 2)
        length = math.hypot(x1 - x0, y1 - y0)
        if length:
            nx, ny = (y0 - y1) / length / 2, (x1 - x0) / length / 2
            yield from polygon(
                (
                    (x0 + nx * w0, y0 + ny * w0),
                    (x1 + nx * w1, y1 + ny * w1),
                    (x1 - nx * w1, y1 - ny * w1),
                    (x0 - nx * w0, y0 - ny * w0),
                )
            )
    yield from disc(*points[-1], widths[-1] / 2)


def curve(points: Sequence[Point], pieces: int = 8) -> list[Point]:
    """Return a smooth line (Catmull-Rom) through the points, in `pieces` straight parts between two."""
    line = []
    for index in range(len(points) - 1):
        before, start, end, after = (points[min(max(index + k, 0), len(points) - 1)] for k in (-1, 0, 1, 2))
        for piece in range(pieces):
            t = piece / pieces
            weights = (
                -t + 2 * t * t - t**3,
                2 - 5 * t * t + 3 * t**3,
                t + 4 * t * t - 3 * t**3,
                -t * t + t**3,
            )
            x, y = (
                sum(w * p[axis] for w, p in zip(weights, (before, start, end, after), strict=True)) / 2
                for axis in (0, 1)
            )
            line.append((x, y))
    return [*line, points[-1]]


def within(spans: Iterable[Span], clip: Iterable[Span]) -> Iterator[Span]:
    """What `spans` and `clip` share; `clip` has at most one span a row."""
    bounds = {row: (left, right) for row, left, right in clip}
    for row, left, right in spans:
        if row in bounds:
            clip_left, clip_right = bounds[row]
            if max(left, clip_left) < min(right, clip_right):
                yield row, max(left, clip_left), min(right, clip_right)


def smooth_noise(rng: Random, length: int, cells: float) -> list[float]:
    """Return `length` values from -1 to 1 that change about `cells` times on their way."""
    knots = [rng.uniform(-1, 1) for _ in range(math.ceil(cells) + 3)]
    values = []
    for step in range(length):
        place = step * cells / length
        index = int(place)
        share = place - index
        share *= share * (3 - 2 * share)
        values.append(knots[index] + (knots[index + 1] - knots[index]) * share)
    return values


def ridge(rng: Random, length: int, cells: float, octaves: int, roughness: float = 0.5) -> list[float]:
    """Return fractal noise of about -1 to 1: layers, each twice as fine and `roughness` times as high."""
    total = [0.0] * length
    height = 1.0
    for octave in range(octaves):
        layer = smooth_noise(rng, length, cells * 2**octave)
        total = [value + height * part for value, part in zip(total, layer, strict=True)]
        height *= roughness
    return total
