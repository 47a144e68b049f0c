"""Draws the lines around the table: top line, banner, tabs, column titles, footer.

What a click on one is for stands in the style's `meta`, which the screen reads: `sort`, `tab` or `key`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.cells import cell_len, set_cell_size
from textual.content import Content
from textual.style import Style
from textual.widget import Widget

from taskdash.domain.task import State
from taskdash.domain.words import SYMBOLS
from taskdash.ui.following import Pace
from taskdash.ui.text.columns import GAP
from taskdash.ui.text.status import banner_of, top_line
from taskdash.ui.widgets.row_drawing import MARGIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from textual.timer import Timer
    from textual.worker import WorkType

    from taskdash.config.own import OwnView
    from taskdash.domain.batches import Progress
    from taskdash.ui.context import Context
    from taskdash.ui.keymap import FooterKey
    from taskdash.ui.widgets.task_table import TaskTable
    from taskdash.ui.widgets.window import Window


class Line(Widget):
    """Shows a line of text, redrawn only when it changes.

    A subclass whose text depends on the width overrides `fitted`, which is called when the line is rendered.
    """

    DEFAULT_CSS = "Line { height: 1; width: 1fr; }"

    def __init__(self, content: Content | None = None, *, id: str | None = None) -> None:  # noqa: A002 - Textual's
        super().__init__(id=id)
        self._content = content or Content("")

    def show(self, content: Content) -> None:
        if content.is_same(self._content):
            return
        self._content = content
        # In a dialog and in the banner, text may wrap, and the number of lines change.
        width, lines = self.content_size
        is_layout = self.styles.is_auto_height and (not width or content.get_height({}, width) != lines)
        self.refresh(layout=is_layout)

    def fitted(self) -> Content:
        return self._content

    def render(self) -> Content:
        self._content = self.fitted()
        return self._content

    def draw(self) -> None:
        """Rebuild the text, and redraw it if it has changed."""
        self.show(self.fitted())

    def on_resize(self) -> None:
        self.draw()


def choice_of(text: str, *, is_chosen: bool) -> Content:
    """Return the text of one of several choices; the current one has brackets as well as colour."""
    if is_chosen:
        return Content.styled(f"[{text}]", "bold $text-accent reverse")
    return Content.styled(f" {text} ", "$text-muted")


class TableHeader(Line):
    """Draws the column titles, with an arrow at the sorted column."""

    def __init__(self, table: TaskTable) -> None:
        super().__init__(id="titles")
        self._table = table

    def fitted(self) -> Content:
        line, sort = Content(" " * MARGIN), self._table.wanted.sort
        for place in self._table.rows.columns:
            column, width = place.column, place.width
            title = f"{column.title_in(width):>{column.title_width}}"
            if column.sort is sort.key:
                # If the title needs the full width, the arrow goes into the gap after it.
                blank = " " if cell_len(title) + 2 <= width else ""
                arrow = "▼" if sort.reverse else "▲"
                title = f"{set_cell_size(title, min(cell_len(title), width))}{blank}{arrow}"
            text = Content(set_cell_size(title, width + GAP))
            line += text.stylize(Style.from_meta({"sort": column.sort and column.sort.value}))
        return line.stylize("bold $text-muted")


class KeyBar(Line):
    """Draws the footer: as many keys as fit."""

    _keys: Sequence[FooterKey] = ()
    _note: str = ""

    def show_keys(self, keys: Sequence[FooterKey], note: str = "") -> None:
        self._keys, self._note = keys, note
        self.draw()

    def fitted(self) -> Content:
        # The last two, for help and leaving, are always shown.
        line = Content.assemble(" ", (f"{self._note}  " if self._note else "", "bold"))
        *others, help_, out = [
            Content.assemble((key, "bold $text-accent"), (f" {does}", "$text-muted")).stylize(
                Style.from_meta({"key": action})
            )
            + "  "
            for key, does, action in self._keys
        ] or [Content("")] * 2
        # The two blanks after the last key may be cut off.
        room = self.size.width + 2 - len(help_) - len(out)
        for key in others:
            if len(line) + len(key) <= room:
                line += key
        return line + help_ + out


class MessageLine(Line):
    """Shows the last message, until its time is up."""

    DEFAULT_CSS = """
    MessageLine { display: none; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    MessageLine.-over { layer: messages; dock: bottom; margin-bottom: 1; background: $background; }
    """

    _gone: Timer | None = None

    def tell(self, content: Content, for_s: float) -> None:
        if self._gone is not None:
            self._gone.stop()
        self._gone = self.set_timer(for_s, self._go)
        self.show(content)
        self.display = True

    def _go(self) -> None:
        self.display = False


class Tab(NamedTuple):
    """Names a tab, which has the tasks in a state, those of a view, or all."""

    title: str
    state: State | None = None
    view: OwnView | None = None


STATE_TABS: Final = (
    Tab("All"),
    Tab("New", State.NEW),
    Tab("Waiting", State.WAITING),
    Tab("Success", State.SUCCESS),
    Tab("Fail", State.FAIL),
)


def tabs_of(views: Iterable[OwnView]) -> tuple[Tab, ...]:
    """Return all tabs: the states, then one per view."""
    return *STATE_TABS, *(Tab(view.name, None, view) for view in views)


def state_counts(counts: Mapping[State, int]) -> dict[Tab, int]:
    """Return the number of tasks in each state tab and in the All tab."""
    whole = sum(counts.values())
    return {tab: whole if tab.state is None else counts.get(tab.state, 0) for tab in STATE_TABS}


class TabLine(Line):
    """Draws the tabs with their counts; the current one has brackets as well as colour.

    If the titles do not all fit, the other states shrink to symbol and count; if that is not enough, only the tabs
    around the current one are shown.
    """

    def __init__(self, tabs: Sequence[Tab]) -> None:
        super().__init__(id="tabs")
        self._all = tabs
        self._counts: Mapping[Tab, int] = {}
        self._chosen = 0

    def show_counts(self, counts: Mapping[Tab, int], chosen: int) -> None:
        """Draw the tabs; `chosen` is the index of the current one. A tab not counted yet has no number."""
        self._counts, self._chosen = counts, chosen
        self.draw()

    def fitted(self) -> Content:
        # The blank after the last tab may be cut off.
        room = self.size.width + 1
        for in_words in (True, False):
            tabs = [Content(" ") + self._drawn(index, in_words=in_words) for index in range(len(self._all))]
            if _length(tabs) <= room or not self.size.width:
                return Content("").join(tabs)
        # As many as there is room for, from the first one that keeps the current one visible.
        first = 0
        while first < self._chosen and _length(tabs[first : self._chosen + 1]) > room:
            first += 1
        last = len(tabs)
        while last > self._chosen + 1 and _length(tabs[first:last]) > room:
            last -= 1
        return Content("").join(tabs[first:last])

    def _drawn(self, index: int, *, in_words: bool) -> Content:
        tab, is_chosen = self._all[index], index == self._chosen
        count = self._counts.get(tab)
        has_title = in_words or not tab.state or is_chosen
        words = [
            *([SYMBOLS[tab.state]] if tab.state else []),
            *([tab.title] if has_title else []),
            *([f"{count:,}"] if count is not None else []),
        ]
        return choice_of(" ".join(words), is_chosen=is_chosen).stylize(Style.from_meta({"tab": index}))


def _length(tabs: Iterable[Content]) -> int:
    return sum(tab.cell_length for tab in tabs)


class Headlines:
    """Draws the top line and the banner, from the watcher's status and the batch under way."""

    def __init__(self, context: Context, alarm: Callable[[], str]) -> None:
        """`alarm` returns a problem with the list itself, which the banner shows before any other, or ""."""
        self.context = context
        self._alarm = alarm
        self.remark = ""
        """Shown in the banner while the watcher reports no problem."""
        self._crowd = 0
        self._progress: Progress | None = None
        self._wanted: object = None
        self._pace = Pace(context.clock)
        # Kept as attributes, not queried: updates may still arrive while the screen is being removed.
        self.top = Line(id="status")
        self.banner = Line(id="banner")

    def show(self, window: Window, width: int) -> None:
        """Draw both lines for `width` cells, if they have changed."""
        context, status, now_ms = self.context, self.context.watcher.status, self.context.clock.now_ms()
        self._wanted = (window.listed, window.labels)
        left_ms = None
        if self._progress is not None and context.durations is not None:
            left_ms = self._progress.left_ms(context.durations.usual, now_ms, status.per_minute)
        others = {name: service.watcher.status for name, service in context.others.items()}
        self.top.show(top_line(context.profile, self._progress, left_ms, status, width, others))
        self._crowd = max(self._crowd, status.new) if status.new else 0
        text, is_problem = self._alarm(), True
        if not text:
            text, is_problem = banner_of(status, context.key_advice, now_ms, self._crowd, self.remark, width)
        self.banner.display = bool(text)
        self.banner.set_class(is_problem, "-problem")
        self.banner.show(Content(text))

    def tick(self, window: Window, width: int) -> None:
        """Redraw both lines with current times; recount the batch if tasks have changed state since."""
        self.show(window, width)
        if self._pace.is_time(self._wanted):
            count: WorkType[None] = partial(self._count, window)
            self.top.run_worker(count, group="count", exclusive=True)

    async def _count(self, window: Window) -> None:
        """Count the batch under way: that of the only label shown, else the largest."""
        context, before = self.context, self._progress.label if self._progress else None
        with self._pace.reading(self._wanted):
            self._progress = await context.store.run(
                lambda store: store.summaries.progress(context.profile, shown=window.label, before=before)
            )
