"""The filter box: results follow as one types, an error stands under it, Esc brings back what was before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Vertical
from textual.content import Content
from textual.message import Message

from taskdash.domain.query_language import FilterError, parse_filter
from taskdash.ui.widgets.lines import Line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual import events
    from textual.widgets import Input

    from taskdash.domain.query import Term

HINT = 'words, "a phrase", !not, state:fail model:gpt label:x problem:any cost:>30s age:<2h saved:no'


class FilterBox(Vertical):
    """A text box with a line under it. Hidden while there is no filter and nobody types one."""

    DEFAULT_CSS = """
    FilterBox { height: auto; }
    FilterBox > Input, FilterBox > Input:focus { height: 1; border: none; padding: 0 1; background: $surface; }
    FilterBox > #filter-error { color: $text-error; }
    """

    class Changed(Message):
        """The filter reads otherwise now."""

        def __init__(self, terms: tuple[Term, ...]) -> None:
            self.terms = terms
            super().__init__()

    class Left(Message):
        """The box was left, with its filter kept or dropped."""

    def __init__(self, ttls_ms: Mapping[str, int], *, id: str) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self._ttls_ms = ttls_ms
        self._before = ""
        self._box: Input | None = None
        self._error = Line(id="filter-error")
        self.display = False

    @property
    def text(self) -> str:
        """What stands in the box."""
        return self._box.value if self._box else ""

    async def open(self) -> None:
        """Show the box and type in it."""
        box = await self._made()
        self._before = self.text
        self.display = True
        # Not `focus()`, which is done later: what is typed next is for the box.
        self.screen.set_focus(box)

    async def put(self, text: str) -> None:
        """Filter by `text`, as if it had been typed."""
        box = await self._made()
        self.display = True
        box.value = text

    async def _made(self) -> Input:
        from textual.widgets import Input

        if self._box is None:
            # Made when it is first wanted: it is no part of the first frame.
            self._box = Input(placeholder=HINT, select_on_focus=False)
            await self.mount(self._box, self._error)
        return self._box

    def clear(self) -> None:
        """Drop the filter and hide the box."""
        self._set("")
        self.display = False

    def _set(self, text: str) -> None:
        if self._box is not None:
            self._box.value = text

    def on_input_changed(self, event: Input.Changed) -> None:
        """Take over what can be read; say what cannot."""
        event.stop()
        error = self._error
        try:
            terms = parse_filter(event.value, self._ttls_ms)
        except FilterError as wrong:
            error.show(Content.styled(f" {wrong}", "$text-error"))
            return
        error.show(Content(""))
        self.post_message(self.Changed(terms))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter keeps the filter."""
        event.stop()
        self._leave()

    def on_key(self, event: events.Key) -> None:
        """Esc brings back what was before; down goes to the list."""
        if event.key == "escape":
            event.stop()
            self._set(self._before)
            self._leave()
        elif event.key == "down":
            event.stop()
            self._leave()

    def _leave(self) -> None:
        self.display = bool(self.text.strip())
        self.post_message(self.Left())
