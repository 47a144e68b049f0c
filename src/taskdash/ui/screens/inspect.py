"""What the list is looked into with: the last body with a record, and statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.content import Content
from textual.widgets import Static

from taskdash.ui.screens.dialog import FittedText, SearchedText, TextDialog, muted
from taskdash.ui.text.raw import coloured, highlighted, indented, matches
from taskdash.ui.text.statistics import statistics_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.binding import BindingType

    from taskdash.domain.tally import TaskFigures

MAX_CHARS: Final = 100_000
LINES_A_PART: Final = 60
_STATISTICS_HINT: Final = "{}Esc closes"


class RawJson(SearchedText):
    """The last body with a record: on indented lines, or as it was sent."""

    SIZE = "wide"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("J", "dismiss(None)", "close"),
        ("r", "as_sent", "indented, or as sent"),
        ("n", "go_to_match(1)", "next match"),
        ("N", "go_to_match(-1)", "previous match"),
    ]

    def __init__(self, task_id: str, text: str) -> None:
        self._sent, self._indented = text, indented(text)
        self._is_as_sent = self._indented is None
        self._parts = self._cut_in_parts()
        self._found: list[tuple[int, int, int]] = []
        """Part, begin and end of each match."""
        self._at = 0
        self._cut = f"Cut off here: `taskdash show {task_id} --raw` prints it all."
        super().__init__(f"Raw response for {task_id}", "", *self._statics())
        self._tell()

    def _statics(self) -> list[Static]:
        is_cut = max(len(self._sent), len(self._indented or "")) > MAX_CHARS
        rest = [Static(Content.styled(f"\n{self._cut}", "$text-warning"))] if is_cut else []
        return [*map(Static, self._parts), *rest]

    def _cut_in_parts(self) -> list[Content]:
        """Cut the text into parts that are drawn one by one: as one, all of it would be with each step."""
        if self._is_as_sent or self._indented is None:
            return [Content(self._sent[:MAX_CHARS])]
        lines = self._indented[:MAX_CHARS].split("\n")
        return [
            coloured("\n".join(lines[at : at + LINES_A_PART])) for at in range(0, len(lines), LINES_A_PART)
        ]

    def _tell(self) -> None:
        if self.box.value:
            at = f"Match {self._at + 1} of {len(self._found)}: n next, N previous."
            self.hint.show(muted(f"Esc clears the search. {at if self._found else 'No match.'}"))
        else:
            other = f" r {'indents it' if self._is_as_sent else 'shows it as sent'}."
            self.hint.show(muted(f"Esc closes.{other if self._indented else ''}"))

    async def action_as_sent(self) -> None:
        if self._indented is None:
            return
        self._is_as_sent = not self._is_as_sent
        self._parts = self._cut_in_parts()
        await self.scroll.remove_children()
        await self.scroll.mount_all(self._statics())
        self.scroll.scroll_home(animate=False)
        self._search()

    def on_input_changed(self) -> None:
        self._search()

    def _search(self) -> None:
        self._found = [
            (number, *place)
            for number, part in enumerate(self._parts)
            for place in matches(part.plain, self.box.value)
        ]
        self._at = 0
        for number in range(len(self._parts)):
            self._draw(number)
        self._show_match()

    def action_go_to_match(self, steps: int) -> None:
        if not self._found:
            return
        before = self._found[self._at][0]
        self._at = (self._at + steps) % len(self._found)
        self._draw(before)
        self._draw(self._found[self._at][0])
        self._show_match()

    def _show_match(self) -> None:
        self._tell()
        # Parts that are new have no place before they are laid out.
        self.call_after_refresh(self._scroll_to_match)

    def _scroll_to_match(self) -> None:
        if not self._found:
            return
        number, _, end = self._found[self._at]
        part = self.scroll.children[number]
        if width := part.size.width:
            y = part.virtual_region.y + self._parts[number][:end].get_height({}, width) - 1
            self.scroll.scroll_to(y=y - self.scroll.size.height // 2, animate=False, immediate=True)

    def _draw(self, number: int) -> None:
        found = [(index, place) for index, (of, *place) in enumerate(self._found) if of == number]
        shown = self._parts[number]
        if found:
            at = self._at - found[0][0]
            shown = highlighted(shown, [(begin, end) for _, (begin, end) in found], at)
        part = self.scroll.children[number]
        if isinstance(part, Static) and part.content is not shown:
            part.update(shown, layout=False)


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
        self.watch(self.scroll, "show_vertical_scrollbar", self._tell_of_more)

    def _tell_of_more(self, is_more: bool) -> None:
        self.hint.show(muted(_STATISTICS_HINT.format("PgDn shows more. " if is_more else "")))
