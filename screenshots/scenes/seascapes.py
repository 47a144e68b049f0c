"""Water: waves at sunset, a lighthouse at dusk."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scenes.canvas import Canvas, Colour, Glow, Gradient, Palette, mix
from scenes.shapes import below, box, disc, ellipse, polygon, ridge, rounded_box

if TYPE_CHECKING:
    from random import Random

WHITE: Colour = (255, 255, 255)


def waves(canvas: Canvas, rng: Random, palette: Palette, phase: float) -> None:
    """Waves and a low sun. Palette: sky top, middle, low; sun; far water, near water."""
    top, middle, low, sun, far, near = palette
    w, h = canvas.w, canvas.h
    horizon = round(h * 0.5)
    sun_x, sun_y = w * rng.uniform(0.35, 0.65), h * 0.43
    canvas.backdrop(
        Gradient(0, horizon, (top, middle, low, mix(low, sun, 0.4))), Glow(sun_x, sun_y, h * 0.62, sun, 0.9)
    )
    clouds(canvas, rng, mix(middle, sun, 0.55), 0.34)
    canvas.paint(
        disc(sun_x, sun_y, h * 0.1),
        Gradient(sun_y - h * 0.1, sun_y + h * 0.1, (mix(sun, WHITE, 0.7), mix(sun, low, 0.35))),
    )
    canvas.paint(box(0, horizon, w, h), Gradient(horizon, h, (mix(far, low, 0.35), far, near)))
    light = mix(sun, WHITE, 0.35)
    layers = 12
    edges = [horizon + (h - horizon) * (layer / layers) ** 1.6 for layer in range(layers + 1)]
    _glints(canvas, rng, (sun_x, horizon, edges[2]), light, phase, 90)
    for layer in range(1, layers):
        depth = layer / (layers - 1)
        ink = mix(far, near, depth)
        _swell(canvas, rng, edges[layer], depth, (ink, mix(ink, light, 0.34 - 0.16 * depth)), phase)
        _glints(canvas, rng, (sun_x, edges[layer], edges[layer + 1]), light, phase, 34)


def lighthouse(canvas: Canvas, rng: Random, palette: Palette, phase: float) -> None:
    """A striped tower on a cliff, its beam turning. Palette: sky top, low; lamp; sea; cliff; stripe."""
    top, low, lamp, sea, cliff, stripe = palette
    w, h = canvas.w, canvas.h
    x, foot, head = w * 0.68, h * 0.66, h * 0.26
    canvas.backdrop(
        Gradient(0, h * 0.72, (top, mix(top, low, 0.4), low)), Glow(x, head, h * 0.42, lamp, 0.55)
    )
    stars(canvas, rng, 130, 0.5)
    horizon = round(h * 0.7)
    canvas.paint(
        box(0, horizon, w, h), Gradient(horizon, h, (mix(sea, low, 0.55), sea, mix(sea, (4, 8, 20), 0.6)))
    )
    _beam(canvas, x, head, phase, lamp)
    for _ in range(150):
        depth = rng.random() ** 1.7
        y = horizon + depth * (h - horizon)
        drift = w * 0.012 * math.sin(2 * math.pi * (phase + rng.random()))
        half = w * rng.uniform(0.008, 0.05) * (0.4 + depth)
        canvas.paint(ellipse(w * rng.random() + drift, y, half, 1.2 + 3 * depth), mix(low, lamp, 0.3), 0.22)
    crest = []
    for column, value in enumerate(ridge(rng, w, 7, 6, 0.5)):
        share = min(1.0, max(0.0, (column / w - 0.2) / 0.24))
        climb = share * share * (3 - 2 * share)
        crest.append(h * (1.03 - 0.37 * climb + 0.02 * value * (1.6 - climb)))
    canvas.paint(
        below(crest, h), Gradient(foot, h, (mix(cliff, low, 0.12), cliff, mix(cliff, (5, 6, 14), 0.7)))
    )
    _tower(canvas, x, foot + h * 0.015, head, (stripe, mix(lamp, WHITE, 0.6), lamp, cliff))


def stars(canvas: Canvas, rng: Random, count: int, floor: float) -> None:
    """Scatter stars over the upper `floor` (0 to 1) of the canvas; they thin out downwards."""
    for _ in range(count):
        y = rng.random() ** 1.3 * floor
        bright = rng.random() ** 2
        fade = 1 - y / floor * 0.8
        canvas.paint(
            disc(canvas.w * rng.random(), canvas.h * y, canvas.h * (0.0006 + 0.0014 * bright)),
            WHITE,
            (0.3 + 0.65 * bright) * fade,
        )


def clouds(canvas: Canvas, rng: Random, ink: Colour, floor: float) -> None:
    """Lay long flat clouds over the upper `floor` (0 to 1) of the canvas."""
    for _ in range(9):
        x, y = canvas.w * rng.uniform(0, 1), canvas.h * rng.uniform(0.06, floor)
        for _ in range(7):
            half = canvas.w * rng.uniform(0.05, 0.17)
            spot = x + canvas.w * rng.uniform(-0.13, 0.13), y + canvas.h * rng.uniform(-0.006, 0.006)
            canvas.paint(ellipse(*spot, half, canvas.h * rng.uniform(0.0025, 0.009)), ink, 0.16)


def _glints(
    canvas: Canvas, rng: Random, place: tuple[float, float, float], ink: Colour, phase: float, count: int
) -> None:
    """Broken light between two rows under the sun; it spreads and breaks up as it comes nearer."""
    x, top, bottom = place
    sea = canvas.h * 0.5
    for _ in range(count):
        y = rng.uniform(top, bottom)
        depth = (y - sea) / (canvas.h - sea)
        shimmer = 0.5 + 0.5 * math.sin(2 * math.pi * (phase + rng.random()))
        spread = canvas.h * (0.045 + 0.15 * depth)
        half = canvas.h * (0.007 + 0.034 * depth) * rng.uniform(0.4, 1.4)
        drift = canvas.h * 0.006 * math.sin(2 * math.pi * (phase + rng.random()))
        spot = x + rng.gauss(0, 0.5) * spread + drift
        canvas.paint(
            ellipse(spot, y, half, 1.0 + 3.4 * depth), ink, (0.18 + 0.5 * shimmer) * (1 - 0.35 * depth)
        )


def _swell(
    canvas: Canvas, rng: Random, base: float, depth: float, inks: tuple[Colour, Colour], phase: float
) -> None:
    """One swell, bright along its crest and dark in its trough."""
    w, h = canvas.w, canvas.h
    ink, light = inks
    height = h * (0.003 + 0.021 * depth)
    first, second = w * (0.22 + 0.55 * depth), w * (0.09 + 0.2 * depth)
    # Whole lengths a loop only, so that the loop of a clip closes.
    turn = 2 * math.pi * phase
    shift, counter = rng.random() * 7, rng.random() * 7
    crest = [
        base
        + height * math.sin(x * 2 * math.pi / first + shift + turn)
        + 0.45 * height * math.sin(x * 2 * math.pi / second + counter - turn)
        for x in range(w)
    ]
    canvas.paint(
        below(crest, h),
        Gradient(base - height, base + h * (0.02 + 0.08 * depth), (light, ink, mix(ink, (3, 8, 30), 0.35))),
    )


def _beam(canvas: Canvas, x: float, y: float, phase: float, ink: Colour) -> None:
    """Two opposite cones of light that swing up and down: many thin cones over one another."""
    w, h = canvas.w, canvas.h
    tilt = h * (0.12 - 0.2 * math.sin(2 * math.pi * phase))
    for step in range(12):
        spread = h * 0.13 * (step + 1) / 12
        for side in (-1, 1):
            tip, middle = x + side * w * 1.1, y - side * tilt
            cone = ((x, y - h * 0.006), (tip, middle - spread), (tip, middle + spread), (x, y + h * 0.006))
            canvas.paint(polygon(cone), ink, 0.032)


def _tower(
    canvas: Canvas, x: float, foot: float, head: float, inks: tuple[Colour, Colour, Colour, Colour]
) -> None:
    stripe, wall, lamp, dark = inks
    h = canvas.h
    wide, narrow = h * 0.058, h * 0.036
    top = head + h * 0.03

    def half(row: float) -> float:
        return narrow + (wide - narrow) * (row - top) / (foot - top)

    bands = 7
    for band in range(bands):
        upper, lower = top + (foot - top) * band / bands, top + (foot - top) * (band + 1) / bands
        body = (
            (x - half(upper), upper),
            (x + half(upper), upper),
            (x + half(lower), lower),
            (x - half(lower), lower),
        )
        canvas.paint(polygon(body), stripe if band % 2 == 0 else wall)
    for step in range(16):
        share = step / 8 - 1
        side = (
            (x + half(top) * share, top),
            (x + half(top), top),
            (x + half(foot), foot),
            (x + half(foot) * share, foot),
        )
        canvas.paint(polygon(side), (8, 10, 30), 0.012 + 0.006 * step)
    _lantern(canvas, (x, head, top, narrow), (stripe, lamp, dark))
    for row in (0.3, 0.6):
        y = top + (foot - top) * row
        canvas.paint(rounded_box(x - h * 0.008, y, x + h * 0.008, y + h * 0.028, h * 0.008), (40, 34, 60))
    door = h * 0.016
    canvas.paint(rounded_box(x - door, foot - h * 0.05, x + door, foot, door), (40, 34, 60))


def _lantern(
    canvas: Canvas, place: tuple[float, float, float, float], inks: tuple[Colour, Colour, Colour]
) -> None:
    """Gallery, lit glass and roof; `place`: middle, row of the lamp, the tower's top, half its width."""
    x, head, top, narrow = place
    stripe, lamp, dark = inks
    h = canvas.h
    canvas.paint(
        box(x - narrow * 1.35, top - h * 0.008, x + narrow * 1.35, top + h * 0.006), mix(dark, WHITE, 0.12)
    )
    canvas.paint(
        box(x - narrow * 0.72, head - h * 0.026, x + narrow * 0.72, top - h * 0.008), mix(lamp, WHITE, 0.35)
    )
    for post in (-0.72, -0.24, 0.24, 0.72):
        canvas.paint(
            box(x + narrow * post - 2, head - h * 0.026, x + narrow * post + 2, top - h * 0.008), dark
        )
    canvas.paint(
        polygon(((x - narrow, head - h * 0.026), (x, head - h * 0.066), (x + narrow, head - h * 0.026))),
        stripe,
    )
    canvas.paint(disc(x, head - h * 0.068, h * 0.006), dark)
