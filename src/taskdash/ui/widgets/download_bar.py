"""The lines that tell of downloads under way: one for all of them, and one for each where there is room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.content import Content
from textual.widgets import Static

if TYPE_CHECKING:
    from taskdash.results.download_status import DownloadStatus

BAR_CELLS: Final = 12
ROOMY_LINES: Final = 30
"""From this height of the screen on there are lines for single files."""
MAX_FILES: Final = 4


class DownloadBar(Static):
    """How far downloads are; hidden while there are none."""

    DEFAULT_CSS = (
        "DownloadBar { height: auto; width: 1fr; background: $panel; padding: 0 1; text-wrap: nowrap; }"
    )

    def __init__(self, cancel_key: str) -> None:
        super().__init__(id="downloads")
        self._cancel_key = cancel_key
        self._count = 0
        self.display = False

    def show(self, status: DownloadStatus) -> None:
        """Draw how far they are."""
        self.display = status.is_busy
        if status.is_busy:
            lines = [_whole(status, self._cancel_key)]
            lines += _files(status) if self.app.size.height >= ROOMY_LINES else []
            self.update(Content("\n").join(lines), layout=len(lines) != self._count)
            self._count = len(lines)


def _whole(status: DownloadStatus, cancel_key: str) -> Content:
    hint = f"   {cancel_key} cancels" if cancel_key else ""
    return Content.assemble(
        ("↓ ", "bold $text-accent"), *_bar(status.share), f" {status.words}", (hint, "$text-muted")
    )


def _files(status: DownloadStatus) -> list[Content]:
    # One line is kept for each file that may run, so that the table does not jump as they come and go.
    lines = [
        Content.assemble(
            "  ",
            *_bar(each.got / each.whole if each.whole else 0.0),
            f" {each.words:<16} ",
            (each.name, "$text-muted"),
        )
        for each in status.running[:MAX_FILES]
    ]
    room = min(MAX_FILES, max(status.total, 1))
    return [*lines, *[Content(" ")] * (room - len(lines))]


def _bar(share: float) -> list[tuple[str, str]]:
    filled = min(BAR_CELLS, int(share * BAR_CELLS))
    return [("▰" * filled, "$text-accent"), ("▱" * (BAR_CELLS - filled), "$text-muted")]
