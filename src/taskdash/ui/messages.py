"""Tells the user one thing at a time, and keeps what was told.

Errors and batches that ended are toasts. Everything else is a line over the footer, which the next one replaces.
"""

from __future__ import annotations

from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple

from textual.content import Content

from taskdash.ui.widgets.bars import MessageLine

if TYPE_CHECKING:
    from taskdash.ui.acts import Severity
    from taskdash.ui.app import Dashboard

LINE_S: Final = 6.0
"""How long a line stands, unless another one replaces it."""
TOAST_S: Final = 8.0
ROWS_FOR_A_TOAST: Final = 12
"""Of so many rows of the terminal a toast may cover some: of 24 there are two, of 36 three."""
UNTIL_A_KEY_S: Final = 10_000_000.0
"""No dashboard runs so long without a key."""
QUIT_S: Final = 4.0
"""How long after the first Ctrl+C the second one quits."""
MAX_KEPT: Final = 500


class Message(NamedTuple):
    """Holds a message that was shown."""

    at_ms: int
    text: str
    severity: Severity
    more: str = ""
    """What is shown with it where all messages are: the output of a program."""


class Toast(NamedTuple):
    """A message that stands over the screen, and until when, by the clock that only goes on."""

    text: str
    severity: Severity
    until_s: float


class Messages:
    """The messages of this run, oldest first, and how each one is shown."""

    def __init__(self, app: Dashboard) -> None:
        self._app = app
        self.kept: deque[Message] = deque(maxlen=MAX_KEPT)
        self._read_at_s: float | None = None
        """When the toasts that wait for a key, and those beside them, have stood long enough for one to mean them."""
        self._toasts: list[Toast] = []
        """Those that stand, oldest first."""
        self._are_renewed = False
        """Whether they are about to be shown anew."""
        self._asked_at_s = -QUIT_S

    def tell(
        self, text: str, severity: Severity = "information", *, is_batch: bool = False, more: str = ""
    ) -> None:
        """Tell one thing.

        Args:
            text: what.
            severity: how bad it is.
            is_batch: whether it is of many tasks; it waits for a key where some of them failed.
            more: what is shown with it where all messages are.
        """
        self.keep(text, severity, more)
        if severity != "error" and not is_batch:
            self.show_line(text, severity, LINE_S)
            return
        waits = is_batch and severity != "information"
        if waits or self._read_at_s is not None:
            self._read_at_s = monotonic() + TOAST_S / 2
        self._show_toast(text, severity, UNTIL_A_KEY_S if waits else TOAST_S)

    def _show_toast(self, text: str, severity: Severity, for_s: float) -> None:
        """Show one more toast; where they would cover the screen, the oldest goes."""
        now_s = monotonic()
        self._toasts = [each for each in self._toasts if each.until_s > now_s]
        self._toasts.append(Toast(text, severity, now_s + for_s))
        most = max(1, self._app.size.height // ROWS_FOR_A_TOAST)
        if len(self._toasts) > most:
            del self._toasts[:-most]
            if not self._are_renewed:
                self._are_renewed = True
                # Textual shows a toast a moment after it is told to: only what it shows can be taken away.
                self._app.call_later(self._renew_toasts)
        elif not self._are_renewed:
            self._notify(self._toasts[-1], for_s)

    def _renew_toasts(self) -> None:
        self._are_renewed = False
        self._app.clear_notifications()
        for each in self._toasts:
            self._notify(each, each.until_s - monotonic())

    def _notify(self, toast: Toast, for_s: float) -> None:
        self._app.notify(toast.text, severity=toast.severity, markup=False, timeout=for_s)

    def keep(self, text: str, severity: Severity, more: str = "") -> None:
        """Have it among the messages without showing it now: something else on the screen says as much."""
        self.kept.append(Message(self._app.context.clock.now_ms(), text, severity, more))

    def show_line(self, text: str, severity: Severity, for_s: float) -> None:
        """Show a line on the list, and on what lies over it; what it says is not kept."""
        style = "$text-warning" if severity == "warning" else ""
        content = Content.styled(" ".join(text.split()), style)
        stack = self._app.screen_stack
        for screen in {stack[0], stack[-1]} if stack else ():
            if not screen.is_attached or not screen.is_running:
                continue
            line = next(iter(screen.query(MessageLine)), None)
            if line is None:
                keys = next(iter(screen.query("#keys")), None)
                line = MessageLine(classes=None if keys else "-over")
                screen.mount(line, before=keys)
            line.tell(content, for_s)

    def key_pressed(self) -> None:
        """Take away the toasts that wait for a key, once there was time to read them."""
        if self._read_at_s is not None and monotonic() >= self._read_at_s:
            self._read_at_s = None
            self._toasts.clear()
            self._app.clear_notifications()

    def quits(self, key: str) -> bool:
        """Return whether `key` was pressed a moment ago as well; ask for it where it was not."""
        before_s, self._asked_at_s = self._asked_at_s, monotonic()
        if self._asked_at_s - before_s < QUIT_S:
            return True
        again = key.title() if "+" in key else key
        self.show_line(f"Press {again} again to quit", "information", QUIT_S)
        return False
