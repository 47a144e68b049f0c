"""The one-line parts around the table: column titles, keys, and what lines are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from textual.content import Content
from textual.message import Message
from textual.style import Style
from textual.widget import Widget

from taskdash.domain.query import SortKey
from taskdash.ui.text.columns import GAP, Placed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual import events
    from textual.timer import Timer

    from taskdash.domain.query import Sort
    from taskdash.ui.keymap import FooterKey


class Line(Widget):
    """A line of text that is drawn again only when it differs.

    A subclass whose text depends on the room makes it in `fitted`, as late as it is drawn.
    """

    DEFAULT_CSS = "Line { height: 1; width: 1fr; }"

    def __init__(
        self,
        content: Content | None = None,
        *,
        id: str | None = None,  # noqa: A002 - as Textual names it
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._content = content or Content("")

    def show(self, content: Content) -> None:
        """Draw another text."""
        if not content.is_same(self._content):
            self._content = content
            self.refresh(layout=self._needs_layout(content))

    def _needs_layout(self, content: Content) -> bool:
        """Return whether it takes more lines now, or fewer: in a dialog and in the banner it may be wrapped."""
        width = self.content_size.width
        return self.styles.is_auto_height and (
            not width or content.get_height({}, width) != self.content_size.height
        )

    def fitted(self) -> Content:
        """Return the text for the room there is."""
        return self._content

    def render(self) -> Content:
        self._content = self.fitted()
        return self._content

    def on_resize(self) -> None:
        self.show(self.fitted())


def choice_of(text: str, *, is_chosen: bool) -> Content:
    """Return one of several things to choose from: the one in use is in brackets as well as coloured."""
    if is_chosen:
        return Content.styled(f"[{text}]", "bold $text-accent reverse")
    return Content.styled(f" {text} ", "$text-muted")


class TableHeader(Line):
    """The titles of the columns, with an arrow at the one that is sorted by."""

    @dataclass
    class Clicked(Message):
        """The title of a column that can be sorted by was clicked."""

        key: SortKey

    def __init__(self, columns: Callable[[], Sequence[Placed]], sort: Sort, margin: int, *, id: str) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self._columns = columns
        self._sort = sort
        self._margin = margin

    def on_click(self, event: events.Click) -> None:
        if key := event.style.meta.get("sort"):
            self.post_message(self.Clicked(SortKey(key)))

    def show_sort(self, sort: Sort) -> None:
        """Draw the titles above their columns, with another arrow."""
        self._sort = sort
        self.show(self.fitted())

    def fitted(self) -> Content:
        line = Content(" " * self._margin)
        for place in self._columns():
            column, width = place.column, place.width
            title = f"{column.title_in(width):>{column.title_width}}"
            if column.sort is self._sort.key:
                # Where the title needs all of its cells the arrow stands in the gap behind them.
                blank = " " if cell_len(title) + 2 <= width else ""
                arrow = "▼" if self._sort.reverse else "▲"
                title = f"{set_cell_size(title, min(cell_len(title), width))}{blank}{arrow}"
            text = Content(set_cell_size(title, width + GAP))
            line += text.stylize(Style.from_meta({"sort": column.sort and column.sort.value}))
        return line.stylize("bold $text-muted")


class KeyBar(Line):
    """The keys, as many as there is room for; a click does what the key does."""

    @dataclass
    class Clicked(Message):
        """A key was clicked."""

        action: str

    _keys: Sequence[FooterKey] = ()
    _note: str = ""

    def on_click(self, event: events.Click) -> None:
        if action := event.style.meta.get("key"):
            self.post_message(self.Clicked(action))

    def show_keys(self, keys: Sequence[FooterKey], note: str = "") -> None:
        """Draw the keys after a note."""
        if (keys, note) != (self._keys, self._note):
            self._keys, self._note = keys, note
            self.show(self.fitted())

    def fitted(self) -> Content:
        # The last two, the ways to help and out, are always there.
        line = Content.assemble(" ", (f"{self._note}  " if self._note else "", "bold"))
        *others, help_, out = [
            Content.assemble((key, "bold $text-accent"), (f" {does}", "$text-muted")).stylize(
                Style.from_meta({"key": action})
            )
            + "  "
            for key, does, action in self._keys
        ] or [Content("")] * 2
        # The two blanks after the last key may fall off the line.
        room = self.size.width + 2 - len(help_) - len(out)
        for key in others:
            if len(line) + len(key) <= room:
                line += key
        return line + help_ + out


class MessageLine(Line):
    """What was told last; it has a row only while it says something."""

    DEFAULT_CSS = """
    MessageLine { display: none; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    MessageLine.-over { layer: messages; dock: bottom; margin-bottom: 1; background: $background; }
    """

    _gone: Timer | None = None

    def tell(self, content: Content, for_s: float) -> None:
        """Show a text for so long, unless another one comes."""
        if self._gone is not None:
            self._gone.stop()
        self._gone = self.set_timer(for_s, self._go)
        self.show(content)
        self.display = True

    def _go(self) -> None:
        self.display = False
