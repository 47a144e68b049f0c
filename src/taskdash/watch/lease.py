"""The right to send checks: one holder per list and profile, by an OS file lock that dies with its holder.

A lock is one of a file, not of its name: where the file loses its name, as the folder is removed or restored from a
copy, another process can lock the file that has it then. So the holder asks before each burst whether its is the one.
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
    """The lock beside the store's file. Not tied to a thread."""

    def __init__(self, store_path: Path, profile: str) -> None:
        self._store_path = store_path
        self._profile = profile
        self._lock: FileLock | None = None
        self._identity: Identity | None = None

    @property
    def held(self) -> bool:
        """Return whether this process holds it, and by the file that has the name now."""
        return self._lock is not None and self._identity_now() == self._identity

    def acquire(self) -> bool:
        """Take the lease if it is free; return whether this process holds it now.

        Raises StoreError where the folder of the store does not allow a lock file.
        """
        if self.held:
            return True
        self.release()
        for _ in range(_TRIES):
            before, path = self._identity_now(), self._path()
            if not path.parent.is_dir():
                # FileLock would make it.
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
            # It was made just now, or exchanged: which file was locked is certain the next time.
            lock.release(force=True)
        return False

    def release(self) -> None:
        """Give it up; another process may take it from now on."""
        if self._lock is not None:
            self._lock.release(force=True)
            self._lock = self._identity = None

    def _path(self) -> Path:
        return lock_path(self._store_path, profile=self._profile)

    def _identity_now(self) -> Identity | None:
        """Return which file has the name; None where none has, or that cannot be told."""
        with suppress(OSError):
            return identity_of(self._path())
        return None
