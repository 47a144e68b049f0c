"""Who saves which result: of all processes on a list, one at a time, by an OS lock that dies with its holder."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

from taskdash.store.store_file import lock_path

if TYPE_CHECKING:
    from pathlib import Path

_ORIGIN: Final = 1 << 61
"""`seq` may be negative, a place in a file may not."""
_RESULTS: Final = 1 << 20
"""More results than a task can have."""
_HELD: Final = (errno.EACCES, errno.EAGAIN)


class Claims:
    """Locks of single bytes of one file beside the store, each of which stands for a result.

    The file is empty and stays so. Such locks are the process's: within it, `take` says no as well.
    """

    def __init__(self, store_path: Path) -> None:
        """Open the file, making it where it is missing.

        Raises:
            OSError: it cannot be.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._descriptor = os.open(lock_path(store_path, "downloads"), flags, 0o600)
        self._taken: set[tuple[int, int]] = set()

    def take(self, seq: int, n: int) -> bool:
        """Claim result `n` of a task; return whether it is this one's now."""
        if (seq, n) in self._taken:
            return False
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _place(seq, n))
        except OSError as error:
            if error.errno in _HELD:
                return False
            # A file system without locks: then nobody can be asked.
        self._taken.add((seq, n))
        return True

    def give_back(self, seq: int, n: int) -> None:
        """Let others have it."""
        self._taken.discard((seq, n))
        with suppress(OSError):
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, _place(seq, n))

    def close(self) -> None:
        """Let others have all."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _place(seq: int, n: int) -> int:
    return _ORIGIN + seq * _RESULTS + n
