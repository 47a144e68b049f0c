"""What the list is looked into with: the last body with a record, as it was sent, and statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.content import Content
from textual.widgets import Static

from taskdash.ui.screens.dialog import FittedText, TextDialog, muted
from taskdash.ui.text.statistics import statistics_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.binding import BindingType

    from taskdash.domain.tally import TaskFigures

MAX_CHARS: Final = 100_000
_STATISTICS_HINT: Final = "{}Esc closes"


class RawJson(TextDialog):
    """The body of an answer."""

    SIZE = "wide"
    BINDINGS: ClassVar[list[BindingType]] = [("J", "dismiss(None)", "close")]

    def __init__(self, task_id: str, text: str) -> None:
        rest = f"Cut here: `taskdash show {task_id} --raw` prints it all. " if len(text) > MAX_CHARS else ""
        super().__init__(
            f"The answer for {task_id}, as it was sent",
            f"{rest}Esc closes",
            Static(Content(text[:MAX_CHARS])),
        )


class Statistics(TextDialog):
    """A table by model and rows of bars, of the tasks that are shown or of the marked ones."""

    SIZE = "wide"
    BINDINGS: ClassVar[list[BindingType]] = [("t", "dismiss(None)", "close")]

    def __init__(self, scope: str, outcomes: Sequence[TaskFigures], now_ms: int) -> None:
        """`scope` says which tasks these are, such as `12 tasks that match fox`."""
        super().__init__(
            f"Statistics of {scope}",
            _STATISTICS_HINT.format(""),
            FittedText(lambda width: statistics_text(outcomes, now_ms, width)),
        )

    def on_mount(self) -> None:
        """Tell of what is below, as the scroll bar does."""
        self.watch(self.scroll, "show_vertical_scrollbar", self._tell_of_more)

    def _tell_of_more(self, is_more: bool) -> None:
        self.hint.show(muted(_STATISTICS_HINT.format("PgDn shows more. " if is_more else "")))
