"""Stand-ins for characters that a terminal's encoding lacks, each as wide as what it stands for."""

from __future__ import annotations

import codecs
import unicodedata
from functools import cache
from typing import Final

from rich.cells import cell_len

HANDLER: Final = "taskdash.lookalikes"
_KNOWN: Final = {
    "✓": "v", "×": "x", "○": "o", "◐": "*", "●": "*", "•": "*", "…": ".", "–": "-", "—": "-", "“": '"', "”": '"',
    "\u2018": "'", "\u2019": "'", "▲": "^", "▼": "v", "◀": "<", "▶": ">",
    "←": "<", "→": ">", "↑": "^", "↓": "v", "·": ".",
    "▌": "|", "▐": "|", "▎": "|", "▊": "|", "⏎": "<", "≥": ">", "≤": "<",
}  # fmt: skip


@cache
def lookalike(char: str) -> str:
    """Return ASCII that takes as many cells as `char`."""
    if char in _KNOWN:
        return _KNOWN[char]
    name = unicodedata.name(char, "")
    if name.startswith("BOX DRAWINGS"):
        lines = ("HORIZONTAL" in name, "VERTICAL" in name)
        return {(True, False): "-", (False, True): "|"}.get(lines, "+")
    plain = unicodedata.normalize("NFKD", char).encode("ascii", "ignore").decode()
    cells = cell_len(char)
    if len(plain) == cells:
        return plain
    return ("#" if "BLOCK" in name or "SHADE" in name else "?") * cells


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(lookalike, error.object[error.start : error.end])), error.end


def register() -> str:
    """Make it an error handler for encodings; return its name."""
    codecs.register_error(HANDLER, _replace)
    return HANDLER
