"""Small dialogs: a question, a choice among links or orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from taskdash.domain.query import SortKey
from taskdash.results.links import UnsafeLinkError, checked_url
from taskdash.ui.detail_text import MAX_LINKS_SHOWN
from taskdash.ui.screens.dialog import Choices, Dialog
from taskdash.ui.widgets.lines import Line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType


SORT_TITLES: Final = {
    SortKey.ADDED: "last added first",
    SortKey.STATE: "state: new, waiting, success, fail",
    SortKey.LABEL: "label",
    SortKey.MODEL: "model",
    SortKey.COST: "costTime, quickest first",
    SortKey.CREATED: "createTime, oldest first",
    SortKey.CHECKED: "last check, oldest first",
    SortKey.ID: "task ID",
}
MAX_LINK_CHARS: Final = 84
"""What stands on one line of the dialog, where the terminal is wide enough for it."""
MIN_LINK_CHARS: Final = 16
_LINK_FRAME_CELLS: Final = 14
"""What else the line has: borders, margins, the number, a scroll bar."""


class Confirm(Dialog[bool]):
    """A question that only y answers with yes. Enter is no answer, so a stray one does no harm."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("y", "dismiss(True)", "yes"),
        ("n,escape,q", "dismiss(False)", "no"),
    ]

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """The question and its two answers."""
        with Vertical(classes="dialog small"):
            yield Static(Content(self._question))
            yield Line(
                Content.assemble(("y", "bold $text-accent"), " yes   ", ("n", "bold $text-accent"), " no")
            )


class ChooseLink(Dialog[int | None]):
    """Several result links: which one to open. Dismissed with its index from 0.

    Of very many only the first are shown, as in the detail.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q", "dismiss(None)", "close"),
        ("j", "down", "down"),
        ("k", "up", "up"),
        *((str(n), f"number({n})", f"link {n}") for n in range(1, 10)),
    ]

    def __init__(self, urls: Sequence[str]) -> None:
        super().__init__()
        self._urls = urls

    def compose(self) -> ComposeResult:
        """The numbered links."""
        more = len(self._urls) - MAX_LINKS_SHOWN
        rest = f"{more:,} more in `taskdash show`. " if more > 0 else ""
        room = max(MIN_LINK_CHARS, min(MAX_LINK_CHARS, self.app.size.width * 9 // 10 - _LINK_FRAME_CELLS))
        with Vertical(classes="dialog"):
            yield Line(Content.styled("Open which result?", "bold"))
            yield Choices(
                *(_link_option(n, url, room) for n, url in enumerate(self._urls[:MAX_LINKS_SHOWN], 1)),
            )
            yield Line(Content.styled(f"{rest}Enter or its number opens, Esc closes", "$text-muted"))

    def action_down(self) -> None:
        """The next link."""
        self.query_one(Choices).action_cursor_down()

    def action_up(self) -> None:
        """The link before."""
        self.query_one(Choices).action_cursor_up()

    def action_number(self, number: int) -> None:
        """Choose by number."""
        if number <= len(self._urls):
            self.dismiss(number - 1)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Choose with Enter or the mouse."""
        self.dismiss(event.option_index)


def _link_option(number: int, url: str, room: int) -> Option:
    try:
        checked_url(url)
        why = ""
    except UnsafeLinkError as error:
        why = f" (is not opened: {error})"
    shown = _shortened(url, room) if len(url) > room else url
    return Option(Content.assemble((f"{number:>2}  ", "$text-accent bold"), shown, (why, "$text-muted")))


def _shortened(url: str, room: int) -> str:
    """A long link by what tells it from others: its host and the end of its path, without the signature after it."""
    path, mark, _ = url.partition("?")
    room -= 2 * bool(mark)
    if len(path) > room:
        half = room // 2
        path = f"{path[: room - half - 1]}…{path[-half:]}"
    return f"{path}?…" if mark else path


class ChooseSort(Dialog[SortKey | None]):
    """By what to sort; the order in use is where the cursor begins."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q,s", "dismiss(None)", "close"),
        ("j", "down", "down"),
        ("k", "up", "up"),
    ]

    def __init__(self, current: SortKey) -> None:
        super().__init__()
        self._current = current

    def compose(self) -> ComposeResult:
        """The orders."""
        with Vertical(classes="dialog small"):
            yield Line(Content.styled("Sort by", "bold"))
            yield Choices(*(Option(Content(SORT_TITLES[key])) for key in SortKey))
            yield Line(Content.styled("Enter sorts, S reverses later, Esc closes", "$text-muted"))

    def on_mount(self) -> None:
        """Begin at the order in use."""
        for choices in self.query(Choices):  # none where Esc has come by already
            choices.highlighted = list(SortKey).index(self._current)

    def action_down(self) -> None:
        """The next order."""
        self.query_one(Choices).action_cursor_down()

    def action_up(self) -> None:
        """The order before."""
        self.query_one(Choices).action_cursor_up()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Choose with Enter or the mouse."""
        self.dismiss(list(SortKey)[event.option_index])
