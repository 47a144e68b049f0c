"""The first start, with no config and no key: set a key, look around in the demo, or go on without."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.content import Content
from textual.widgets import Input, Static

from taskdash.domain.errors import TaskdashError
from taskdash.ui.pasting import MAX_LINE_CHARS
from taskdash.ui.screens.dialog import Dialog, muted
from taskdash.ui.widgets.bars import Line
from taskdash.ui.widgets.filter_box import TextBox

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from taskdash.ui.app import Dashboard

_WHAT = """\
taskdash keeps the IDs of your image jobs, checks on them within your key's rate limit, and shows what became of them. \
It never creates, cancels or pays for a task."""
_HINT = muted("Esc goes on without: the list works, nothing is checked")
_KEY_HINT = muted("Enter keeps it, Esc goes back")
_KEEPING = muted("One moment ...")


class _KeyInput(TextBox):
    """A text box that takes a paste whole, and instead of what it held: the first line of a mail is no key."""

    takes_every_paste = True

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self.value = " ".join(event.text[:MAX_LINE_CHARS].split())


class Welcome(Dialog[None]):
    """A short welcome."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "leave", "go on without"),
        ("k,1", "key", "set a key"),
        ("d,2", "demo", "the demo"),
    ]

    def __init__(self, place: str, variable: str) -> None:
        """`place` is where a key would be written to, `variable` what else may hold it."""
        super().__init__("Welcome to taskdash", _HINT)
        self._place, self._variable = place, variable
        self._what = Static(Content(f"\n{_WHAT}"))
        self._ways = Static(self._choices())
        self._box: Input | None = None
        """There only while a key is typed: letters are for the box, else."""
        self._is_keeping = False
        self._error = Line(id="key-error")

    def compose_body(self) -> ComposeResult:
        """Yield what it is and what there is to choose."""
        yield self._what
        yield self._ways
        yield self._error

    def on_mount(self) -> None:
        """Hide the error: nothing is wrong yet."""
        self._error.display = False

    def _choices(self) -> Content:
        return Content.assemble(
            ("\nk", "bold $text-accent"),
            "  set your API key; it is kept in\n",
            (f"   {self._place}\n", "$text-muted"),
            ("   which only you can read. Or leave here, and start again with\n", "$text-muted"),
            (f"   it in {self._variable}: then nothing is written.\n\n", "$text-muted"),
            ("d", "bold $text-accent"),
            "  look around in the demo: no key, no network\n",
        )

    async def action_key(self) -> None:
        if self._box is not None:
            return
        # On 24 lines there is not room for both.
        self._what.display = False
        self._box = _KeyInput(placeholder="your API key", password=True, id="key")
        await self.mount(self._box, before=self._error)
        self._box.focus()
        self.hint.show(_KEY_HINT)

    def action_demo(self) -> None:
        cast("Dashboard", self.app).leave_for_demo()

    async def action_leave(self) -> None:
        """Go from the box back to the choice, from there to the list."""
        if self._is_keeping:
            return
        if self._box is None:
            self.dismiss(None)
            return
        await self._box.remove()
        self._box = None
        self._error.display, self._what.display = False, True
        self.hint.show(_HINT)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the key and begin with it."""
        event.stop()
        if self._is_keeping:
            return
        self._is_keeping = True
        self._error.display = False
        self.hint.show(_KEEPING)
        # Not waited for: nothing of this would be drawn before it is done.
        self.run_worker(self._keep(event.value), group="key")

    async def _keep(self, text: str) -> None:
        try:
            await cast("Dashboard", self.app).use_key(text)
        except TaskdashError as error:
            self._error.display = True
            self._error.show(Content.styled(str(error), "$text-error"))
            self.hint.show(_KEY_HINT)
            self._is_keeping = False
