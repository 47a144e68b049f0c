"""A small rasteriser in pure Python that hardly ever visits a pixel in a Python loop.

Colours lie in three planes (red, green, blue), and every shape is a stream of horizontal spans: an opaque
span is a slice assignment, a translucent one a `bytes.translate`. The canvas is twice as wide and high as the
picture and is averaged at the end, which smooths the edges.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final, TypeAlias

from PIL import Image

Colour: TypeAlias = tuple[float, float, float]
"""Red, green, blue, each 0 to 255."""
Span: TypeAlias = tuple[int, float, float]
"""Row, first column, column after the last; in canvas pixels, clipped when painted."""

Palette: TypeAlias = tuple[Colour, ...]
"""The colours of a scene, in the order its docstring names."""

OVERSAMPLING: Final = 2


def colour(text: str) -> Colour:
    """Return the colour written as `rrggbb`."""
    red, green, blue = bytes.fromhex(text)
    return (red, green, blue)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Return `first` with `share` (0 to 1) of `second` in it."""
    r0, g0, b0 = first
    r1, g1, b1 = second
    return (r0 + (r1 - r0) * share, g0 + (g1 - g0) * share, b0 + (b1 - b0) * share)


class Gradient:
    """A colour for each row, between stops that lie evenly from `top` to `bottom`."""

    def __init__(self, top: float, bottom: float, stops: Sequence[Colour]) -> None:
        """Take rows in canvas pixels and at least one stop."""
        self._top = top
        self._height = max(1.0, bottom - top)
        self._stops = tuple(stops)

    def at(self, row: float) -> Colour:
        """Return the colour of a row; the ends go on for ever.

        The stops are control points of a quadratic B-spline: straight segments would show where they meet.
        """
        last = len(self._stops) - 1
        place = min(1.0, max(0.0, (row - self._top) / self._height)) * last
        index = round(place)
        off = place - index
        near = self._stops[index]
        before = self._stops[max(0, index - 1)]
        after = self._stops[min(last, index + 1)]
        w0, w1, w2 = (0.5 - off) ** 2 / 2, 0.75 - off * off, (0.5 + off) ** 2 / 2
        r, g, b = (x * w0 + y * w1 + z * w2 for x, y, z in zip(before, near, after, strict=True))
        return (r, g, b)


Ink: TypeAlias = Colour | Gradient
Alpha: TypeAlias = float | Callable[[int], float]


