"""What saves nothing, and what nobody else holds."""

from __future__ import annotations

from taskdash.results.downloads import Downloader
from taskdash.results.folder import Folder
from taskdash.results.saved_results import ResultLocks


class FakeLocks(ResultLocks):
    """Locks that are free to all, or held by another process."""

    def __init__(self, *, is_free: bool = True) -> None:
        self.is_free = is_free

    def acquire(self, seq: int, n: int) -> bool:  # noqa: ARG002 - the real one's signature
        return self.is_free

    def release(self, seq: int, n: int) -> None:
        pass


class FakeDownloader(Downloader):
    """Has no folder; what it saves, its heirs say."""

    def __init__(self) -> None:
        self.folder = Folder.__new__(Folder)
