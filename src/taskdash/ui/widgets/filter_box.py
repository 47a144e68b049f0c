"""Filters while typing, shows errors below, completes on Tab, restores the last filter on Esc."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from rich.highlighter import Highlighter
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input

from taskdash.domain.query import FilterError, completions, parse_filter
from taskdash.ui.widgets.bars import Line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.text import Text
    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from taskdash.domain.query import Term
    from taskdash.ui.screens.main import MainScreen

HINT: Final = 'words, "a phrase", !exclude, state:fail, duration:>30s ...   ? for all'
_TITLE: Final = "─ Filter"
_KEYS: Final = "Enter keeps the filter, Esc restores the previous one"
_MAX_SHOWN: Final = 20
_PATIENCE_S: Final = 0.25
"""How long Tab, and the keys after it, wait for the labels and models on the list."""


class TextBox(Input, inherit_bindings=False):
    """Gives Textual's input priority for its editing keys.

    Without priority, it takes in letters at once, but other keys only after everything around it has seen them. In a
    burst, the letters after a Backspace would arrive before it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        replace(each, priority=True) for each in Input.BINDINGS if isinstance(each, Binding)
    ]
    take_paste: Callable[[str], None] | None = None
    """Called with the whole of a paste, of which the box itself would keep only the first line."""

    def on_paste(self, event: events.Paste) -> None:
        if self.take_paste is not None:
            event.stop()
            event.prevent_default()
            self.take_paste(event.text)


class _FilterInput(TextBox):
    """Leaves `?` to the help while the box is empty."""

    def __init__(self, leave: Callable[[], None], highlighter: Highlighter) -> None:
        super().__init__(placeholder=HINT, select_on_focus=False, highlighter=highlighter)
        self._leave = leave

    async def action_submit(self) -> None:
        # Not by a message, which takes a while: the keys after Enter are for the list.
        self._leave()

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return super().check_consume_key(key, character) and (character != "?" or bool(self.value))


class _WrongWord(Highlighter):
    """Highlights the word of a filter that does not parse, or not yet, in the error colour."""

    def __init__(self, box: FilterBox) -> None:
        self._box = box

    def highlight(self, text: Text) -> None:
        if error := self._box.error_of(text.plain):
            text.stylize(
                self._box.get_component_rich_style("filter-box--wrong", partial=True), error.start, error.end
            )


class _Completing(NamedTuple):
    """Remembers the word that Tab has inserted, and the others it cycles through."""

    text: str
    """The whole text; if it has changed since, completion starts over."""
    start: int
    end: int
    words: Sequence[str]
    at: int
    """The index of the current word in `words`."""


