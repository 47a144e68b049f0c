"""Has the C library give the memory of large blocks back as soon as they are freed.

glibc learns from the first large block that is freed to take such blocks from its heaps from then on, where they leave
holes that stay: after 64 answers of 4 MB each, 30 MB more than were ever needed at once. Other C libraries do not.
"""

from __future__ import annotations

from functools import cache
from typing import Final

_M_MMAP_THRESHOLD: Final = -3
"""`mallopt`'s name for it. Once it is set, glibc learns no other."""
LARGE_BLOCK_BYTES: Final = 256 * 1024


@cache
def give_back_large_blocks() -> bool:
    """Set it for this process; returns whether the C library knows it."""
    try:
        # Slow to import, and nothing else here needs it.
        import ctypes

        return bool(ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES))
    except (ImportError, OSError, AttributeError, TypeError):
        return False
