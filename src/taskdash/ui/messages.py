"""Shows messages to the user, such as how an act went, and keeps them.

Errors and finished batches are toasts. Everything else is a line above the footer, which the next one replaces.
"""

from __future__ import annotations

from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from textual.content import Content

from taskdash.ui.widgets.bars import MessageLine

if TYPE_CHECKING:
    from taskdash.ui.app import Dashboard

LINE_S: Final = 6.0
"""How long a line stays, unless another one replaces it."""
TOAST_S: Final = 8.0
ROWS_FOR_A_TOAST: Final = 12
"""One toast is allowed per this many rows of the terminal: two on 24 rows, three on 36."""
UNTIL_A_KEY_S: Final = 10_000_000.0
"""Effectively forever."""
QUIT_S: Final = 4.0
"""How soon after the first Ctrl+C a second one must come to quit."""
MAX_KEPT: Final = 500

Severity = Literal["information", "warning", "error"]


class Feedback(NamedTuple):
    """Tells the user how something went, and what to copy, if anything."""

    text: str
    severity: Severity = "information"
    copy: str | None = None
    """A text for the clipboard; how it was copied is appended to `text`."""
    what: str = ""
    """The name of the copied text, to start a sentence with: `2 links`."""
    more: str = ""
    """Appended after how it was copied, with its own leading separator."""


def warning(text: str) -> Feedback:
    """Return feedback on something that could not be done, and why."""
    return Feedback(text, "warning")


def copied(text: str, what: str, more: str = "") -> Feedback:
    """Return feedback that has `text` copied; `what` names it in the message."""
    return Feedback(f"Copied {what}", copy=text, what=what, more=more)


class Message(NamedTuple):
    """Keeps what the user was told, and when."""

    at_ms: int
    text: str
    severity: Severity
    more: str = ""
    """Shown with it only in the list of all messages: a program's output."""


class Messages:
    """Shows the messages of this run, and keeps them, oldest first."""

    def __init__(self, app: Dashboard) -> None:
        self._app = app
        self.kept: deque[Message] = deque(maxlen=MAX_KEPT)
        self._read_at_s: float | None = None
        """From when on a key dismisses the toasts, as they could be read by then; None: none waits for a key."""
        self._toasts: list[tuple[Message, float]] = []
        """The messages on screen as toasts, oldest first, and until when each stays, by the monotonic clock."""
        self._are_renewed = False
        """Whether a call that shows all of them again is scheduled."""
        self._asked_at_s = -QUIT_S

    def tell(
        self, text: str, severity: Severity = "information", *, is_batch: bool = False, more: str = ""
    ) -> None:
        """Show a message, and keep it; the list of all messages shows `more` with it.

        Errors are toasts. So is what is about many tasks (`is_batch`), and waits for a key unless it is information.
        """
        message = self.keep(text, severity, more)
        if severity != "error" and not is_batch:
            self.show_line(text, severity, LINE_S)
            return
        now_s, waits = monotonic(), is_batch and severity != "information"
        if waits or self._read_at_s is not None:
            self._read_at_s = now_s + TOAST_S / 2
        for_s = UNTIL_A_KEY_S if waits else TOAST_S
        self._toasts = [each for each in self._toasts if each[1] > now_s]
        self._toasts.append((message, now_s + for_s))
        # Drop the oldest if they would cover the screen.
        most = max(1, self._app.size.height // ROWS_FOR_A_TOAST)
        if len(self._toasts) > most:
            del self._toasts[:-most]
            if not self._are_renewed:
                self._are_renewed = True
                # Textual shows a toast with a delay, and can remove only those that are shown.
                self._app.call_later(self._renew_toasts)
        elif not self._are_renewed:
            self._notify(message, for_s)

    def _renew_toasts(self) -> None:
        self._are_renewed = False
        self._app.clear_notifications()
        for message, until_s in self._toasts:
            self._notify(message, until_s - monotonic())

    def _notify(self, message: Message, for_s: float) -> None:
        self._app.notify(message.text, severity=message.severity, markup=False, timeout=for_s)

    def keep(self, text: str, severity: Severity, more: str = "") -> Message:
        """Keep a message without showing it, as something else on the screen says as much."""
        self.kept.append(Message(self._app.context.clock.now_ms(), text, severity, more))
        return self.kept[-1]

    def show_line(self, text: str, severity: Severity, for_s: float) -> None:
        """Show a line on the list and on the screen on top of it, without keeping it as a message."""
        style = "$text-warning" if severity == "warning" else ""
        content = Content.styled(" ".join(text.split()), style)
        stack = self._app.screen_stack
        for screen in {stack[0], stack[-1]} if stack else ():
            if not screen.is_attached or not screen.is_running:
                continue
            line = next(iter(screen.query(MessageLine)), None)
            if line is None:
                keys = next(iter(screen.query("#keys")), None)
                line = MessageLine()
                line.set_class(keys is None, "-over")
                screen.mount(line, before=keys)
            line.tell(content, for_s)

    def key_pressed(self) -> None:
        """Dismiss the toasts, if one waits for a key and there was time to read it."""
        if self._read_at_s is not None and monotonic() >= self._read_at_s:
            self._read_at_s = None
            self._toasts.clear()
            self._app.clear_notifications()

    def quits(self, key: str) -> bool:
        """Return whether `key` was also pressed a moment ago; if not, ask the user to press it again."""
        before_s, self._asked_at_s = self._asked_at_s, monotonic()
        if self._asked_at_s - before_s < QUIT_S:
            return True
        again = key.title() if "+" in key else key
        self.show_line(f"Press {again} again to quit", "information", QUIT_S)
        return False
