"""Asks small questions: yes or no, sort order, columns, result link, what to copy, label and note."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding
from textual.content import Content
from textual.widgets import Static
from textual.widgets.option_list import Option

from taskdash.domain.query import SortKey
from taskdash.domain.words import plural
from taskdash.results.links import shortened_url
from taskdash.ui.screens.dialog import ChoiceList, Choices, Dialog
from taskdash.ui.text.columns import COLUMNS
from taskdash.ui.text.detail import MAX_LINKS_SHOWN, not_opened
from taskdash.ui.widgets.filter_box import TextBox

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from textual.binding import BindingType
    from textual.widgets import Input, OptionList

    from taskdash.config.settings import View
    from taskdash.domain.task import Task
    from taskdash.ui.copying import Choice

TAKE_AWAY: Final = "-"
"""Typed to remove the labels or notes of tasks where they differ: an empty box keeps them."""
SORT_TITLES: Final = {
    SortKey.ADDED: "newest first",
    SortKey.STATE: "state: new, waiting, success, fail",
    SortKey.LABEL: "label",
    SortKey.MODEL: "model",
    SortKey.COST: "duration, fastest first",
    SortKey.CREATED: "created, oldest first",
    SortKey.CHECKED: "checked, oldest first",
    SortKey.ID: "ID",
    SortKey.CREDITS: "credits, fewest first",
}
MAX_LINK_CHARS: Final = 84
"""How much fits on one line of the dialog in a wide terminal."""
MIN_LINK_CHARS: Final = 16
_LINK_FRAME_CELLS: Final = 14
"""The width of borders, margins, the number and a scroll bar."""
MIN_CELLS: Final = 3
MAX_CELLS: Final = 200
FLEXIBLE_CELLS: Final = 40
"""The width from which a column without a default width is resized."""
_COLUMN_KEYS: Final = (
    (("Space", "show or hide"), ("J K", "move"), ("← →", "width")),
    (("0", "auto width"), ("r", "reset")),
    (("Enter", "apply"), ("Esc", "cancel")),
)


class Confirm(Dialog[bool]):
    """Asks yes or no. Only `y` means yes; Enter is not an answer, so a stray one does no harm."""

    SIZE = "small"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("y", "dismiss(True)", "yes"),
        ("n,escape,q", "dismiss(False)", "no"),
    ]

    def __init__(self, question: str) -> None:
        answers = Content.assemble(("y", "bold $text-accent"), " yes   ", ("n", "bold $text-accent"), " no")
        super().__init__("", answers)
        self.body = (Static(Content(question)),)


class ChooseSort(Choices[SortKey]):
    """Asks for the sort order, with the cursor on the current one."""

    SIZE = "small"
    BINDINGS: ClassVar[list[BindingType]] = [("s", "dismiss(None)", "close")]

    def __init__(self, current: SortKey) -> None:
        super().__init__(
            "Sort by",
            "Enter sorts, Esc closes. S reverses the order",
            [(key, Option(Content(SORT_TITLES[key]))) for key in SortKey],
        )
        self.list.highlighted = list(SortKey).index(current)


class ChooseLink(Choices[int]):
    """Asks which result link to open. Dismissed with its index, from 0.

    Only the first `MAX_LINKS_SHOWN` are listed, as in the detail pane.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        (str(number), f"number({number})", f"link {number}") for number in range(1, 10)
    ]

    def __init__(self, urls: Sequence[str]) -> None:
        more = len(urls) - MAX_LINKS_SHOWN
        rest = f"{more:,} more in `taskdash show`. " if more > 0 else ""
        room = max(MIN_LINK_CHARS, min(MAX_LINK_CHARS, self.app.size.width * 9 // 10 - _LINK_FRAME_CELLS))
        options = []
        for number, url in enumerate(urls[:MAX_LINKS_SHOWN], 1):
            head = (f"{number:>2}  ", "$text-accent bold")
            options.append(Option(Content.assemble(head, shortened_url(url, room), not_opened(url))))
        hint = f"{rest}Number or Enter opens, Esc closes"
        super().__init__("Open which result?", hint, enumerate(options))
        self._count = len(urls)

    def action_number(self, number: int) -> None:
        if number <= self._count:
            self.dismiss(number - 1)


class CopyMenu(Choices[str]):
    """Asks what to copy. Dismissed with the letter of the choice."""

    LINES_AROUND: ClassVar[int] = 13
    BINDINGS: ClassVar[list[BindingType]] = [(letter, f"choose('{letter}')", "copy") for letter in "ilparcnb"]

    def __init__(self, title: str, choices: Sequence[Choice]) -> None:
        width = max(len(choice.title) for choice in choices)
        super().__init__(
            title,
            "Press a letter, or Enter, to copy. Esc closes",
            [(choice.key, _option(choice, width)) for choice in choices],
        )
        self._choices = choices
        self._note = Static(Content(""), id="copy-note")
        self.body = (self.list, self._note)

    def action_choose(self, letter: str) -> None:
        choice = next(choice for choice in self._choices if choice.key == letter)
        if choice.reason:
            self._tell(choice)
        else:
            self.dismiss(letter)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        self._tell(self._choices[event.option_index])

    def _tell(self, choice: Choice) -> None:
        words = f"Nothing to copy: {choice.title}: {choice.reason}." if choice.reason else choice.note
        # The style sheet fixes its height, so that the dialog does not resize as the cursor moves.
        self._note.update(Content(words), layout=False)


def _option(choice: Choice, width: int) -> Option:
    head = f"{choice.title:<{width}}  "
    if choice.reason:
        return Option(Content(f"{choice.key}  {head}– {choice.reason}"), disabled=True)
    return Option(
        Content.assemble((f"{choice.key}  ", "$text-accent bold"), head, (choice.preview, "$text-muted"))
    )


class EditLabel(Dialog[tuple[str | None, str | None]]):
    """Asks for label and note. Dismissed with both, each "" to remove it or None to keep the current one."""

    SIZE = "small"
    BINDINGS: ClassVar[list[BindingType]] = [
        # With priority, so that letters typed after them go to the other box.
        Binding("tab,down", "app.focus_next", priority=True),
        Binding("shift+tab,up", "app.focus_previous", priority=True),
    ]

    def __init__(self, tasks: Sequence[Task]) -> None:
        of = f" of {plural(len(tasks), 'task')}" if len(tasks) > 1 else ""
        super().__init__(f"Label and note{of}", "Enter saves, Tab next field, Esc cancels")
        self._label_before = _shared([task.label for task in tasks])
        self._note_before = _shared([task.note for task in tasks])
        self._label = _box("label", self._label_before, max_length=200)
        self._note = _box("note", self._note_before)
        self.body = (self._label, self._note)

    def on_input_submitted(self) -> None:
        label = _typed(self._label.value, self._label_before)
        self.dismiss((label, _typed(self._note.value, self._note_before)))


def _shared(values: Sequence[str | None]) -> str | None:
    """Return the common value, "" if none is set, or None if they differ."""
    return (values[0] or "") if len(set(values)) == 1 else None


def _box(name: str, shared: str | None, max_length: int = 0) -> Input:
    differ = f"{name}s differ: leave empty to keep them, {TAKE_AWAY} removes them"
    hint = differ if shared is None else name
    return TextBox(shared or "", placeholder=hint, id=name, max_length=max_length, select_on_focus=False)


def _typed(text: str, shared: str | None) -> str | None:
    if shared is not None:
        return None if text == shared else text
    stripped = text.strip()
    return None if not stripped else "" if stripped == TAKE_AWAY else text


class ColumnList(ChoiceList):
    """Applies the dialog on Enter, whereas a click toggles a column."""

    BINDINGS: ClassVar[list[BindingType]] = [("enter", "screen.keep", "apply")]


class ChooseColumns(Dialog[tuple[tuple[str, ...], dict[str, int]] | None]):
    """Shows, hides, moves and resizes columns. Dismissed with their names and fixed widths; None on Esc."""

    SIZE = "small full"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("q,C", "dismiss(None)", "close"),
        ("space,x", "show_or_hide", "show or hide"),
        ("J,shift+down", "move(1)", "move down"),
        ("K,shift+up", "move(-1)", "move up"),
        ("left,h,minus", "widen(-1)", "narrower"),
        ("right,l,plus", "widen(1)", "wider"),
        ("0", "fit", "auto width"),
        ("r", "reset", "reset"),
    ]

    def __init__(self, view: View, first: View, drawn: Collection[str]) -> None:
        lines = [
            [Content.assemble((key, "bold $text-accent"), (f" {what}", "$text-muted")) for key, what in line]
            for line in _COLUMN_KEYS
        ]
        hint = Content("\n").join(Content("   ").join(line) for line in lines)
        super().__init__("Columns, left to right", hint)
        self._first, self._drawn, self._first_shown = first, drawn, view.columns
        self._follow(view)
        self._list = ColumnList(*(Option(self._text(name)) for name in self._order))
        self.body = (self._list,)

    def _follow(self, view: View) -> None:
        """List the columns that `view` shows, then the hidden ones."""
        self._order = [*view.columns, *(name for name in COLUMNS if name not in view.columns)]
        self._shown, self._widths = frozenset(view.columns), dict(view.widths)

    @property
    def _index(self) -> int:
        return self._list.highlighted or 0

    def _draw(self, index: int) -> None:
        for line, name in enumerate(self._order):
            self._list.replace_option_prompt_at_index(line, self._text(name))
        self._list.highlighted = index

    def _text(self, name: str) -> Content:
        shown, cells = name in self._shown, self._widths.get(name)
        width = plural(cells, "cell") if cells else "auto"
        if shown and name in self._first_shown and name not in self._drawn:
            width = "no room"
        return Content.assemble(
            (f"{'✓' if shown else ' '} {COLUMNS[name].title:<12}", "" if shown else "$text-muted"),
            (f"{'shown' if shown else 'hidden':<8}", "$text-accent" if shown else "$text-muted"),
            (width, "$text-muted"),
        )

    def action_show_or_hide(self) -> None:
        # The last visible column cannot be hidden.
        self._shown = self._shown ^ {self._order[self._index]} or self._shown
        self._draw(self._index)

    def on_option_list_option_selected(self) -> None:
        self.action_show_or_hide()

    def action_move(self, steps: int) -> None:
        index = max(0, min(self._index + steps, len(self._order) - 1))
        self._order.insert(index, self._order.pop(self._index))
        self._draw(index)

    def action_widen(self, cells: int) -> None:
        name = self._order[self._index]
        before = self._widths.get(name) or COLUMNS[name].widths[0] or FLEXIBLE_CELLS
        self._widths[name] = max(MIN_CELLS, min(before + cells, MAX_CELLS))
        self._draw(self._index)

    def action_fit(self) -> None:
        self._widths.pop(self._order[self._index], None)
        self._draw(self._index)

    def action_reset(self) -> None:
        self._follow(self._first)
        self._draw(0)

    def action_keep(self) -> None:
        self.dismiss((tuple(name for name in self._order if name in self._shown), self._widths))
