"""What every dialog has in common."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen
from textual.widgets import OptionList

if TYPE_CHECKING:
    from textual.binding import BindingType
    from textual.widgets.option_list import Option

T = TypeVar("T")


class Choices(OptionList):
    """A list in a dialog. What it shows is content, never text to parse."""

    def __init__(self, *options: Option, id: str | None = None) -> None:  # noqa: A002 - as Textual names it
        super().__init__(*options, markup=False, id=id)

    # Where no line of it was drawn yet, as in a terminal that has no room for it, Textual knows of no pages.

    def action_page_up(self) -> None:
        """A screen up."""
        with suppress(KeyError):
            super().action_page_up()  # type: ignore[no-untyped-call] # Textual's

    def action_page_down(self) -> None:
        """A screen down."""
        with suppress(KeyError):
            super().action_page_down()  # type: ignore[no-untyped-call] # Textual's


class Dialog(ModalScreen[T]):
    """A dialog. It is modal, so that neither the list's keys nor the app's reach it: those it shares are here."""

    # Read with the first dialog that is opened: the first frame has none.
    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("ctrl+c", "copy_or_quit", "copy the selected text, else quit"),
        ("ctrl+l", "app.draw_again", "draw the screen again"),
    ]

    LINES_AROUND: ClassVar[int] = 9
    """Borders and margins, the title and two lines of keys: what is to be seen beside all that scrolls."""

    _is_left = False

    def on_resize(self) -> None:
        """Leave what scrolls the lines that the rest does not need."""
        room = max(2, self.app.size.height * 9 // 10 - self.LINES_AROUND)
        for scrolled in self.query("VerticalScroll, OptionList"):
            if scrolled.styles.is_auto_height:
                scrolled.styles.max_height = room

    def dismiss(self, result: T | None = None) -> AwaitComplete:
        """Leave, once: what was typed too often would take the screen below away as well."""
        if self._is_left:
            return AwaitComplete()
        self._is_left = True
        if not self.is_mounted:
            # Its parts are on their way: it would be taken apart while it is put together.
            self.call_later(super().dismiss, result)
            return AwaitComplete()
        return super().dismiss(result)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        """Let no key act on parts that are not there yet, or not any more."""
        return action == "dismiss" or (self.is_mounted and self.is_attached)

    def action_copy_or_quit(self) -> None:
        """Copy what is selected; with nothing selected, quit."""
        selected = self.get_selected_text()
        if selected:
            self.app.copy_to_clipboard(selected)
            self.clear_selection()
        else:
            self.app.exit()
