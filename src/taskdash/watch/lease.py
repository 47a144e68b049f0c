"""The right to send checks: one holder per list and profile, by an OS file lock that dies with its process.

A lock belongs to a file, not to its name. If the folder is removed or restored from a copy, another process can lock
the new file of that name, so the holder verifies before each burst that it has locked the current one.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from taskdash.domain.errors import StoreError
from taskdash.store.store_file import Identity, identity_of, lock_path

if TYPE_CHECKING:
    from pathlib import Path

_TRIES = 3


class Lease:
    """The lock file beside the store's file. Not tied to a thread."""

    def __init__(self, store_path: Path, profile: str) -> None:
        self._store_path = store_path
        self._profile = profile
        self._lock: FileLock | None = None
        self._identity: Identity | None = None

    @property
    def held(self) -> bool:
        """Return whether this process holds the lease, with a lock on the file that has the name now."""
        return self._lock is not None and self._identity_now() == self._identity

    def acquire(self) -> bool:
        """Take the lease if it is free; return whether this process holds it.

        Raises StoreError if no lock file can be made in the store's folder.
        """
        if self.held:
            return True
        self.release()
        for _ in range(_TRIES):
            before, path = self._identity_now(), self._path()
            if not path.parent.is_dir():
                # FileLock would create it.
                raise StoreError("no lock can be made beside the store: its folder is gone")
            lock = FileLock(path, timeout=0, mode=0o600, thread_local=False)
            try:
                lock.acquire(blocking=False)
            except Timeout:
                return False
            except OSError as error:
                raise StoreError(
                    f"no lock can be made beside the store ({error.strerror}): is its folder read-only?"
                ) from error
            if before is not None and self._identity_now() == before:
                self._lock, self._identity = lock, before
                return True
            # The file was just created or replaced; only another try can be sure which one is locked.
            lock.release(force=True)
        return False

    def release(self) -> None:
        """Release the lease, so that another process can take it."""
        if self._lock is not None:
            self._lock.release(force=True)
            self._lock = self._identity = None

    def _path(self) -> Path:
        return lock_path(self._store_path, profile=self._profile)

    def _identity_now(self) -> Identity | None:
        """Return the identity of the file that has the name; None if there is none or it cannot be read."""
        with suppress(OSError):
            return identity_of(self._path())
        return None
