"""The one-line parts around the table: status, banner, tabs, column titles, keys."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from taskdash.domain.task import State
from taskdash.domain.words import SYMBOLS
from taskdash.ui.text.columns import GAP, Placed
from taskdash.ui.text.status import banner_text, status_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from textual import events

    from taskdash.domain.query import Sort, SortKey
    from taskdash.ui.desk import Desk

Part = str | Content | tuple[str, str]

TABS: tuple[tuple[str, State | None], ...] = (
    ("All", None),
    ("New", State.NEW),
    ("Waiting", State.WAITING),
    ("Success", State.SUCCESS),
    ("Fail", State.FAIL),
)


class Line(Widget):
    """A line of text that is drawn again only when it differs."""

    DEFAULT_CSS = "Line { height: 1; width: 1fr; }"

    def __init__(self, content: Content | None = None, *, id: str | None = None) -> None:  # noqa: A002 - as Textual names it
        super().__init__(id=id)
        self._content = content or Content("")

    def show(self, content: Content) -> None:
        """Draw another text."""
        if content != self._content or content.spans != self._content.spans:
            self._content = content
            self.refresh(layout=self._needs_layout(content))

    def _needs_layout(self, content: Content) -> bool:
        """Whether it takes more lines now, or fewer: in a dialog and in the banner it may be wrapped."""
        if not self.styles.is_auto_height:
            return False
        width = self.content_size.width
        return not width or content.get_height({}, width) != self.content_size.height

    def render(self) -> Content:
        """The text."""
        return self._content


class FittedLine(Line):
    """A line whose text depends on the room there is: made when it is drawn, for the first frame has no other time."""

    def fitted(self) -> Content:
        """The text for the width of now."""
        raise NotImplementedError

    def render(self) -> Content:
        """The text."""
        self._content = self.fitted()
        return self._content

    def on_resize(self) -> None:
        """Fit the new width."""
        self.show(self.fitted())


class StateTabs(FittedLine):
    """The state tabs with their counts; the one in use is in brackets as well as coloured.

    Where there is no room for all the words, the others are symbol and count.
    """

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, index: int) -> None:
            self.index = index
            super().__init__()

    _ends: tuple[int, ...] = ()
    _counts: Mapping[State, int] = MappingProxyType({})
    _chosen: int = 0

    def show_counts(self, counts: Mapping[State, int], chosen: int) -> None:
        """Draw the tabs; `chosen` is an index into TABS."""
        self._counts, self._chosen = counts, chosen
        self.show(self.fitted())

    def fitted(self) -> Content:
        """The tabs, in words as far as there is room."""
        texts = self._texts(in_words=True)
        if sum(len(text) + 3 for text in texts) > self.size.width > 0:
            texts = self._texts(in_words=False)
        parts: list[Part] = [" "]
        ends = []
        end = 1
        for index, text in enumerate(texts):
            is_chosen = index == self._chosen
            parts.append(
                (f"[{text}]", "bold $text-accent reverse") if is_chosen else (f" {text} ", "$text-muted")
            )
            parts.append(" ")
            end += len(text) + 3
            ends.append(end)
        self._ends = tuple(ends)
        return Content.assemble(*parts)

    def _texts(self, *, in_words: bool) -> list[str]:
        texts = []
        for index, (title, state) in enumerate(TABS):
            count = sum(self._counts.values()) if state is None else self._counts.get(state, 0)
            words = [SYMBOLS[state]] if state else []
            if in_words or not state or index == self._chosen:
                words.append(title)
            texts.append(" ".join([*words, f"{count:,}"]))
        return texts

    def on_click(self, event: events.Click) -> None:
        """Choose the tab under the mouse."""
        index = next((index for index, end in enumerate(self._ends) if event.x < end), None)
        if index is not None:
            self.post_message(self.Chosen(index))


class TableHeader(FittedLine):
    """The titles of the columns, with an arrow at the one that is sorted by."""

    class Clicked(Message):
        """A title was clicked; its column can be sorted by."""

        def __init__(self, key: SortKey) -> None:
            self.key = key
            super().__init__()

    _ends: tuple[tuple[int, SortKey | None], ...] = ()

    def __init__(self, columns: Callable[[], Sequence[Placed]], sort: Sort, margin: int, *, id: str) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self._columns = columns
        self._sort = sort
        self._margin = margin

    def on_click(self, event: events.Click) -> None:
        """Sort by the column under the mouse."""
        key = next((key for end, key in self._ends if event.x < end), None)
        if key is not None:
            self.post_message(self.Clicked(key))

    def show_sort(self, sort: Sort) -> None:
        """Draw the titles above their columns, with another arrow."""
        self._sort = sort
        self.show(self.fitted())

    def fitted(self) -> Content:
        """The titles, each as wide as its column."""
        text = " " * self._margin
        ends: list[tuple[int, SortKey | None]] = []
        for place in self._columns():
            column, width = place.column, place.width
            title = column.title_in(width)
            if column.sort is self._sort.key:
                # The arrow stays where the title has to give way to it.
                arrow = "▼" if self._sort.reverse else "▲"
                title = f"{set_cell_size(title, min(cell_len(title), max(0, width - 2)))} {arrow}"
            text += set_cell_size(f"{title:>{column.title_width}}", width) + " " * GAP
            ends.append((self._margin + place.x + width + GAP, column.sort))
        self._ends = tuple(ends)
        return Content.styled(text, "bold $text-muted")


class KeyBar(FittedLine):
    """The keys, as many as there is room for."""

    def show_keys(self, keys: Sequence[tuple[str, str]], note: str = "") -> None:
        """Draw `(key, what it does)` pairs, and a note at the end of the line."""
        self._keys, self._note = keys, note
        self.show(self.fitted())

    _keys: Sequence[tuple[str, str]] = ()
    _note: str = ""

    def fitted(self) -> Content:
        """As many keys as there is room for; the last two, the ways to help and out, are always among them."""
        note = f"{self._note}  " if self._note else ""
        # The two blanks after the last key may fall off the line.
        room = self.size.width + 1 - len(note) - sum(map(_cells, self._keys[-2:]))
        kept = []
        for key in self._keys[:-2]:
            if _cells(key) <= room:
                room -= _cells(key)
                kept.append(key)
        parts: list[Part] = [" ", (note, "bold")]
        for name, title in (*kept, *self._keys[-2:]):
            parts += [(name, "bold $text-accent"), (f" {title}  ", "$text-muted")]
        return Content.assemble(*parts)


def _cells(key: tuple[str, str]) -> int:
    return len(key[0]) + len(key[1]) + 3


class Headlines:
    """Two lines of the screen and what they say now."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._crowd = 0
        # Held, not looked up: news may still arrive while the screen is being taken down.
        self.status = Line(id="status")
        self.banner = Line(id="banner")
        self.progress: list[Callable[[], str]] = []
        """Whoever works for the user says here how far it is, in a few words; "" for nothing to say."""
        self.alarms: list[Callable[[int], str]] = []
        """As `warnings`, but asked before all else: while the list itself is in trouble."""
        self.warnings: list[Callable[[int], str]] = []
        """Asked for a banner, with the time in ms, while the watcher has none; "" for nothing to say."""

    def show(self, counts: dict[State, int], width: int) -> None:
        """Draw both lines in `width` cells, where they differ."""
        desk, status, now_ms = self._desk, self._desk.watcher.status, self._desk.clock.now_ms()
        work = "  ".join(filter(None, (say() for say in self.progress)))
        warning, alarm = (
            next(filter(None, (say(now_ms) for say in each)), "") for each in (self.warnings, self.alarms)
        )
        self.status.show(status_text(desk.profile, counts, status, now_ms, width, work))
        self._crowd = max(self._crowd, status.new) if status.new else 0
        banner = banner_text(status, desk.key_advice, now_ms, self._crowd, warning, width)
        banner = Content(alarm) if alarm else banner
        self.banner.display = bool(banner)
        self.banner.show(banner)