class FilterBox(Vertical):
    """Shows a titled text box, with a line under it while it has the focus.

    Hidden while there is no filter and none is being typed.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"filter-box--wrong"}
    BINDINGS: ClassVar[list[BindingType]] = [Binding("down", "leave", "to the list", priority=True)]
    DEFAULT_CSS = """
    FilterBox { height: auto; background: $surface; }
    FilterBox > Horizontal { height: 1; }
    FilterBox #filter-title { width: auto; color: $text-muted; }
    FilterBox.-typing #filter-title { color: $text-accent; text-style: bold; }
    FilterBox Input, FilterBox Input:focus {
        width: 1fr; height: 1; border: none; padding: 0 1; background: $surface; background-tint: $foreground 0%;
    }
    FilterBox > #filter-about { display: none; height: auto; max-height: 4; padding: 0 1; }
    FilterBox.-typing > #filter-about { display: block; }
    FilterBox > .filter-box--wrong { color: $text-error; }
    FilterBox:nocolor > .filter-box--wrong { text-style: underline; }
    """

    def __init__(self, main: MainScreen) -> None:
        super().__init__(id="filter")
        self._main = main
        self._reading: asyncio.Future[dict[str, list[str]]] | None = None
        self._before = ""
        self._good = ""
        """The text that the rows last followed."""
        self._completing: _Completing | None = None
        self._box = _FilterInput(self.action_leave, _WrongWord(self))
        self._title = Line(Content(_TITLE), id="filter-title")
        self._about = Line(id="filter-about")
        self.display = False

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield self._title
            yield self._box
        yield self._about

    @property
    def text(self) -> str:
        return self._box.value

    async def _appear(self) -> None:
        if not self.is_attached:
            # Not before it is needed: mounting a widget redraws the whole screen.
            await self._main.mount(self, before="#body")
        self.display = True

    async def open(self) -> None:
        self._before = self.text
        await self._appear()
        context = self._main.context
        self._reading = asyncio.ensure_future(
            context.store.run(lambda store: store.summaries.filter_values(context.profile))
        )
        self._tell()
        # Not `focus()`, which is deferred: the next keys are for the box.
        self.screen.set_focus(self._box)

    async def put(self, text: str) -> None:
        """Filter by `text`, as if it had been typed."""
        await self._appear()
        self._box.value = text

    def clear(self) -> None:
        self._box.value = ""
        self.display = False

    def restore(self) -> None:
        self._box.value = self._before
        self.action_leave()

    def on_descendant_focus(self) -> None:
        self.add_class("-typing")
        # Like the titles of the panels: the focus shows as a heavy line, not by colour alone.
        self._title.show(Content(_TITLE.replace("─", "━")))

    def on_descendant_blur(self) -> None:
        self.remove_class("-typing")
        self._title.show(Content(_TITLE))

    def error_of(self, text: str) -> FilterError | None:
        try:
            self._terms(text)
        except FilterError as error:
            return error
        return None

    def _terms(self, text: str) -> tuple[Term, ...]:
        context, rows = self._main.context, self._main.table.window.rows
        ttls_ms = context.settings.ttls_ms(context.profile)
        return parse_filter(
            text, ttls_ms, lambda: any(task.result_expires_at_ms is not None for task in rows)
        )

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        text = event.value
        error = self.error_of(text)
        if error is None:
            self._filter_by(text)
        elif error.start < len(self._good) <= error.end and text.startswith(self._good):
            # The beginning of a term such as `state:fail` was taken for a plain word, which no row need match: drop it.
            self._filter_by(text[: error.start])
        self._tell()

    def _filter_by(self, text: str) -> None:
        self._good = text
        self._main.listing.filter_by(self._terms(text))

    def _tell(self) -> None:
        error = self.error_of(self.text)
        _, words = self._completions()
        parts = [] if error is None else [Content.styled(f"{error}  ", "$text-error")]
        if words and (error is None or not any(word in str(error) for word in words)):
            shown = "  ".join(words[:_MAX_SHOWN])
            parts += [Content.styled("Tab ", "$text-accent"), Content.styled(shown, "$text-muted")]
        self._about.show(Content("").join(parts) if parts else Content.styled(_KEYS, "$text-muted"))

    def _completions(self) -> tuple[int, list[str]]:
        """Return where the word before the cursor starts, and its completions."""
        before = self.text[: self._box.cursor_position]
        done = self._reading is not None and self._reading.done() and not self._reading.cancelled()
        values = self._reading.result() if done and self._reading and not self._reading.exception() else {}
        start, words = completions(before, values)
        return start, [word for word in words if word != before[start:]]

    async def complete(self, steps: int) -> None:
        """Complete the word before the cursor, and cycle through the candidates when repeated."""
        if self._reading is not None:
            await asyncio.wait({self._reading}, timeout=_PATIENCE_S)
        last = self._completing
        if last is not None and last.text == self.text and len(last.words) > 1:
            start, end, words = last.start, last.end, last.words
            index = (last.at + steps) % len(words)
        else:
            start, words = self._completions()
            end, index = self._box.cursor_position, 0
            if not words:
                return
        self._box.value = f"{self.text[:start]}{words[index]}{self.text[end:]}"
        self._box.cursor_position = start + len(words[index])
        self._completing = _Completing(self.text, start, self._box.cursor_position, words, index)

    def action_leave(self) -> None:
        """Move the focus to the list; hide the box if it is empty."""
        self.display = bool(self.text.strip())
        self.screen.set_focus(self._main.table)
