"""Short loops of the scenes that move, as real MP4 files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from taskdash.demo.canvas import Canvas
from taskdash.demo.h264 import Coder, Frame
from taskdash.demo.mp4 import encode_mp4

if TYPE_CHECKING:
    from collections.abc import Callable

WIDTH: Final = 384
HEIGHT: Final = 208
FPS: Final = 10
FRAMES: Final = 20

# BT.601, video range: luma 16 to 235, chroma 16 to 240. No sample is 0, so the blocks need no escapes.
_LUMA: Final = (0.257, 0.504, 0.098)
_BLUE: Final = (-0.148, -0.291, 0.439)
_RED: Final = (0.439, -0.368, -0.071)


def encode_clip(draw: Callable[[Canvas, float], None]) -> bytes:
    """Return an MP4 of a scene.

    Args:
        draw: paints a frame; the second argument runs from 0 to 1 over the clip, where it begins again.
    """
    coder = Coder(WIDTH, HEIGHT)
    units = []
    for number in range(FRAMES):
        canvas = Canvas(WIDTH, HEIGHT)
        draw(canvas, number / FRAMES)
        units.append(coder.encode(_frame(canvas)))
    return encode_mp4((WIDTH, HEIGHT), coder.parameter_sets(), units, FPS)


def _frame(canvas: Canvas) -> Frame:
    planes = canvas.finished_planes()
    small = tuple(_every_other(plane) for plane in planes)
    return Frame(_weighted(planes, _LUMA, 16), _weighted(small, _BLUE, 128), _weighted(small, _RED, 128))


def _every_other(plane: bytes) -> bytes:
    """Return every second pixel of every second row."""
    return b"".join(plane[start : start + WIDTH : 2] for start in range(0, len(plane), 2 * WIDTH))


def _weighted(planes: tuple[bytes, ...], weights: tuple[float, float, float], offset: int) -> bytes:
    """Return the weighted sum of three planes, each taken as one long integer; no byte of it overflows."""
    size = len(planes[0])
    total = int.from_bytes(bytes((offset,)) * size, "big")
    for plane, weight in zip(planes, weights, strict=True):
        table = bytes([round(abs(weight) * value) for value in range(256)])
        part = int.from_bytes(plane.translate(table), "big")
        total = total + part if weight > 0 else total - part
    return total.to_bytes(size, "big")
