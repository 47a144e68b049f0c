"""Night: a city on the water, roofs under the moon, northern lights."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scenes.canvas import Canvas, Colour, Glow, Gradient, Palette, mix
from scenes.seascapes import stars
from scenes.shapes import below, box, disc, ellipse, polygon, ridge

if TYPE_CHECKING:
    from random import Random

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (4, 5, 16)


def city(canvas: Canvas, rng: Random, palette: Palette, phase: float) -> None:
    """A skyline, mirrored. Palette: sky top, low; moon; far houses, near houses; two window lights."""
    top, low, moon, far, near, warm, cool = palette
    w, h = canvas.w, canvas.h
    shore = round(h * 0.68)
    moon_x, moon_y = w * rng.uniform(0.18, 0.42), h * rng.uniform(0.14, 0.22)
    canvas.backdrop(
        Gradient(0, shore, (top, mix(top, low, 0.45), low)),
        Glow(moon_x, moon_y, h * 0.5, mix(moon, low, 0.3), 0.55),
    )
    stars(canvas, rng, 150, 0.45)
    canvas.paint(disc(moon_x, moon_y, h * 0.055), moon)
    for x, y, size in (
        (-0.018, -0.012, 0.011),
        (0.014, 0.016, 0.014),
        (0.02, -0.02, 0.007),
        (-0.012, 0.024, 0.006),
    ):
        canvas.paint(disc(moon_x + h * x, moon_y + h * y, h * size), mix(moon, low, 0.5), 0.3)
    for layer in range(3):
        depth = layer / 2
        ink = mix(far, near, depth)
        _houses(
            canvas,
            rng,
            shore,
            depth,
            ink,
            (mix(ink, warm, 0.35 + 0.65 * depth), mix(ink, cool, 0.35 + 0.6 * depth)),
        )
        canvas.paint(
            box(0, shore - h * 0.13, w, shore), low, lambda row: 0.16 * (1 - (shore - row) / (h * 0.13))
        )
    canvas.paint(box(0, shore - 5, w, shore), mix(near, BLACK, 0.4))
    _mirror(canvas, rng, shore, mix(top, BLACK, 0.25), phase)


def moonlit_town(canvas: Canvas, rng: Random, palette: Palette) -> None:
    """Paint the whole canvas as a night view over roofs. Palette: sky top, low; moon; window light."""
    top, low, moon, warm = palette
    w, h = canvas.w, canvas.h
    x, y = w * 0.5 + h * 0.12, h * 0.27
    canvas.backdrop(Gradient(0, h * 0.8, (top, mix(top, low, 0.5), low)), Glow(x, y, h * 0.5, moon, 0.5))
    stars(canvas, rng, 160, 0.6)
    canvas.paint(disc(x, y, h * 0.105), Gradient(y - h * 0.1, y + h * 0.1, (mix(moon, WHITE, 0.5), moon)))
    for dx, dy, size in (
        (-0.035, -0.025, 0.022),
        (0.03, 0.03, 0.027),
        (0.035, -0.04, 0.013),
        (-0.025, 0.05, 0.012),
    ):
        canvas.paint(disc(x + h * dx, y + h * dy, h * size), mix(moon, low, 0.45), 0.3)
    for layer in range(2):
        ink = mix(low, top, 0.35 + 0.4 * layer)
        _houses(
            canvas,
            rng,
            round(h * (0.8 + 0.06 * layer)),
            0.6 + 0.4 * layer,
            ink,
            (warm, mix(warm, WHITE, 0.3)),
        )


def aurora(canvas: Canvas, rng: Random, palette: Palette, phase: float) -> None:
    """Northern lights over a forest and a lake. Palette: sky top, low; curtain, second curtain; forest."""
    top, low, first, second, forest = palette
    w, h = canvas.w, canvas.h
    shore = round(h * 0.74)
    sky = Gradient(0, shore, (top, mix(top, low, 0.5), low))
    canvas.backdrop(sky)
    stars(canvas, rng, 260, 0.62)
    for ink, place, tall in ((second, 0.34, 0.34), (first, 0.5, 0.4)):
        _curtain(canvas, rng, (place * h, tall * h), ink, phase)
    hills = [h * 0.665 - h * 0.045 * value for value in ridge(rng, w, 3, 5)]
    canvas.paint(below(hills, shore), mix(forest, low, 0.35))
    firs = [h * 0.715 - h * 0.012 * value for value in ridge(rng, w, 5, 4)]
    canvas.paint(below(_firs(rng, firs, h), shore), forest)
    _mirror(canvas, rng, shore, mix(top, forest, 0.5), phase)


def _houses(
    canvas: Canvas, rng: Random, shore: int, depth: float, ink: Colour, lights: tuple[Colour, Colour]
) -> None:
    w, h = canvas.w, canvas.h
    x = -w * 0.02
    while x < w:
        middle = 1 - abs(x / w - 0.55) * 1.1
        wide = w * rng.uniform(0.045, 0.10) * (0.75 + 0.35 * depth)
        tall = h * rng.uniform(0.16, 0.46) * (1.06 - 0.52 * depth) * (0.55 + 0.45 * middle)
        roof = shore - tall
        canvas.paint(box(x, roof, x + wide, shore), Gradient(roof, shore, (ink, mix(ink, BLACK, 0.12))))
        _roof(canvas, rng, (x, roof, wide), ink)
        _windows(canvas, rng, (x, roof, wide), shore, (0.6 + 0.55 * depth, lights))
        x += wide * rng.uniform(0.92, 1.25)


def _roof(canvas: Canvas, rng: Random, house: tuple[float, float, float], ink: Colour) -> None:
    x, roof, wide = house
    kind = rng.random()
    if kind < 0.25:
        canvas.paint(box(x + wide * 0.47, roof - wide * 0.6, x + wide * 0.53, roof), ink)
        canvas.paint(disc(x + wide * 0.5, roof - wide * 0.6, 4), (255, 90, 80))
    elif kind < 0.45:
        canvas.paint(box(x + wide * 0.18, roof - wide * 0.22, x + wide * 0.82, roof), ink)
    elif kind < 0.6:
        canvas.paint(polygon(((x, roof + 1), (x + wide * 0.5, roof - wide * 0.5), (x + wide, roof + 1))), ink)


def _windows(
    canvas: Canvas,
    rng: Random,
    house: tuple[float, float, float],
    shore: int,
    look: tuple[float, tuple[Colour, Colour]],
) -> None:
    x, roof, wide = house
    scale, lights = look
    step_x, step_y = canvas.w * 0.0125 * scale, canvas.h * 0.0155 * scale
    columns = max(1, int((wide - step_x) / step_x))
    margin = (wide - columns * step_x) / 2
    busy = rng.uniform(0.25, 0.6)
    y = roof + step_y
    while y < shore - step_y:
        for column in range(columns):
            if rng.random() < busy:
                left = x + margin + column * step_x + step_x * 0.22
                ink = lights[rng.random() < 0.22]
                canvas.paint(
                    box(left, y, left + step_x * 0.56, y + step_y * 0.55), ink, rng.choice((0.45, 0.8, 1.0))
                )
        y += step_y


def _mirror(canvas: Canvas, rng: Random, shore: int, water: Colour, phase: float) -> None:
    """Reflect what stands above `shore` in the water below it, rippled and darkened downwards."""
    h, w = canvas.h, canvas.w
    first, second = rng.random() * 6, rng.random() * 6
    turn = 2 * math.pi * phase
    for row in range(shore, h, 2):
        depth = (row - shore) / (h - shore)
        source = max(0, int(shore - 1 - (row - shore) * 1.9 - 5 * depth * math.sin(row * 0.21 + first)))
        wave = math.sin(row * 0.14 / (0.35 + depth) + first + turn) + 0.6 * math.sin(
            row * 0.33 / (0.4 + depth) + second - turn
        )
        shift = round(w * (0.0012 + 0.0055 * depth) * wave)
        lines = [line[-shift:] + line[:-shift] if shift else line for line in canvas.row_bytes(source)]
        canvas.set_row(row, lines)
        canvas.set_row(row + 1, lines)
    canvas.paint(box(0, shore, w, h), water, lambda row: 0.34 + 0.46 * (row - shore) / (h - shore))
    for _ in range(70):
        depth = rng.random()
        drift = w * 0.01 * math.sin(turn + rng.random() * 6)
        y = shore + depth * (h - shore)
        canvas.paint(
            ellipse(w * rng.random() + drift, y, w * rng.uniform(0.01, 0.05), 1 + 2 * depth),
            mix(water, WHITE, 0.5),
            0.14,
        )


def _curtain(canvas: Canvas, rng: Random, place: tuple[float, float], ink: Colour, phase: float) -> None:
    """One curtain of light: a waving lower edge, rays that rise from it and fade."""
    base, tall = place
    width = canvas.width
    turn = 2 * math.pi * phase
    fold, sway = rng.random() * 6, rng.random() * 6
    edge = [
        base
        + canvas.h
        * (
            0.055 * math.sin(x / width * 7 + fold + 0.6 * math.sin(turn))
            + 0.03 * math.sin(x / width * 17 + sway + turn)
        )
        for x in range(width)
    ]
    rays = [0.55 + 0.45 * value for value in ridge(rng, width, 26, 3, 0.6)]
    length = [tall * (0.55 + 0.45 * max(0.0, value)) for value in ridge(rng, width, 9, 3)]
    ends = [
        min(1.0, x / width * 4 + 0.35, (width - x) / width * 4 + 0.35) * max(0.12, ray)
        for x, ray in enumerate(rays)
    ]
    for row in range(max(0, int(base - tall - canvas.h * 0.09)), int(base + canvas.h * 0.12), 2):
        strength = []
        for low, reach, bright in zip(edge, length, ends, strict=True):
            up = low - row
            share = 1 - up / reach if up >= 0 else 1 + up / 30
            strength.append(int(200 * bright * share * share) if 0 < share <= 1 else 0)
        canvas.add_light(row, bytes(strength), ink)


def _firs(rng: Random, crest: list[float], height: int) -> list[float]:
    wooded = list(crest)
    x = 0.0
    while x < len(crest):
        tall = height * rng.uniform(0.02, 0.07)
        half = tall * 0.2
        foot = crest[min(len(crest) - 1, int(x))]
        for column in range(max(0, int(x - half)), min(len(crest), int(x + half) + 1)):
            out = abs(column - x) / half
            wooded[column] = min(
                wooded[column], foot - tall * (1 - min(1.0, out - 0.09 * math.sin(out * 22)))
            )
        x += half * rng.uniform(0.5, 1.6)
    return wooded
