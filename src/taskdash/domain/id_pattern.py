"""What a task ID may be made of at all. Apart from `id_forms`, whose many patterns a plain `add` can do without."""

from __future__ import annotations

import re
from typing import Final

MAX_ID_CHARS: Final = 128
ID_PATTERN: Final = re.compile(rf"[A-Za-z0-9._:-]{{1,{MAX_ID_CHARS}}}")
"""Used with `fullmatch`."""


def is_task_id(text: str) -> bool:
    """Return whether `text` could be sent as a task ID at all, placeholders included."""
    return ID_PATTERN.fullmatch(text) is not None


def looks_like_option(text: str) -> bool:
    """Return whether a command would take `text` for an option: no such ID is put on a list."""
    return text.startswith("-")
