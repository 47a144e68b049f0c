"""The dashboard as a Textual application: how it starts, looks and ends."""

from __future__ import annotations

import asyncio
import gc
import signal
from typing import TYPE_CHECKING, ClassVar, Final

from textual.app import App, SystemCommand
from textual.worker import WorkerFailed

from taskdash.ui.keymap import bindings
from taskdash.ui.screens.list_screen import ListScreen
from taskdash.ui.terminal import TerminalDriver, end_on_signals, terminal_is_gone

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType

    from textual.binding import BindingType
    from textual.command import Provider
    from textual.screen import Screen
    from textual.theme import Theme

    from taskdash.ui.desk import Desk

TERMINAL_POLL_S: Final = 0.4


def _actions() -> type[Provider]:
    """The palette's actions, imported when it is first opened."""
    from taskdash.ui.palette import ActionProvider

    return ActionProvider


class Dashboard(App[None]):
    """The whole screen."""

    CSS_PATH = "dashboard.tcss"
    TITLE = "taskdash"
    ENABLE_COMMAND_PALETTE = True
    # Its key is one of our own actions, so that it can be given another like all of them.
    COMMAND_PALETTE_BINDING = "f20"
    COMMANDS = App.COMMANDS | {_actions}
    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self, desk: Desk) -> None:
        super().__init__(driver_class=TerminalDriver)
        self.desk = desk
        if desk.view.theme in self.available_themes:
            self.theme = desk.view.theme

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:  # noqa: ARG002 - Textual's
        """Of Textual's own commands the themes only: its screenshot would write what is on screen to a file."""
        yield SystemCommand("Theme", "Change the colours", self.action_change_theme)

    def get_default_screen(self) -> Screen[None]:
        """The list, with the keys of the config: Textual takes bindings from the class."""
        screen: type[ListScreen] = type(
            ListScreen.__name__, (ListScreen,), {"BINDINGS": bindings(self.desk.keymap)}
        )
        return screen(self.desk, self.size)

    def on_mount(self) -> None:
        """Let every signal that ends a program end this one in order; Textual would leave the terminal as it is."""
        self.theme_changed_signal.subscribe(self, self._remember_theme)
        loop = asyncio.get_running_loop()
        if not self.is_headless:
            end_on_signals(loop, lambda code: self.exit(return_code=code))
            self._watch_suspension()
            self.set_interval(TERMINAL_POLL_S, self._leave_a_dead_terminal)

    def _leave_a_dead_terminal(self) -> None:
        if terminal_is_gone():
            self.exit(return_code=128 + signal.SIGHUP)

    def _watch_suspension(self) -> None:
        """Let another process watch while this one is stopped by Ctrl+Z: it would hold the lease and do nothing."""
        stop, go_on = signal.getsignal(signal.SIGTSTP), signal.getsignal(signal.SIGCONT)
        if not (callable(stop) and callable(go_on)):
            return

        def stopping(number: int, frame: FrameType | None) -> None:
            self.desk.watcher.yield_lease(True)
            stop(number, frame)

        def going_on(number: int, frame: FrameType | None) -> None:
            go_on(number, frame)
            self.desk.watcher.yield_lease(False)

        signal.signal(signal.SIGTSTP, stopping)
        signal.signal(signal.SIGCONT, going_on)

    @property
    def crash(self) -> BaseException | None:
        """The first error that no handler caught: it ended the application."""
        error = self._exception
        return error.error if isinstance(error, WorkerFailed) else error

    def _fatal_error(self) -> None:
        """End, and print nothing: Textual would show the values of every frame, an API key among them."""
        self._close_messages_no_wait()

    def _remember_theme(self, theme: Theme) -> None:
        if isinstance(self.screen_stack[0], ListScreen):
            self.screen_stack[0].remember(theme=theme.name)

    def on_browse_screen_painted(self) -> None:
        """The first frame is drawn: what stands now stays, so the collector need never look at it again."""
        gc.freeze()
        gc.enable()
