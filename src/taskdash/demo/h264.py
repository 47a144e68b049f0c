"""A video coder small enough to read: every block is sent whole, or skipped where nothing has changed.

H.264 lets a 16 x 16 block be sent as plain samples (I_PCM), which needs none of the format's prediction,
transform or entropy coding; any player decodes it. The files are larger than a real coder's, and nothing is
lost in them. Clause numbers are those of ITU-T H.264.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from taskdash.domain.values import value

if TYPE_CHECKING:
    from collections.abc import Sequence

BLOCK: Final = 16
_PROFILE_BASELINE: Final = 66
_LEVEL_3_1: Final = 31
_I_PCM: Final = 25
"""Its mb_type in an I slice (table 7-11); in a P slice 5 more (table 7-13)."""
_P_SLICE_OFFSET: Final = 5
_SLICE_P: Final = 5
_SLICE_I: Final = 7
_NAL_SLICE: Final = 0x41
_NAL_KEY_SLICE: Final = 0x65
_FRAME_NUM_BITS: Final = 8
_EMULATED = re.compile(rb"\x00\x00(?=[\x00-\x03])")


@value(frozen=True, slots=True)
class Frame:
    """One picture in 4:2:0: the chroma planes have half the width and height of the luma plane."""

    luma: bytes
    blue: bytes
    red: bytes


class Coder:
    """Turns frames into access units; each unit is one NAL unit, without start code or length."""

    def __init__(self, width: int, height: int) -> None:
        """Take a size in pixels; both must be multiples of 16.

        Raises:
            ValueError: they are not.
        """
        if width % BLOCK or height % BLOCK or not width or not height:
            raise ValueError(f"{width} x {height} is not made of blocks of {BLOCK} x {BLOCK}")
        self._width = width
        self._columns = width // BLOCK
        self._rows = height // BLOCK
        self._before: list[bytes] = []
        self._number = 0

    def parameter_sets(self) -> tuple[bytes, bytes]:
        """Return the sequence and the picture parameter set (7.3.2.1, 7.3.2.2)."""
        sequence = _Bits()
        sequence.unsigned(0)  # seq_parameter_set_id
        sequence.unsigned(_FRAME_NUM_BITS - 4)
        sequence.unsigned(2)  # pic_order_cnt_type: output order is coding order
        sequence.unsigned(1)  # max_num_ref_frames
        sequence.fixed(0, 1)  # no gaps in frame_num
        sequence.unsigned(self._columns - 1)
        sequence.unsigned(self._rows - 1)
        sequence.fixed(0b1100, 4)  # frames only, direct_8x8_inference, no cropping, no VUI
        picture = _Bits()
        picture.unsigned(0)  # pic_parameter_set_id
        picture.unsigned(0)  # seq_parameter_set_id
        picture.fixed(0b00, 2)  # CAVLC, no field order
        picture.unsigned(0)  # one slice group
        picture.unsigned(0)  # one reference in list 0
        picture.unsigned(0)  # and in list 1
        picture.fixed(0b000, 3)  # no weighted prediction
        picture.signed(0)  # pic_init_qp
        picture.signed(0)  # pic_init_qs
        picture.signed(0)  # chroma_qp_index_offset
        picture.fixed(0b100, 3)  # the slice header controls deblocking
        head = bytes((0x67, _PROFILE_BASELINE, 0xC0, _LEVEL_3_1))
        return _escaped(head + sequence.trailed()), _escaped(b"\x68" + picture.trailed())

    def encode(self, frame: Frame) -> bytes:
        """Return the NAL unit of the next frame; the first one is a key frame."""
        blocks = self._blocks(frame)
        key = not self._before
        bits = _Bits()
        bits.unsigned(0)  # first_mb_in_slice
        bits.unsigned(_SLICE_I if key else _SLICE_P)
        bits.unsigned(0)  # pic_parameter_set_id
        bits.fixed(self._number % (1 << _FRAME_NUM_BITS), _FRAME_NUM_BITS)
        if key:
            bits.unsigned(0)  # idr_pic_id
            bits.fixed(0b00, 2)  # keep in order of output, as a short-term reference
        else:
            bits.fixed(0b00, 2)  # one reference, not reordered
            bits.fixed(0, 1)  # sliding window
        bits.signed(0)  # slice_qp_delta
        bits.unsigned(1)  # no deblocking: what was sent is what is shown
        parts = _slice_data(bits, blocks, self._before)
        self._before = blocks
        self._number += 1
        return _escaped(bytes((_NAL_KEY_SLICE if key else _NAL_SLICE,)) + b"".join(parts))

    def _blocks(self, frame: Frame) -> list[bytes]:
        """Return the samples of each block: 256 of luma, 64 of each chroma plane."""
        planes = (
            (frame.luma, self._width, BLOCK),
            (frame.blue, self._width // 2, 8),
            (frame.red, self._width // 2, 8),
        )
        blocks = []
        for row in range(self._rows):
            for column in range(self._columns):
                samples = [
                    plane[start : start + side]
                    for plane, stride, side in planes
                    for start in range(row * side * stride + column * side, (row + 1) * side * stride, stride)
                ]
                blocks.append(b"".join(samples))
        return blocks


def _slice_data(bits: _Bits, blocks: Sequence[bytes], before: Sequence[bytes]) -> list[bytes]:
    """Write blocks after the slice header in `bits`; one equal to the one `before` is skipped (7.3.4)."""
    parts: list[bytes] = []
    skipped = 0
    for index, block in enumerate(blocks):
        if before and before[index] == block:
            skipped += 1
            continue
        if before:
            bits.unsigned(skipped)
            bits.unsigned(_I_PCM + _P_SLICE_OFFSET)
        else:
            bits.unsigned(_I_PCM)
        parts.append(bits.aligned())
        parts.append(block)
        bits.clear()
        skipped = 0
    if skipped:
        bits.unsigned(skipped)
    parts.append(bits.trailed())
    return parts


def _escaped(unit: bytes) -> bytes:
    """Return the unit with emulation prevention bytes (7.4.1)."""
    return unit[:1] + _EMULATED.sub(b"\x00\x00\x03", unit[1:])


class _Bits:
    """Bits in order of writing; only headers pass through here."""

    def __init__(self) -> None:
        self._text = ""

    def fixed(self, value: int, width: int) -> None:
        self._text += f"{value:0{width}b}"

    def unsigned(self, value: int) -> None:
        """Write ue(v), an Exp-Golomb code (9.1)."""
        code = f"{value + 1:b}"
        self._text += "0" * (len(code) - 1) + code

    def signed(self, value: int) -> None:
        """Write se(v)."""
        self.unsigned(2 * value - 1 if value > 0 else -2 * value)

    def aligned(self) -> bytes:
        """Return the bits so far, filled up with zeros to whole bytes."""
        text = self._text + "0" * (-len(self._text) % 8)
        return int(text, 2).to_bytes(len(text) // 8, "big") if text else b""

    def trailed(self) -> bytes:
        """Return the bits so far and the stop bit that ends every unit."""
        self._text += "1"
        return self.aligned()

    def clear(self) -> None:
        self._text = ""
