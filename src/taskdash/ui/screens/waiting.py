"""What is shown before the list can be: another program has it locked, or it is being mended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from taskdash.domain.untrusted import inert_line
from taskdash.ui.key_names import key_name
from taskdash.ui.store_trouble import sentence

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events
    from textual.app import ComposeResult

    from taskdash.ui.desk import Desk

LOOK_S: Final = 0.1
_OPENING: Final = "Opening the list ..."
_LOCKED: Final = "Another program has locked the list: waiting for it."


class Waiting(Screen[None]):
    """Says what is waited for. Of the keys only those that quit or stop do something."""

    DEFAULT_CSS = """
    Waiting { align: center middle; }
    Waiting > Static { width: auto; max-width: 90%; text-align: center; }
    """

    def __init__(self, desk: Desk, mending: Callable[[], str]) -> None:
        """`mending` returns what is being done to the list, "" where nothing is."""
        super().__init__()
        self._desk = desk
        self._mending = mending
        self._text = Static()
        self.pasted: list[str] = []
        """What is for the list, once that is there."""

    def compose(self) -> ComposeResult:
        """The text."""
        yield self._text

    def on_mount(self) -> None:
        """Look from time to time what it waits for."""
        self._look()
        self.set_interval(LOOK_S, self._look)

    def _look(self) -> None:
        what = _LOCKED if self._desk.store.is_waiting else _OPENING
        if mending := self._mending():
            what = sentence(inert_line(mending))
        lines = [Content(what)]
        if keys := self._desk.keymap["quit"]:
            lines.append(Content.styled(f"{key_name(keys[0])} quits", "$text-muted"))
        if self.pasted:
            lines.append(Content("What you pasted is kept until then."))
        self._text.update(Content("\n\n").join(lines))

    def on_key(self, event: events.Key) -> None:
        """Leave, or be stopped."""
        keymap = self._desk.keymap
        if event.key in (*keymap["quit"], *keymap["copy_or_quit"]):
            event.prevent_default()
            self.app.exit()
        elif event.key in keymap["suspend"]:
            self.app.action_suspend_process()

    def on_paste(self, event: events.Paste) -> None:
        """Keep it: IDs in it are all that is known of paid work."""
        event.stop()
        self.pasted.append(event.text)
        self._look()
