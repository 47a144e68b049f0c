"""Shows what comes before the list: the welcome at the first start, and the wait for the list to open.

At the first start there is no config and no key: the user sets a key, tries the demo, or continues without one.
"""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, ClassVar, Final

from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input, Static

from taskdash.domain.errors import TaskdashError
from taskdash.domain.untrusted import inert_line
from taskdash.ui.screens.dialog import LOW_LINES, Dialog, FittedText, muted
from taskdash.ui.terminal import MAX_LINE_CHARS
from taskdash.ui.widgets.bars import Line
from taskdash.ui.widgets.filter_box import TextBox

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from taskdash.ui.app import Dashboard
    from taskdash.ui.context import Context

_WHAT = """\
taskdash keeps your task IDs, checks on them within your key's rate limit, and shows what became of them. \
It never creates, cancels or pays for a task."""
_HINT = muted("Esc to continue without a key (nothing will be checked)")
_KEY_HINT = muted("Enter saves it, Esc goes back")
_KEEPING = muted("One moment ...")
_MARGIN: Final = "   "
_LEAST_CELLS: Final = 8
LOOK_S: Final = 0.1
_OPENING: Final = "Opening the list ..."
_LOCKED: Final = "Another program has locked the list. Waiting for it ..."


class Welcome(Dialog[None]):
    """Welcomes the user, who can set a key or open the demo."""

    app: Dashboard
    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "leave", "go on without"),
        ("k,1", "key", "set a key"),
        ("d,2", "demo", "the demo"),
    ]

    def __init__(self, context: Context) -> None:
        super().__init__("Welcome to taskdash", _HINT)
        self._place, self._variable = inert_line(str(context.config_path)), context.key_variable
        self._what = Static(Content(f"\n{_WHAT}"))
        self._ways = FittedText(self._choices)
        self._box: Input | None = None
        """Present only while a key is entered, as it takes all letters."""
        self._is_keeping = False
        self._error = Line(id="key-error")
        self._error.display = False
        self.body = (self._what, self._ways, self._error)

    def _choices(self, width: int) -> Content:
        keep = f"enter your API key (saved to {self._place}, readable only by you). "
        keep += f"To keep it off disk, quit and set {self._variable} instead."
        ways = (("k", keep), ("d", "open the demo: no key, no network"))
        lines = [Content("")]
        for key, does in ways:
            first, *others = wrap(does, max(_LEAST_CELLS, width - len(_MARGIN)), break_on_hyphens=False)
            lines.append(Content.assemble((key, "bold $text-accent"), f"{_MARGIN[1:]}{first}"))
            lines += [*(Content(f"{_MARGIN}{other}") for other in others), Content("")]
        return Content("\n").join(lines[:-1])

    async def action_key(self) -> None:
        if self._box is not None:
            return
        # On 24 lines there is no room for both.
        self._what.display = False
        self._ways.display = self.app.size.height >= LOW_LINES
        self._box = TextBox(placeholder="your API key", password=True, id="key")
        self._box.take_paste = self._take_paste
        await self.mount(self._box, before=self._error)
        self._box.focus()
        self.hint.show(_KEY_HINT)

    def _take_paste(self, text: str) -> None:
        # Replace the input with the whole paste: the first line of a mail is not a key.
        if self._box is not None:
            self._box.value = " ".join(text[:MAX_LINE_CHARS].split())

    def action_demo(self) -> None:
        self.app.wants_demo = True
        self.app.exit()

    async def action_leave(self) -> None:
        if self._is_keeping:
            return
        if self._box is None:
            self.dismiss(None)
            return
        await self._box.remove()
        self._box = None
        self._error.display = False
        self._what.display = self._ways.display = True
        self.hint.show(_HINT)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self._is_keeping:
            return
        self._is_keeping = True
        self._error.display = False
        self.hint.show(_KEEPING)
        # In a worker: awaited here, none of this would be drawn until it is done.
        self.run_worker(self._keep(event.value), group="key")

    async def _keep(self, text: str) -> None:
        try:
            await self.app.use_key(text)
        except TaskdashError as error:
            self._error.display = True
            self._error.show(Content.styled(str(error), "$text-error"))
            self.hint.show(_KEY_HINT)
            self._is_keeping = False


class Waiting(Screen[None]):
    """Waits until the list is open. Only the quit and suspend keys work."""

    app: Dashboard
    DEFAULT_CSS = """
    Waiting { align: center middle; }
    Waiting > Static { width: auto; max-width: 90%; text-align: center; }
    """

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self._text = Static()
        self.pasted: list[str] = []

    def compose(self) -> ComposeResult:
        yield self._text

    def on_mount(self) -> None:
        self._look()
        self.set_interval(LOOK_S, self._look)

    def _look(self) -> None:
        what = _LOCKED if self.context.store.is_waiting else _OPENING
        lines = [Content(what)]
        if key := self.context.key_of("quit"):
            lines.append(muted(f"{key} quits"))
        if self.pasted:
            lines.append(Content("What you pasted will be added then."))
        self._text.update(Content("\n\n").join(lines))

    def on_key(self, event: events.Key) -> None:
        keymap = self.context.keymap
        if event.key in (*keymap["quit"], *keymap["copy_or_quit"]):
            event.prevent_default().stop()
            if event.key in keymap["quit"] or self.app.messages.quits(event.key):
                self.app.exit()
        elif event.key in keymap["suspend"]:
            self.app.action_suspend_process()

    def on_paste(self, event: events.Paste) -> None:
        """Keep the paste: its IDs may be the only trace of paid work."""
        event.stop()
        self.pasted.append(event.text)
        self._look()
