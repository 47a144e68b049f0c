"""The filter box: results follow as one types, an error stands under it, Esc brings back what was before."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input

from taskdash.domain.query_language import FilterError, parse_filter
from taskdash.ui.widgets.bars import Line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.widget import Widget

    from taskdash.domain.query import Term

HINT = 'words, "a phrase", !not, state:fail model:gpt label:x problem:any cost:>30s age:<2h saved:no'


class TextBox(Input, inherit_bindings=False):
    """Textual's, with priority for its editing keys.

    Letters it takes in at once, other keys only after they have come by everything around it: of a burst of both the
    letters behind a Backspace would be there before it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        replace(each, priority=True) for each in Input.BINDINGS if isinstance(each, Binding)
    ]


class _FilterInput(TextBox):
    """A text box in which `?` is text only behind other text: before any it asks for help."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Return whether a key is text."""
        return super().check_consume_key(key, character) and (character != "?" or bool(self.value))


class FilterBox(Vertical):
    """A text box with a line under it. Hidden while there is no filter and nobody types one."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("down", "leave", "to the list", priority=True)]
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

    def __init__(self, ttls_ms: Mapping[str, int], back_to: Widget, *, id: str) -> None:  # noqa: A002 - Textual's name for it
        """Prepare a box that gives the focus to `back_to` when it is left."""
        super().__init__(id=id)
        self._back_to = back_to
        self._ttls_ms = ttls_ms
        self._before = ""
        self._box = _FilterInput(placeholder=HINT, select_on_focus=False)
        self._error = Line(id="filter-error")
        self.display = False

    def compose(self) -> ComposeResult:
        yield self._box
        yield self._error

    @property
    def text(self) -> str:
        """Return what stands in the box."""
        return self._box.value

    def open(self) -> None:
        """Show the box and type in it."""
        self._before = self.text
        self.display = True
        # Not `focus()`, which is done later: what is typed next is for the box.
        self.screen.set_focus(self._box)

    def put(self, text: str) -> None:
        """Filter by `text`, as if it had been typed."""
        self.display = True
        self._box.value = text

    def clear(self) -> None:
        """Drop the filter and hide the box."""
        self._box.value = ""
        self.display = False

    def restore(self) -> None:
        """Leave the box with the filter that was there before."""
        self._box.value = self._before
        self.action_leave()

    def on_input_changed(self, event: Input.Changed) -> None:
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
        event.stop()
        self.action_leave()

    def action_leave(self) -> None:
        """Go to the list; the box stays where it has a filter in it."""
        self.display = bool(self.text.strip())
        self.screen.set_focus(self._back_to)
