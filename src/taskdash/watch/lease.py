"""The right to send checks: one holder per list and profile, by an OS file lock that dies with its holder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from taskdash.domain.errors import StoreError
from taskdash.store.store_file import lock_path

if TYPE_CHECKING:
    from pathlib import Path


class Lease:
    """The lock beside the store's file. Not tied to a thread."""

    def __init__(self, store_path: Path, profile: str) -> None:
        path = lock_path(store_path, profile=profile)
        self._lock = FileLock(path, timeout=0, mode=0o600, thread_local=False)

    @property
    def held(self) -> bool:
        """Whether this process holds it."""
        return self._lock.is_locked

    def acquire(self) -> bool:
        """Take the lease if it is free; return whether this process holds it now.

        Raises:
            StoreError: the folder of the store does not allow a lock file.
        """
        if self.held:
            return True
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            return False
        except OSError as error:
            raise StoreError(
                f"no lock can be made beside the store ({error.strerror}): is its folder read-only?"
            ) from error
        return True

    def release(self) -> None:
        """Give it up; another process may take it from now on."""
        self._lock.release(force=True)
