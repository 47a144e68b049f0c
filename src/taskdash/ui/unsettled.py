"""Characters that terminals do not agree on: how many cells they take, or what they make of their neighbours."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

_ASCII: Final = bytes(range(128))
_EDGES: Final = (
    # Marks, scripts with marks and letters that join, Hangul's parts;
    "\u0300", "\u0370", "\u0483", "\u048a", "\u0591", "\u1100", "\u1160", "\u1e00",
    # joiners, keycaps, more marks, presentation forms, variation selectors;
    "\u200b", "\u2010", "\u20d0", "\u2100", "\u2cef", "\u2cf2", "\u302a", "\u3030", "\u3099", "\u309b",
    "\ua66f", "\uac00", "\ud7b0", "\ud800", "\ufb1d", "\ufe10", "\ufe20", "\ufe30",
    # and beyond the first plane all but the ideographs: flags, skin tones, emoji newer than the terminal.
    "\U00010000", "\U00020000",
)  # fmt: skip
"""Where ranges of them begin and end, by turns."""


def has_unsettled(data: str) -> bool:
    """Whether there is any in what is to be written: most of that is ASCII, which is taken out first, and quickly."""
    rest = data.encode("utf-8", "replace").translate(None, _ASCII)
    return any(bisect_right(_EDGES, char) % 2 for char in set(rest.decode("utf-8")))
