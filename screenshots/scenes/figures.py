"""Alive things: a cat at a window, a cherry branch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scenes.canvas import Canvas, Colour, Glow, Gradient, Palette, mix
from scenes.nightscapes import moonlit_town
from scenes.shapes import Point, box, curve, disc, ellipse, polygon, rounded_box, stroke, within

if TYPE_CHECKING:
    from random import Random

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (10, 8, 18)


def cat(canvas: Canvas, rng: Random, palette: Palette, phase: float) -> None:
    """A cat on a sill before the moon. Palette: room, frame; night top, low; moon; fur; window light."""
    room, frame, top, low, moon, fur, warm = palette
    w, h = canvas.w, canvas.h
    u = h / 100
    left, right, sill = w * 0.5 - 36 * u, w * 0.5 + 36 * u, float(round(h * 0.8))
    moonlit_town(canvas, rng, (top, low, moon, warm))
    # The room is laid round the window, so that nothing outside needs a clip.
    arch, crown = 36 * u, h * 0.08
    for row in range(round(sill)):
        depth = max(0.0, crown + arch - row)
        half = math.sqrt(max(0.0, arch * arch - depth * depth)) if depth else arch
        if row < crown:
            half = 0.0
        edge = 2.4 * u if half else 0.0
        ink = mix(room, BLACK, 0.25 - 0.25 * row / h)
        canvas.paint(((row, 0, w * 0.5 - half - edge), (row, w * 0.5 + half + edge, w)), ink)
        canvas.paint(
            ((row, w * 0.5 - half - edge, w * 0.5 - half), (row, w * 0.5 + half, w * 0.5 + half + edge)),
            frame,
        )
    canvas.paint(box(0, sill, w, h), Gradient(sill, h, (room, mix(room, BLACK, 0.5))))
    for x in (w * 0.5 - 12 * u, w * 0.5 + 12 * u):
        canvas.paint(box(x - 0.6 * u, crown, x + 0.6 * u, sill), frame)
    canvas.paint(box(left, h * 0.36, right, h * 0.36 + 1.2 * u), frame)
    canvas.paint(
        rounded_box(left - 5 * u, sill, right + 5 * u, sill + 4.6 * u, u),
        Gradient(sill, sill + 5 * u, (mix(frame, moon, 0.3), mix(frame, BLACK, 0.35))),
    )
    _plant(canvas, (right - 9 * u, sill, u), mix(fur, (46, 110, 84), 0.75))
    swing = math.sin(2 * math.pi * phase)
    rim = mix(moon, low, 0.35)
    _cat_body(canvas, (w * 0.5 - 7 * u, sill, u), rim, (0.55 * u, -0.35 * u), swing)
    _cat_body(canvas, (w * 0.5 - 7 * u, sill, u), fur, (0.0, 0.0), swing)


def cherry(canvas: Canvas, rng: Random, palette: Palette, phase: float) -> None:
    """A cherry branch before a great moon. Palette: sky top, low; moon; bark; blossom light, blossom deep."""
    top, low, moon, bark, pale, deep = palette
    w, h = canvas.w, canvas.h
    x, y, radius = w * 0.58, h * 0.42, h * 0.27
    canvas.backdrop(Gradient(0, h, (top, mix(top, low, 0.6), low)), Glow(x, y, h * 0.7, moon, 0.6))
    canvas.paint(
        disc(x, y, radius),
        Gradient(y - radius, y + radius, (mix(moon, WHITE, 0.5), moon, mix(moon, low, 0.25))),
    )
    for number in range(4):
        row = h * (0.5 + 0.045 * number)
        veil = within(
            ellipse(x + w * rng.uniform(-0.2, 0.2), row, w * rng.uniform(0.25, 0.4), h * 0.008),
            box(0, 0, w, h),
        )
        canvas.paint(veil, low, 0.5)
    tips: list[Point] = []
    _branch(canvas, rng, (-w * 0.03, h * 0.83), (-0.5, h * 0.34, h * 0.046), bark, tips, 0)
    _branch(canvas, rng, (w * 1.03, h * 0.10), (math.pi - 0.25, h * 0.17, h * 0.02), bark, tips, 1)
    for tip in tips:
        for _ in range(rng.randint(1, 3)):
            spot = tip[0] + rng.gauss(0, 0.02) * h, tip[1] + rng.gauss(0, 0.018) * h
            _blossom(
                canvas, rng, spot, h * rng.uniform(0.013, 0.027), mix(pale, deep, rng.random() * 0.75), deep
            )
    for _ in range(34):
        fall = (rng.random() + phase) % 1.0
        spot = w * (rng.random() + 0.05 * math.sin(fall * 9)), h * (0.25 + 0.8 * fall)
        canvas.paint(
            ellipse(*spot, h * 0.008, h * 0.0042, rng.uniform(-1.4, 1.4)),
            mix(pale, deep, rng.random() * 0.6),
            0.9,
        )


def _cat_body(
    canvas: Canvas, place: tuple[float, float, float], ink: Colour, offset: Point, swing: float
) -> None:
    """A sitting cat from behind: one outline for the body, head and ears on it, a tail over the sill."""
    x, y, u = place[0] + offset[0], place[1] + offset[1], place[2]
    tail = [
        (x + 9 * u + 4 * u * t + (2.2 + 1.2 * swing) * u * math.sin(t * 3.6) * t, y - 2.6 * u + 15 * u * t)
        for t in (i / 14 for i in range(15))
    ]
    canvas.paint(stroke(tail, [(3.6 - 0.09 * i) * u for i in range(15)]), ink)
    # Half the width of the back, from the sill up into the head.
    outline = (
        (9.4, 0.4),
        (11.9, 2.2),
        (12.9, 6),
        (12.4, 11),
        (10.9, 16),
        (9.2, 21),
        (7.4, 25),
        (5.6, 28),
        (5, 32),
    )
    right = curve([(x + half * u, y - up * u) for half, up in outline])
    left = curve([(x - (half + 0.03 * up) * u, y - up * u) for half, up in outline])
    canvas.paint(polygon([*right, *reversed(left)]), ink)
    canvas.paint(ellipse(x - 1 * u, y - 33 * u, 8.2 * u, 7 * u), ink)
    for side in (-1, 1):
        tip = (x - u + side * 7.4 * u, y - 43.4 * u)
        canvas.paint(
            polygon(((x - u + side * 1.6 * u, y - 39 * u), tip, (x - u + side * 8 * u, y - 34 * u))), ink
        )


def _plant(canvas: Canvas, place: tuple[float, float, float], leaf: Colour) -> None:
    x, y, u = place
    for number in range(9):
        lean = (number - 4) * 0.24
        length = (15 - abs(number - 4) * 1.2) * u
        tip = x + math.sin(lean) * length, y - 8 * u - math.cos(lean) * length
        middle = x + math.sin(lean * 0.6) * length * 0.55, y - 8 * u - math.cos(lean * 0.6) * length * 0.6
        canvas.paint(
            stroke(((x, y - 7 * u), middle, tip), (1.2 * u, 2.7 * u, 0.4 * u)),
            mix(leaf, BLACK, 0.12 * (number % 3)),
        )
    pot = ((x - 5.4 * u, y - 8 * u), (x + 5.4 * u, y - 8 * u), (x + 4 * u, y), (x - 4 * u, y))
    canvas.paint(polygon(pot), (176, 92, 66))
    canvas.paint(box(x - 6 * u, y - 9.4 * u, x + 6 * u, y - 7 * u), (150, 74, 52))


def _branch(
    canvas: Canvas,
    rng: Random,
    start: Point,
    course: tuple[float, float, float],
    ink: Colour,
    tips: list[Point],
    level: int,
) -> None:
    """Draw a bough and what grows from it; `course` is its direction, length and width."""
    direction, length, width = course
    points, widths = [start], [width]
    steps = 9
    for step in range(1, steps + 1):
        direction += rng.uniform(-0.19, 0.19)
        x, y = points[-1]
        points.append((x + math.cos(direction) * length / steps, y + math.sin(direction) * length / steps))
        widths.append(width * (1 - 0.62 * step / steps))
        if (level < 3 and step in (3, 5, 7)) or (level == 0 and step == 8):
            side = -1 if (step + level) % 2 else 1
            turn = direction + side * rng.uniform(0.35, 0.8)
            _branch(
                canvas,
                rng,
                points[-1],
                (turn, length * rng.uniform(0.4, 0.62), widths[-1] * 0.66),
                ink,
                tips,
                level + 1,
            )
        if level >= 2 and step % 4 == 0:
            tips.append(points[-1])
    tips.append(points[-1])
    canvas.paint(stroke(points, widths), ink)
    canvas.paint(
        stroke(
            [(x, y - w * 0.22) for (x, y), w in zip(points, widths, strict=True)], [w * 0.3 for w in widths]
        ),
        mix(ink, WHITE, 0.22),
        0.5,
    )
    if level == 0:
        _branch(canvas, rng, points[-1], (direction + 0.12, length * 0.95, widths[-1]), ink, tips, 1)


def _blossom(canvas: Canvas, rng: Random, spot: Point, size: float, ink: Colour, deep: Colour) -> None:
    x, y = spot
    turn = rng.uniform(0, 2 * math.pi)
    for petal in range(5):
        angle = turn + petal * 2 * math.pi / 5
        middle = x + math.cos(angle) * size * 0.55, y + math.sin(angle) * size * 0.55
        canvas.paint(ellipse(*middle, size * 0.56, size * 0.42, angle), mix(ink, WHITE, 0.12 * (petal % 2)))
    canvas.paint(disc(x, y, size * 0.24), mix(deep, (150, 30, 70), 0.4))
    for stamen in range(5):
        angle = turn + 0.6 + stamen * 2 * math.pi / 5
        canvas.paint(
            disc(x + math.cos(angle) * size * 0.36, y + math.sin(angle) * size * 0.36, size * 0.07),
            (255, 232, 150),
        )
