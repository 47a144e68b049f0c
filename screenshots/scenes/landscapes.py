"""Land by day and dusk: misty mountains, balloons over them, dunes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scenes.canvas import Canvas, Colour, Glow, Gradient, Palette, mix
from scenes.shapes import below, box, disc, ellipse, polygon, ridge, stroke

if TYPE_CHECKING:
    from random import Random


def mountains(canvas: Canvas, rng: Random, palette: Palette, phase: float) -> None:
    """Ridges fading into mist, a low sun. Palette: sky top, middle, low; sun; far ridge, near ridge."""
    _mountain_view(canvas, rng, palette)
    for _ in range(rng.randint(4, 8)):
        x, y = rng.uniform(0.15, 0.6), rng.uniform(0.16, 0.34)
        _bird(
            canvas,
            canvas.w * (x + 0.05 * phase),
            canvas.h * y,
            canvas.h * rng.uniform(0.008, 0.016),
            palette[5],
        )


def balloons(canvas: Canvas, rng: Random, palette: Palette, phase: float) -> None:
    """Hot-air balloons over the mountains. Palette: as for `mountains`, then two or more balloon colours."""
    _mountain_view(canvas, rng, palette)
    inks = palette[6:]
    places = (
        (0.28, 0.30, 0.115),
        (0.66, 0.20, 0.075),
        (0.84, 0.42, 0.045),
        (0.47, 0.52, 0.036),
        (0.12, 0.14, 0.03),
    )
    for number, (x, y, size) in enumerate(places):
        swing = math.sin(2 * math.pi * (phase + number * 0.23))
        x += rng.uniform(-0.03, 0.03) + 0.012 * swing
        y += rng.uniform(-0.02, 0.02) + 0.015 * math.cos(2 * math.pi * (phase + number * 0.37))
        first, second = inks[number % len(inks)], inks[(number + 1) % len(inks)]
        _balloon(canvas, canvas.w * x, canvas.h * y, canvas.h * size, first, second)


def dunes(canvas: Canvas, rng: Random, palette: Palette, phase: float) -> None:
    """Dunes with a lit and a shaded side. Palette: sky top, low; sun; lit sand, shaded sand; haze."""
    top, low, sun, lit, shade, haze = palette
    w, h = canvas.w, canvas.h
    sun_x, sun_y = w * rng.uniform(0.18, 0.4), h * rng.uniform(0.2, 0.28)
    canvas.backdrop(Gradient(0, h * 0.55, (top, low, low)), Glow(sun_x, sun_y, h * 0.7, sun, 0.9))
    canvas.paint(disc(sun_x, sun_y, h * 0.05), mix(sun, (255, 255, 255), 0.6))
    places = (0.72, 0.2, 0.98, 0.47, 0.05, 0.8, 0.33)
    for layer, place in enumerate(places):
        depth = layer / (len(places) - 1)
        inks = mix(haze, lit, 0.2 + 0.8 * depth), mix(haze, shade, 0.25 + 0.75 * depth)
        peak = w * (place + rng.uniform(-0.06, 0.06))
        _dune(canvas, rng, peak, depth, inks)
        if layer == 4:
            _caravan(canvas, rng, phase, mix(shade, (20, 8, 12), 0.75))


def _dune(canvas: Canvas, rng: Random, peak: float, depth: float, inks: tuple[Colour, Colour]) -> None:
    """One dune: light on the left, shadow on the right, parted by a line as the wind draws it."""
    w, h = canvas.w, canvas.h
    lit, shade = inks
    base: float = h * (0.52 + 0.42 * depth**1.3)
    rise = h * rng.uniform(0.12, 0.17) * (0.75 + 0.5 * depth)
    left, right = w * rng.uniform(0.42, 0.6), w * rng.uniform(0.24, 0.34)
    swell = ridge(rng, w, 2, 2, 0.3)
    crest = [
        base
        - rise * math.exp(-((abs(x - peak) / (left if x < peak else right)) ** 1.35) * 1.8)
        - h * 0.008 * swell[x]
        for x in range(w)
    ]
    top = base - rise
    canvas.paint(
        below(crest, h),
        Gradient(top, base + h * 0.16, (mix(lit, (255, 246, 220), 0.4), lit, mix(lit, shade, 0.3))),
    )
    sway, lean = h * rng.uniform(0.035, 0.06), rng.uniform(-0.25, 0.2)

    def wind_line(row: float) -> float:
        down = (row - top) / (rise * 1.6)
        return peak + lean * (row - top) + sway * math.sin(down * 4.2) * min(1.0, down * 2)

    dark = ((row, max(start, wind_line(row)), stop) for row, start, stop in below(crest, h))
    canvas.paint(dark, Gradient(top, base + h * 0.12, (shade, mix(shade, lit, 0.25), mix(lit, shade, 0.3))))


def _caravan(canvas: Canvas, rng: Random, phase: float, ink: Colour) -> None:
    w, h = canvas.w, canvas.h
    unit = h * 0.011
    start = w * (rng.uniform(0.12, 0.3) + 0.1 * phase)
    for number in range(4):
        x, y = start + number * unit * 6.5, h * 0.66 + unit * 0.35 * math.sin(number * 1.7)
        canvas.paint(ellipse(x, y, unit * 1.5, unit * 0.75), ink)
        canvas.paint(disc(x - unit * 0.1, y - unit * 0.7, unit * 0.62), ink)
        canvas.paint(
            stroke(
                ((x + unit * 1.2, y), (x + unit * 1.9, y - unit * 0.5), (x + unit * 2.1, y - unit * 1.4)),
                (unit * 0.5, unit * 0.4, unit * 0.35),
            ),
            ink,
        )
        canvas.paint(ellipse(x + unit * 2.35, y - unit * 1.5, unit * 0.45, unit * 0.24), ink)
        for leg in (-1.1, -0.7, 0.75, 1.1):
            canvas.paint(box(x + unit * (leg - 0.11), y, x + unit * (leg + 0.11), y + unit * 2.1), ink)


def _mountain_view(canvas: Canvas, rng: Random, palette: Palette) -> None:
    top, middle, low, sun, far, near = palette[:6]
    w, h = canvas.w, canvas.h
    sun_x, sun_y = w * rng.uniform(0.3, 0.75), h * rng.uniform(0.33, 0.4)
    canvas.backdrop(
        Gradient(0, h * 0.62, (top, middle, low, mix(low, sun, 0.5))), Glow(sun_x, sun_y, h * 0.75, sun, 0.85)
    )
    for _ in range(14):
        x, y = w * rng.uniform(-0.1, 1.1), h * rng.uniform(0.1, 0.42)
        canvas.paint(
            ellipse(x, y, w * rng.uniform(0.1, 0.32), h * rng.uniform(0.002, 0.007)), mix(sun, low, 0.4), 0.22
        )
    canvas.paint(disc(sun_x, sun_y, h * 0.052), mix(sun, (255, 255, 255), 0.65))
    layers = 7
    for layer in range(layers):
        depth = layer / (layers - 1)
        base = h * (0.46 + 0.46 * depth**1.25)
        rise = h * (0.10 + 0.045 * math.sin(layer * 2.1 + 1)) * (1.05 - 0.35 * depth)
        crest = [base - rise * value for value in ridge(rng, w, 2.2 + layer * 0.35, 7, 0.47)]
        if layer == layers - 1:
            crest = _wooded(rng, crest, h)
        ink = mix(far, near, depth**1.2)
        mist = mix(mix(low, far, 0.45), ink, 0.15 + 0.6 * depth)
        canvas.paint(
            below(crest, h), Gradient(base - rise, base + h * 0.17, (ink, mix(ink, mist, 0.35), mist))
        )


def _wooded(rng: Random, crest: list[float], height: int) -> list[float]:
    """Return the ridge with a fringe of conifers on it."""
    wooded = list(crest)
    x = 0.0
    while x < len(crest):
        tall = height * rng.uniform(0.018, 0.055)
        half = tall * 0.21
        foot = crest[min(len(crest) - 1, int(x))]
        for column in range(max(0, int(x - half)), min(len(crest), int(x + half) + 1)):
            out = abs(column - x) / half
            # Branches: the outline falls in steps, not on a straight line.
            steps = out - 0.09 * math.sin(out * 22)
            wooded[column] = min(wooded[column], foot - tall * (1 - min(1.0, steps)))
        x += half * rng.uniform(0.5, 2.2)
    return wooded


def _bird(canvas: Canvas, x: float, y: float, size: float, ink: Colour) -> None:
    for side in (-1, 1):
        points = ((x, y), (x + side * size * 0.5, y - size * 0.5), (x + side * size * 1.2, y - size * 0.25))
        canvas.paint(stroke(points, (size * 0.22, size * 0.2, size * 0.05)), ink)


def _balloon(canvas: Canvas, x: float, y: float, size: float, first: Colour, second: Colour) -> None:
    """An envelope of gores, each an ellipse inside the last, and a basket on ropes."""
    throat = y + size * 1.28
    for side in (-1, 1):
        canvas.paint(
            stroke(((x + side * size * 0.3, y + size * 0.85), (x + side * size * 0.13, throat)), (2.5, 2.5)),
            mix(second, (40, 24, 20), 0.6),
        )
    outline = [
        (
            x + size * math.sin(a) * (1 - 0.36 * max(0.0, -math.cos(a)) ** 2),
            y - size * math.cos(a) * (1.0 if math.cos(a) > 0 else 1.06),
        )
        for a in (i * math.pi / 48 for i in range(96))
    ]
    for number, share in enumerate((1.0, 0.72, 0.44, 0.16)):
        gore = [(x + (px - x) * share, py) for px, py in outline]
        ink = first if number % 2 == 0 else second
        canvas.paint(
            polygon(gore),
            Gradient(
                y - size, y + size * 1.1, (mix(ink, (255, 255, 255), 0.25), ink, mix(ink, (40, 10, 40), 0.4))
            ),
        )
    dark = outline[:49]
    inner = [(x + (px - x) * 0.45, py) for px, py in reversed(outline[:49])]
    canvas.paint(polygon([*dark, *inner]), (30, 10, 40), 0.16)
    canvas.paint(
        box(x - size * 0.14, throat, x + size * 0.14, throat + size * 0.2), mix(second, (60, 30, 10), 0.75)
    )
