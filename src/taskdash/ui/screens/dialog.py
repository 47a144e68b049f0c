"""Lays out dialogs: their title, body, list or text, keys, and how they are left."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from textual.await_complete import AwaitComplete
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import OptionList

from taskdash.ui.widgets.bars import Line
from taskdash.ui.widgets.filter_box import TextBox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.geometry import Size
    from textual.widgets.option_list import Option

    _Modal = ModalScreen[Any]
else:
    _Modal = object

T = TypeVar("T")

LOW_LINES: Final = 18
"""Below this screen height a dialog has no blank lines around its content."""
FRAMED_CELLS: Final = 100
"""Below this screen width a wide dialog takes the full width."""
_FREE_LINES: Final = 4


class LeftOnce(_Modal):
    """Ignores repeated dismissals of a screen: a key typed twice would otherwise close the screen below too."""

    _is_left = False

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        """Disable all actions but `dismiss` before the screen is mounted and after it is removed."""
        return action == "dismiss" or (self.is_mounted and self.is_attached)

    def dismiss(self, result: Any = None) -> AwaitComplete:  # noqa: ANN401 - a screen's result has any type
        if self._is_left:
            return AwaitComplete()
        self._is_left = True
        if not self.is_mounted:
            # Still mounting: dismissing it now would tear it down half-built.
            self.call_later(self._leave, result)
            return AwaitComplete()
        return super().dismiss(result)

    def _leave(self, result: Any) -> None:  # noqa: ANN401 - as above
        # Returns nothing: `call_later` would await it, and a screen must not await its own removal.
        super().dismiss(result)


class Dialog(LeftOnce, ModalScreen[T]):
    """Shows a title, a body and a line of keys over the list.

    Being modal, it gets neither the list's bindings nor the app's: those it shares are repeated here.
    """

    # Loaded with the first dialog, so that the first frame does not wait for it.
    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "dismiss(None)", "close"),
        ("down", "scroll_by(1)", "down"),
        ("up", "scroll_by(-1)", "up"),
        ("pagedown", "scroll_pages(1)", "a page down"),
        ("pageup", "scroll_pages(-1)", "a page up"),
        ("ctrl+c", "app.copy_or_quit", "copy the selected text, else quit (press twice)"),
        ("ctrl+l", "app.draw_again", "draw the screen again"),
    ]

    SIZE: ClassVar[str] = ""
    """CSS classes, such as `small`."""
    LINES_AROUND: ClassVar[int] = 9
    """Lines that do not scroll: borders, margins, the title and two lines of keys."""

    body: Sequence[Widget] = ()

    def __init__(self, title: str, hint: str | Content) -> None:
        super().__init__()
        self._title = title
        self.hint = Line(muted(hint) if isinstance(hint, str) else hint, id="hint")

    def compose(self) -> ComposeResult:
        with Vertical(classes=f"dialog {self.SIZE}"):
            if self._title:
                yield Line(Content.styled(self._title, "bold"))
            yield from self.body
            yield self.hint

    @property
    def room(self) -> int:
        """Return the number of lines that can scroll; on a low screen these include the usual blank lines."""
        height = self.app.size.height
        if height < LOW_LINES:
            return max(1, height - self.LINES_AROUND + _FREE_LINES)
        return max(2, height * 9 // 10 - self.LINES_AROUND)

    def on_resize(self) -> None:
        self.set_class(self.app.size.height < LOW_LINES, "-low")
        self.set_class(self.app.size.width < FRAMED_CELLS, "-slim")
        for scrolled in self.query("VerticalScroll, OptionList"):
            if scrolled.styles.is_auto_height:
                scrolled.styles.max_height = self.room

    def action_scroll_by(self, lines: int) -> None:
        for scrolled in self.query(VerticalScroll):
            # Deferred and not animated, so that each key in a burst scrolls on from where the last one ended.
            self.call_after_refresh(scrolled.scroll_relative, y=lines, animate=False, immediate=True)

    def action_scroll_pages(self, pages: int) -> None:
        for scrolled in self.query(VerticalScroll):
            # Pages overlap by one line.
            self.action_scroll_by(pages * max(1, scrolled.size.height - 1))


class TextDialog(Dialog[None]):
    """Shows a text that scrolls."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("q,enter", "dismiss(None)", "close"),
        ("j", "scroll_by(1)", "down"),
        ("k", "scroll_by(-1)", "up"),
        ("space", "scroll_pages(1)", "a page down"),
        ("g,home", "scroll_pages(-100_000)", "to the start"),
        ("G,end", "scroll_pages(100_000)", "to the end"),
    ]

    def __init__(self, title: str, hint: str, *texts: Widget) -> None:
        super().__init__(title, hint)
        self.scroll = VerticalScroll(*texts, can_focus=False)
        self.body = (self.scroll,)


class SearchedText(TextDialog):
    """Searches a text: `/` focuses the box, Enter returns to the text, Esc ends the search."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        # With priority, so that these keys and the letters typed into the box are handled in typing order.
        Binding("escape", "leave", "close", priority=True),
        Binding("slash", "search", "search", priority=True),
    ]

    def __init__(self, title: str, hint: str, *texts: Widget) -> None:
        super().__init__(title, hint, *texts)
        self.box = TextBox(placeholder="/ to search", select_on_focus=False, classes="search")
        self.body = (self.box, self.scroll)

    def on_input_submitted(self) -> None:
        self.set_focus(None)

    def action_search(self) -> None:
        self.set_focus(self.box)

    def action_leave(self) -> None:
        if self.box.has_focus or self.box.value:
            self.box.value = ""
            self.set_focus(None)
        else:
            self.dismiss(None)


class FittedText(Widget):
    """Lays a text out for the available width."""

    DEFAULT_CSS = "FittedText { height: auto; }"

    def __init__(self, fitted: Callable[[int], Content]) -> None:
        """`fitted` returns the text laid out for a width in cells."""
        super().__init__()
        self._fitted = fitted

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002 - Textual's
        return self._fitted(width).plain.count("\n") + 1

    def render(self) -> Content:
        return self._fitted(self.content_size.width)


class ChoiceList(OptionList):
    """Lists options, whose text is never parsed as markup."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("j", "cursor_down", "down"),
        ("k", "cursor_up", "up"),
        ("g", "first", "to the start"),
        ("G", "last", "to the end"),
    ]

    def __init__(self, *options: Option) -> None:
        super().__init__(*options, markup=False)

    # Textual raises KeyError if no line has been drawn yet, as in a terminal with no room for the list.

    def action_page_up(self) -> None:
        with suppress(KeyError):
            super().action_page_up()  # type: ignore[no-untyped-call] # Textual's

    def action_page_down(self) -> None:
        with suppress(KeyError):
            super().action_page_down()  # type: ignore[no-untyped-call] # Textual's


class Choices(Dialog[T | None]):
    """Offers a list to choose from with Enter or the mouse. Dismissed with the value of the chosen option."""

    BINDINGS: ClassVar[list[BindingType]] = [("q", "dismiss(None)", "close")]

    def __init__(self, title: str, hint: str, choices: Iterable[tuple[T, Option]]) -> None:
        super().__init__(title, hint)
        self._values, options = zip(*choices, strict=True)
        self.list = ChoiceList(*options)
        self.body = (self.list,)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._values[event.option_index])


def muted(text: str) -> Content:
    """Return a text in the colour of hints."""
    return Content.styled(text, "$text-muted")
