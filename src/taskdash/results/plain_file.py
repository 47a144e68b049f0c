"""Opens a file for reading if it is one: no pipe to wait for, no folder, no device."""

from __future__ import annotations

import os
import stat
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def open_plain_file(path: Path | str, *, follow: bool = True) -> IO[bytes] | None:
    """The file at `path`, for the caller to close; None where there is none that can be read.

    Args:
        path: where it should be.
        follow: whether a link at its place will do.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags)
    except (OSError, ValueError):
        return None
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return open(descriptor, "rb")  # noqa: PTH123 - opened by number
    os.close(descriptor)
    return None