class Canvas:
    """Three planes of `w` x `h` canvas pixels for a picture of half that width and height."""

    def __init__(self, width: int, height: int) -> None:
        """Take the size of the finished picture in pixels."""
        self.width = width
        self.height = height
        self.w = width * OVERSAMPLING
        self.h = height * OVERSAMPLING
        self._planes = tuple(bytearray(self.w * self.h) for _ in range(3))

    def paint(self, spans: Iterable[Span], ink: Ink, alpha: Alpha = 1.0) -> None:
        """Lay `ink` over the spans; `alpha` may depend on the row."""
        if callable(alpha):
            for row, start, stop in self._clipped(spans):
                self._blend(row, start, stop, ink.at(row) if isinstance(ink, Gradient) else ink, alpha(row))
        elif alpha < 1.0:
            for row, start, stop in self._clipped(spans):
                self._blend(row, start, stop, ink.at(row) if isinstance(ink, Gradient) else ink, alpha)
        elif isinstance(ink, Gradient):
            for row, start, stop in self._clipped(spans):
                self._store(row, start, [bytes((round(c),)) * (stop - start) for c in ink.at(row)])
        else:
            lines = [bytes((round(channel),)) * self.w for channel in ink]
            for row, start, stop in self._clipped(spans):
                self._store(row, start, [line[: stop - start] for line in lines])

    def backdrop(self, ink: Gradient, glow: Glow | None = None) -> None:
        """Fill the whole canvas with a gradient and, in it, a soft light."""
        if glow is None:
            self.paint(((row, 0, self.w) for row in range(self.h)), ink)
            return
        profile = glow.levels(self.width)
        for y in range(self.height):
            base = ink.at(y * OVERSAMPLING)
            levels = profile(y)
            self.set_pixels(y, [_lit(levels, *ends) for ends in zip(base, glow.colour, strict=True)])

    def shade(
        self, spans: Iterable[Span], levels: Callable[[int, int, int], bytes], dark: Ink, light: Ink
    ) -> None:
        """Paint each pixel between `dark` and `light` by its level.

        Args:
            spans: where to paint; only even rows are asked for, and each is used twice.
            levels: (row, first, stop) to one byte for every second column from `first`, 0 dark and 255 light.
            dark: the ink of level 0.
            light: the ink of level 255.
        """
        for row, start, stop in self._clipped(spans):
            start &= ~1
            light_at = light.at(row) if isinstance(light, Gradient) else light
            dark_at = dark.at(row) if isinstance(dark, Gradient) else dark
            line = levels(row, start, stop)
            lit = [
                _doubled(_lit(line, *ends))[: stop - start] for ends in zip(dark_at, light_at, strict=True)
            ]
            self._store(row, start, lit)

    def add_light(self, row: int, levels: bytes, ink: Colour) -> None:
        """Lighten a pair of rows: each channel moves towards white by `level / 255` of the ink's share of it.

        Args:
            row: an even row; the next one becomes the same.
            levels: one byte for every second column.
            ink: the colour of the light.
        """
        start = row * self.w
        lit_lines = []
        for plane, channel in zip(self._planes, ink, strict=True):
            share = channel / 65025
            under = plane[start : start + self.w : 2]
            lit = bytes([b + int((255 - b) * level * share) for b, level in zip(under, levels, strict=True)])
            lit_lines.append(lit)
        self.set_pixels(row // OVERSAMPLING, lit_lines)

    def row_bytes(self, row: int) -> tuple[bytes, ...]:
        """Return a row of each plane."""
        return tuple(bytes(plane[row * self.w : (row + 1) * self.w]) for plane in self._planes)

    def set_row(self, row: int, lines: Sequence[bytes]) -> None:
        """Put a row of each plane, as `row_bytes` gives them."""
        self._store(row, 0, lines)

    def set_pixels(self, y: int, lines: Sequence[bytes]) -> None:
        """Put a row of the picture itself: one byte a picture pixel for each plane."""
        for row in range(y * OVERSAMPLING, (y + 1) * OVERSAMPLING):
            self._store(row, 0, [_doubled(line) for line in lines])

    def picture(self) -> Image.Image:
        """Return the finished picture, averaged down to `width` x `height`."""
        planes = [Image.frombytes("L", (self.w, self.h), bytes(plane)) for plane in self._planes]
        return Image.merge("RGB", planes).reduce(OVERSAMPLING)

    def _clipped(self, spans: Iterable[Span]) -> Iterator[tuple[int, int, int]]:
        for row, left, right in spans:
            if 0 <= row < self.h:
                start = max(0, math.ceil(left - 0.5))
                stop = min(self.w, math.ceil(right - 0.5))
                if start < stop:
                    yield row, start, stop

    def _store(self, row: int, start: int, lines: Sequence[bytes]) -> None:
        offset = row * self.w + start
        for plane, line in zip(self._planes, lines, strict=True):
            plane[offset : offset + len(line)] = line

    def _blend(self, row: int, start: int, stop: int, ink: Colour, alpha: float) -> None:
        weight = round(alpha * 256)
        if weight <= 0:
            return
        begin, end = row * self.w + start, row * self.w + stop
        for plane, channel in zip(self._planes, ink, strict=True):
            plane[begin:end] = plane[begin:end].translate(_blend_table(round(channel), weight))


class Glow:
    """A soft round light: full at its centre, gone at `radius`."""

    def __init__(
        self, x: float, y: float, radius: float, ink: Colour, strength: float = 1.0, *, flat: float = 1.0
    ) -> None:
        """Take a place and a radius in canvas pixels; `flat` above 1 makes it wider than high."""
        self.colour = ink
        self._x = x / OVERSAMPLING
        self._y = y / OVERSAMPLING
        self._radius = radius / OVERSAMPLING
        self._strength = strength
        self._flat = flat

    def levels(self, width: int) -> Callable[[int], bytes]:
        """Return a function from a picture row to its brightness, one byte a picture pixel."""
        # Over the square of the distance, so that no pixel needs a root; a wide light and a small core.
        light = [(1 - step / 1024) ** 3 * 0.65 + (1 - step / 1024) ** 20 * 0.35 for step in range(1025)]
        falloff = bytes([round(255 * self._strength * level) for level in light])
        scale = 1023 / self._radius**2
        columns = [int(((x - self._x) / self._flat) ** 2 * scale) for x in range(width)]

        def row(y: int) -> bytes:
            rise = (y - self._y) ** 2 * scale
            if rise >= 1023:
                return bytes(width)
            half = math.sqrt((1023 - rise) / scale) * self._flat
            left = min(width, max(0, math.ceil(self._x - half)))
            right = max(left, min(width, math.floor(self._x + half)))
            lit = falloff[int(rise) :]
            return bytes(left) + bytes([lit[column] for column in columns[left:right]]) + bytes(width - right)

        return row


@lru_cache(maxsize=4096)
def _blend_table(channel: int, weight: int) -> bytes:
    return bytes([(value * (256 - weight) + channel * weight + 128) >> 8 for value in range(256)])


def _lit(levels: bytes, low: float, high: float) -> bytes:
    """Return `levels` as channel values from `low` to `high`."""
    return levels.translate(bytes([round(low + (high - low) * level / 255) for level in range(256)]))


def _doubled(line: bytes) -> bytes:
    """Return each byte twice."""
    twice = bytearray(len(line) * OVERSAMPLING)
    twice[::2] = twice[1::2] = line
    return bytes(twice)
