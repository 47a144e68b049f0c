"""Statistics of what the filter shows, or of the marked tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from taskdash.ui.screens.dialog import Dialog
from taskdash.ui.statistics_text import statistics_text
from taskdash.ui.widgets.lines import Line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from taskdash.domain.tally import Outcome

_HINT: Final = "Bars: from least to most costTime.{} Esc closes."


class Statistics(Dialog[None]):
    """A table by model and a row of bars; keys scroll it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q,t,enter", "dismiss(None)", "close"),
        ("j,down", "scroll_by(1)", "down"),
        ("k,up", "scroll_by(-1)", "up"),
        ("pagedown,space", "scroll_by(20)", "a page down"),
        ("pageup", "scroll_by(-20)", "a page up"),
    ]

    def __init__(self, scope: str, outcomes: Sequence[Outcome], now_ms: int) -> None:
        """`scope` says which tasks these are, such as `12 tasks that match fox`."""
        super().__init__()
        self._scope, self._outcomes, self._now_ms = scope, outcomes, now_ms
        self._text = Static()
        self._scroll = VerticalScroll(self._text, can_focus=False)
        # Else the table would be one cell too wide as soon as it scrolls.
        self._scroll.styles.scrollbar_gutter = "stable"
        self._hint = Line(Content.styled(_HINT.format(""), "$text-muted"))

    def compose(self) -> ComposeResult:
        """What is counted, the table, the way out."""
        with Vertical(classes="dialog wide"):
            yield Line(Content.styled(f"Statistics of {self._scope}", "bold"))
            yield self._scroll
            yield self._hint

    def on_mount(self) -> None:
        """Tell of what is below, as the scroll bar does."""
        self.watch(self._scroll, "show_vertical_scrollbar", self._tell_of_more)

    def on_resize(self) -> None:
        """Fit the table to the width."""
        self.call_after_refresh(self._draw)

    def _draw(self) -> None:
        self._text.update(
            statistics_text(self._outcomes, self._now_ms, self._scroll.scrollable_content_region.width)
        )

    def _tell_of_more(self, is_more: bool) -> None:
        more = " PgDn shows more." if is_more else ""
        self._hint.show(Content.styled(_HINT.format(more), "$text-muted"))

    def action_scroll_by(self, lines: int) -> None:
        """Scroll the table."""
        self._scroll.scroll_relative(y=lines, animate=False)
