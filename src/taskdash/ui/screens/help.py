"""The help: what can be done where the focus is, why something cannot be done now, and a box to search in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Self

from textual import events
from textual.containers import Horizontal, Vertical
from textual.content import Content

from taskdash.ui.screens.dialog import FittedText, SearchedText, muted
from taskdash.ui.text.help import help_sections, help_text, matching
from taskdash.ui.widgets.bars import Line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from taskdash.ui.actions import Situation
    from taskdash.ui.keymap import Keymap
    from taskdash.ui.text.help import HelpSection

WIDE_CELLS: Final = 76
"""From this width on title, box and hint stand side by side."""
_NARROW_HEAD_LINES: Final = 4
TALL_LINES: Final = 48
"""From this height on there is room for a border."""


class Help(SearchedText):
    """Every key, those of the place first, and the language of the filter."""

    SIZE = "page"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("question_mark,f1", "dismiss(None)", "close"),
    ]

    @classmethod
    def of_list(cls, keymap: Keymap, place: str, situation: Situation) -> Self:
        """Return the help of the list; `place` is where the focus is: table, detail or filter."""
        return cls(help_sections(keymap, place, situation))

    def __init__(self, sections: Sequence[HelpSection]) -> None:
        self._sections = sections
        self._text = FittedText(self._fitted)
        super().__init__("", "Esc closes. Customise keys under [keys] in the config.", self._text)

    def compose(self) -> ComposeResult:
        with Vertical(classes=f"dialog {self.SIZE}"):
            # One line for all of it: the page has none to spare on 36.
            with Horizontal():
                yield Line(Content.styled("Help", "bold"))
                yield self.box
                yield self.hint
            yield self.scroll

    def _fitted(self, width: int) -> Content:
        if sections := matching(self._sections, self.box.value):
            return help_text(sections, width, self.room)
        return muted(f'Nothing matches "{self.box.value.strip()}". Esc clears the search.')

    @property
    def room(self) -> int:
        """Return how many lines there are under the head, on a screen that is tall between borders."""
        width, height = self.app.size
        head = 1 if width >= WIDE_CELLS else _NARROW_HEAD_LINES
        return max(1, height - head - 2 * (height >= TALL_LINES))

    def on_resize(self) -> None:
        self.set_class(self.app.size.width < WIDE_CELLS, "-narrow")
        self.set_class(self.app.size.height >= TALL_LINES, "-tall")
        self.scroll.styles.min_height = None

    def on_input_changed(self) -> None:
        self._text.refresh(layout=True)
        self.scroll.scroll_home(animate=False)

    def action_search(self) -> None:
        # However little is found, the page stays where it is.
        self.scroll.styles.min_height = self.scroll.size.height
        super().action_search()

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        self.dismiss(None)
        # That is the one below, be it by this paste or by an Esc that was typed before it.
        self.app.screen.post_message(events.Paste(event.text))
