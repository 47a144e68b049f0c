"""All that saving results takes, opened together and closed together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from taskdash.results.claims import Claims
    from taskdash.results.downloads import Downloads
    from taskdash.results.folder import Folder
    from taskdash.store.store import StoreThread


@dataclass(frozen=True, slots=True)
class Workshop:
    """A folder, a list and the queue between them."""

    folder: Folder
    claims: Claims
    store: StoreThread
    downloads: Downloads

    def close(self) -> None:
        """Let go of all; nothing may be under way any more."""
        self.store.close()
        self.claims.close()
        self.folder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
