"""The demo's guided tour: a few lines over the footer that say what to try, and go on when it was done.

Nothing is in the way: every key works as always, `n` passes over a step, Esc leaves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from taskdash.domain.task import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from taskdash.ui.screens.main import MainScreen

LOOK_EVERY_S: Final = 0.2


class _Step(NamedTuple):
    text: str
    is_done: Callable[[MainScreen], bool] = lambda _: False


def _dialog(name: str) -> Callable[[MainScreen], bool]:
    return lambda main: type(main.app.screen).__name__ == name


STEPS: Final = (
    _Step("New here? Press n for a one-minute tour, Esc to skip."),
    _Step(
        "Each line is a task. Press ↓ or j: the detail pane follows the cursor.",
        lambda main: main.table.task_at_cursor != main.table.window.row(0),
    ),
    _Step(
        "[ and ] switch tabs. Go to the Fail tab.",
        lambda main: main.table.wanted.states == frozenset({State.FAIL}),
    ),
    _Step(
        "Press F to group failures by reason. Enter shows the tasks, Esc closes.",
        _dialog("Failures"),
    ),
    _Step(
        "/ filters as you type: try lighthouse or state:success. Esc clears the filter.",
        lambda main: bool(main.table.wanted.terms) and "reason:" not in main.filter_text,
    ),
    _Step("Finished tasks show their picture here (i hides it). o opens the result, d saves it."),
    _Step("Paste any text that contains task IDs, such as a log. Or press a to type one.", _dialog("AddIds")),
    _Step("That's it. Press ? for all keys. n or Esc ends the tour."),
)


class Tour(Static):
    """Where the tour is."""

    OWN_KEY: ClassVar = (
        "Demo: nothing is saved. To use your own key: export AIGPTIMAGE_API_KEY=..., then taskdash"
    )
    """What stands at the top of the list once it was left."""

    DEFAULT_CSS = "Tour { height: auto; padding: 0 1; background: $accent-muted; color: $text; }"

    class Left(Message):
        """The tour is over, or was not wanted."""

    def __init__(self, main: MainScreen) -> None:
        super().__init__(id="tour")
        self._main = main
        self._at = 0

    def on_mount(self) -> None:
        self._show()
        self.set_interval(LOOK_EVERY_S, self._look)

    def _look(self) -> None:
        # Past the last step it is over, and goes with the next message.
        if self._at < len(STEPS) and STEPS[self._at].is_done(self._main):
            self.go_on()

    def go_on(self) -> None:
        """Show the next step, or end."""
        self._at += 1
        if self._at < len(STEPS):
            self._show()
        else:
            self.post_message(self.Left())

    def _show(self) -> None:
        number = f"Tour {self._at}/{len(STEPS) - 1}  " if self._at else "Demo  "
        after = "   n: next, Esc: leave" if 0 < self._at < len(STEPS) - 1 else ""
        self.update(Content.assemble((number, "bold"), STEPS[self._at].text, (after, "$text-muted")))
