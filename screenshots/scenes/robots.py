"""A robot that paints."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scenes.canvas import Canvas, Colour, Glow, Gradient, Palette, mix
from scenes.shapes import box, disc, ellipse, polygon, rounded_box, stroke, within

if TYPE_CHECKING:
    from random import Random

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (10, 8, 18)


def robot(canvas: Canvas, rng: Random, palette: Palette, phase: float) -> None:
    """A robot at its easel. Palette: wall, lamp light; metal, dark metal; eyes, beret; then four paints."""
    wall, lamp, metal, dark, eyes, beret = palette[:6]
    paints = palette[6:]
    w, h = canvas.w, canvas.h
    canvas.backdrop(
        Gradient(0, h, (mix(wall, BLACK, 0.35), wall, mix(wall, BLACK, 0.5))),
        Glow(w * 0.42, h * 0.36, h * 0.72, lamp, 0.8),
    )
    canvas.paint(
        box(0, h * 0.86, w, h), Gradient(h * 0.86, h, (mix(wall, BLACK, 0.45), mix(wall, BLACK, 0.75)))
    )
    u = h / 100
    _easel(canvas, rng, (w * 0.76, h * 0.47, u), paints, mix(wall, (150, 96, 50), 0.7))
    _torso(canvas, (w * 0.36, h * 0.66, u), metal, dark, paints)
    _head(canvas, (w * 0.36, h * 0.385, u), (metal, dark, eyes), phase)
    _beret(canvas, (w * 0.36, h * 0.258, u), beret)
    _arm(canvas, (w, h, u), (metal, dark, paints[0]), phase)


def _easel(
    canvas: Canvas, rng: Random, place: tuple[float, float, float], paints: Palette, wood: Colour
) -> None:
    x, y, u = place
    for foot in (-15, 15, 0):
        canvas.paint(
            stroke(((x, y - 30 * u), (x + foot * u, y + 50 * u)), (1.6 * u, 2 * u)),
            mix(wood, BLACK, 0.3 if foot else 0.5),
        )
    left, top, right, bottom = x - 20 * u, y - 25 * u, x + 20 * u, y + 21 * u
    canvas.paint(box(left + u, top + u, right + 1.4 * u, bottom + 1.4 * u), BLACK, 0.4)
    canvas.paint(box(left, top, right, bottom), (244, 238, 226))
    sheet = list(box(left + 2 * u, top + 2 * u, right - 2 * u, bottom - 2 * u))
    canvas.paint(sheet, Gradient(top, y + 10 * u, (mix(paints[2], WHITE, 0.35), mix(paints[1], WHITE, 0.45))))
    canvas.paint(within(disc(x + 4 * u, y - 4 * u, 8 * u), sheet), paints[1])
    for number in range(4):
        level = y + (2 + 5 * number) * u
        ink = mix(paints[0], paints[3], number / 3)
        points = [
            (left - u + 42 * u * i / 24, level + 2.4 * u * math.sin(i * 0.55 + number * 1.9 + rng.random()))
            for i in range(25)
        ]
        # The robot has not come to the end of the last stroke.
        end = 25 if number < 3 else 13
        canvas.paint(within(stroke(points[:end], [5.4 * u] * end), sheet), ink)
    canvas.paint(box(left - 2 * u, bottom, right + 2 * u, bottom + 2.2 * u), wood)
    canvas.paint(box(x - 3 * u, top - 2.6 * u, x + 3 * u, top + u), wood)


def _torso(
    canvas: Canvas, place: tuple[float, float, float], metal: Colour, dark: Colour, paints: Palette
) -> None:
    x, y, u = place
    canvas.paint(box(x - 4.5 * u, y - 15 * u, x + 4.5 * u, y - 4 * u), dark)
    for ring in range(3):
        canvas.paint(
            rounded_box(
                x - 5.4 * u, y - (13 - 3.2 * ring) * u, x + 5.4 * u, y - (11.4 - 3.2 * ring) * u, 0.8 * u
            ),
            mix(metal, dark, 0.35),
        )
    # The left arm hangs behind the body and holds a palette.
    canvas.paint(
        stroke(
            ((x - 19 * u, y), (x - 25 * u, y + 14 * u), (x - 14 * u, y + 22 * u)), (6 * u, 5.4 * u, 5 * u)
        ),
        mix(metal, dark, 0.6),
    )
    body = list(rounded_box(x - 20 * u, y - 6 * u, x + 20 * u, y + 46 * u, 9 * u))
    canvas.paint(
        body, Gradient(y - 6 * u, y + 36 * u, (mix(metal, WHITE, 0.25), metal, mix(metal, dark, 0.75)))
    )
    canvas.paint(within(box(x + 10 * u, y - 6 * u, x + 20 * u, y + 46 * u), body), dark, 0.25)
    _apron(canvas, place, paints)
    _paint_board(canvas, place, (metal, dark), paints)


def _head(
    canvas: Canvas, place: tuple[float, float, float], inks: tuple[Colour, Colour, Colour], phase: float
) -> None:
    x, y, u = place
    metal, dark, eyes = inks
    for side in (-1, 1):
        canvas.paint(
            rounded_box(x + side * 18 * u - 3 * u, y - 5 * u, x + side * 18 * u + 3 * u, y + 5 * u, 2 * u),
            mix(metal, dark, 0.55),
        )
    head = list(rounded_box(x - 17.5 * u, y - 13 * u, x + 17.5 * u, y + 13 * u, 7 * u))
    canvas.paint(
        head, Gradient(y - 13 * u, y + 13 * u, (mix(metal, WHITE, 0.4), metal, mix(metal, dark, 0.4)))
    )
    canvas.paint(within(box(x + 10 * u, y - 13 * u, x + 18 * u, y + 13 * u), head), dark, 0.16)
    canvas.paint(rounded_box(x - 13 * u, y - 7.6 * u, x + 13 * u, y + 8.4 * u, 5 * u), mix(dark, BLACK, 0.6))
    look = 1.3 * u * (1 + 0.4 * math.sin(2 * math.pi * phase))
    for side in (-1, 1):
        for step in range(7):
            canvas.paint(disc(x + side * 6 * u + look, y - 0.4 * u, (5.4 - 0.45 * step) * u), eyes, 0.1)
        canvas.paint(disc(x + side * 6 * u + look, y - 0.4 * u, 2.7 * u), eyes)
        canvas.paint(disc(x + side * 6 * u + look + 0.9 * u, y - 1.4 * u, 0.8 * u), WHITE)
    smile = [(x + look + 4 * u * t, y + 5.4 * u - 1.5 * u * t * t) for t in (i / 8 for i in range(-8, 9))]
    canvas.paint(stroke(smile, [0.8 * u] * len(smile)), eyes)


def _beret(canvas: Canvas, place: tuple[float, float, float], ink: Colour) -> None:
    x, y, u = place
    canvas.paint(
        ellipse(x - 2 * u, y - 2.4 * u, 18 * u, 6.6 * u, -0.14),
        Gradient(y - 9 * u, y + 5 * u, (mix(ink, WHITE, 0.25), ink, mix(ink, BLACK, 0.4))),
    )
    canvas.paint(
        rounded_box(x - 11.5 * u, y + 0.4 * u, x + 12 * u, y + 3.4 * u, 1.4 * u), mix(ink, BLACK, 0.45)
    )
    canvas.paint(
        stroke(((x - 2 * u, y - 8.4 * u), (x - 1 * u, y - 11.4 * u)), (1.4 * u, 0.9 * u)),
        mix(ink, BLACK, 0.2),
    )


def _arm(
    canvas: Canvas, place: tuple[float, float, float], inks: tuple[Colour, Colour, Colour], phase: float
) -> None:
    w, h, u = place
    metal, dark, paint = inks
    shoulder = (w * 0.36 + 19 * u, h * 0.66 + 2 * u)
    sway = math.sin(2 * math.pi * phase)
    hand = (w * 0.76 - 12 * u + 2 * u * sway, h * 0.645 + 0.8 * u * math.cos(2 * math.pi * phase))
    elbow = ((shoulder[0] + hand[0]) / 2 - u, h * 0.79)
    canvas.paint(stroke((shoulder, elbow, hand), (6.4 * u, 5.4 * u, 4.6 * u)), mix(metal, dark, 0.2))
    canvas.paint(disc(*elbow, 3.6 * u), mix(metal, dark, 0.6))
    canvas.paint(disc(*shoulder, 4.6 * u), mix(metal, dark, 0.4))
    tip = (hand[0] + 9.5 * u, hand[1] - 5.5 * u)
    canvas.paint(
        stroke(
            ((hand[0] - 6 * u, hand[1] + 4.4 * u), (hand[0] + 6 * u, hand[1] - 3.2 * u)), (0.9 * u, 1.2 * u)
        ),
        (150, 92, 44),
    )
    canvas.paint(
        stroke(
            ((hand[0] + 6 * u, hand[1] - 3.2 * u), (hand[0] + 7.4 * u, hand[1] - 4.1 * u)), (1.9 * u, 1.9 * u)
        ),
        (216, 216, 220),
    )
    canvas.paint(stroke(((hand[0] + 7.4 * u, hand[1] - 4.1 * u), tip), (2.2 * u, 0.8 * u)), paint)
    canvas.paint(disc(*hand, 3.2 * u), metal)


def _apron(canvas: Canvas, place: tuple[float, float, float], paints: Palette) -> None:
    x, y, u = place
    apron = (
        (x - 12 * u, y + 2 * u),
        (x + 12 * u, y + 2 * u),
        (x + 16 * u, y + 40 * u),
        (x - 16 * u, y + 40 * u),
    )
    canvas.paint(polygon(apron), mix(paints[3], WHITE, 0.15))
    canvas.paint(box(x - 12 * u, y - 6 * u, x - 10 * u, y + 3 * u), mix(paints[3], BLACK, 0.3))
    canvas.paint(box(x + 10 * u, y - 6 * u, x + 12 * u, y + 3 * u), mix(paints[3], BLACK, 0.3))
    for dx, dy, size, pot in (
        (-6, 8, 1.5, 0),
        (3, 12, 2.1, 1),
        (-2, 18, 1.2, 2),
        (8, 7, 1.1, 0),
        (7, 20, 1.6, 1),
        (-9, 22, 1.8, 2),
    ):
        canvas.paint(disc(x + dx * u, y + dy * u, size * u), paints[pot])


def _paint_board(
    canvas: Canvas, place: tuple[float, float, float], inks: tuple[Colour, Colour], paints: Palette
) -> None:
    """The painter's palette, with a thumb through its hole."""
    x, y, u = place
    metal, dark = inks
    canvas.paint(ellipse(x - 12 * u, y + 21 * u, 13 * u, 7.5 * u, -0.2), (205, 160, 108))
    canvas.paint(ellipse(x - 6.5 * u, y + 23 * u, 1.8 * u, 1.4 * u, -0.2), mix(dark, BLACK, 0.3))
    for number, ink in enumerate((*paints, WHITE)):
        angle = 2.6 + number * 0.85
        canvas.paint(
            disc(x - 13 * u + 8.5 * u * math.cos(angle), y + 20.6 * u + 4.4 * u * math.sin(angle), 1.9 * u),
            ink,
        )
    canvas.paint(disc(x - 6.5 * u, y + 24 * u, 2.2 * u), metal)
