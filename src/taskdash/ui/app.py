"""Starts, dresses and ends the dashboard as a Textual application."""

from __future__ import annotations

import asyncio
import gc
import logging
import termios
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from textual import events, work
from textual.app import App
from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input
from textual.worker import WorkerError, WorkerFailed

from taskdash import ui
from taskdash.domain.errors import StoreError, TaskdashError
from taskdash.domain.untrusted import inert_line
from taskdash.ui import screens
from taskdash.ui.actions import own_bindings
from taskdash.ui.in_order import MAX_WAIT_S
from taskdash.ui.keymap import changed_keys
from taskdash.ui.leaving import Leaving, has_job_control, is_in_foreground, stop_job, wait_for_foreground
from taskdash.ui.line_filters import (
    FEW_COLOURS,
    InertLines,
    fit_to_terminal,
    texts_in_16,
    without_colour,
)
from taskdash.ui.messages import Feedback, Messages
from taskdash.ui.screens.main import MainScreen
from taskdash.ui.terminal import MAX_LINE_CHARS, TerminalDriver, title_of
from taskdash.ui.terminal_answers import TerminalSays
from taskdash.ui.text.status import sentence
from taskdash.ui.themes import ThemeChoice, legible_theme

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from textual.binding import BindingType
    from textual.filter import LineFilter
    from textual.screen import Screen
    from textual.worker import WorkType

    from taskdash.domain.task import State
    from taskdash.ui.context import Context

_log = logging.getLogger(__name__)

KEY_WAIT_S: Final = 0.25
FINISH_GRACE_S: Final = 10.0
"""How long the user's own programs may keep running once their profile is left."""


class Dashboard(App[None]):
    """Shows the list of one profile after another, and does what concerns the terminal as a whole."""

    CSS_PATH = "dashboard.tcss"
    TITLE = "taskdash"
    # Ours is an action like any other, so that its key can be changed.
    ENABLE_COMMAND_PALETTE = False
    # Without Textual's own commands: its screenshot would write the screen to a file.
    COMMANDS = {lambda: screens.palette.ActionProvider}  # noqa: RUF012 - as Textual has it
    BINDINGS: ClassVar[list[BindingType]] = []

    leaving: Leaving

    def __init__(self, context: Context, *, waits_for_list: bool = False) -> None:
        """`waits_for_list`: the list is not open yet, for example as another program has it locked."""
        super().__init__(driver_class=TerminalDriver)
        self.context = context
        self.set_keymap(changed_keys(context.keymap))
        self.left_contexts: list[Context] = []
        """Contexts of profiles that were left; IDs that could not be added there are reported at the end."""
        self._net = InertLines(without_colour if self.no_color else None)
        self.themes = ThemeChoice(self)
        self.messages = Messages(self)
        self._copying = asyncio.Lock()
        self._copied = ""
        self.terminal_says = TerminalSays(self)
        self.terminal: TerminalDriver | None = None
        """The driver, which sets this itself once it takes the terminal."""
        self.crash: Exception | None = None
        self._is_away = False
        self._waits_for_list = waits_for_list
        self.unusable: StoreError | None = None
        self.wants_demo = False
        self.themes.begin()

    def run_in_terminal(self) -> None:
        """Run until the app exits, be it by a signal, a closed terminal or an error that no handler sees."""
        rounding = fit_to_terminal(self)
        if rounding is not None and not self.no_color:
            self._net = rounding
        with asyncio.Runner() as runner:
            loop = runner.get_loop()
            self.leaving = Leaving(self, loop, self._handle_exception)
            self.run(loop=loop)
        self.leaving.finish()

    async def action_palette(self) -> None:
        """Open the palette and focus its box at once, for the next keys: Textual would do so a little later."""
        palette = screens.palette.Palette()
        await self.push_screen(palette)
        # An Esc may have closed it already.
        for box in palette.query(Input):
            palette.set_focus(box)

    def search_themes(self) -> None:
        """Open a palette of themes; overrides Textual's."""
        self.push_screen(
            screens.palette.Palette([screens.palette.ThemeProvider], placeholder="Search for themes ...")
        )

    async def use_profile(self, name: str) -> None:
        try:
            await self._go_over(partial(self.context.open_profile, name))
        except TaskdashError as error:
            self.messages.tell(inert_line(str(error)), "error")

    async def use_key(self, text: str) -> None:
        """Save an API key in a first config, and start checking with it.

        Raises:
            TaskdashError: it is not a key, or cannot be saved.
        """
        place = inert_line(str(self.context.config_path))
        await self._go_over(partial(self.context.keep_key, text))
        self.messages.tell(f"API key saved to {place}")

    async def _go_over(self, make: Callable[[], Context]) -> None:
        """Switch to the context that `make` returns, show its list, and leave the current context.

        Raises:
            TaskdashError: it cannot be made or opened; nothing has changed.
        """
        before = self.context
        try:
            self.context = await asyncio.to_thread(make)
            await asyncio.wrap_future(self.context.opening)
        except TaskdashError:
            self.context = before
            raise
        left = await self._open_list()
        self.left_contexts.append(before)
        # Not awaited: a dialog among the screens left may be the caller.
        self._leave(left, before)

    async def _open_list(self) -> Sequence[Screen[object]]:
        """Show the list of the context in place of the current screens; return those."""
        # A mode for each list: the screen that an app starts with cannot be switched for another.
        left, mode = self.screen_stack[:], f"list {time.monotonic_ns()}"
        self.add_mode(mode, self.get_default_screen)
        await self.switch_mode(mode)
        return left

    @work(group="open list")
    async def _await_list(self) -> None:
        try:
            await asyncio.wrap_future(self.context.opening)
        except StoreError as error:
            self.unusable = error
            self.exit()
            return
        self._waits_for_list = False
        (waiting,) = await self._open_list()
        for text in getattr(waiting, "pasted", ()):
            self.screen.post_message(events.Paste(text))
        await waiting.remove()

    @work(group="leave")
    async def _leave(self, screens: Sequence[Screen[object]], context: Context) -> None:
        for screen in reversed(screens):
            await screen.remove()
        # The user's own programs may finish; only this worker waits for them.
        await asyncio.to_thread(context.close, FINISH_GRACE_S if context.at_work else 0.0)
        if lost := context.not_added():
            were = "ID was" if len(lost) == 1 else "IDs were"
            text = f"{len(lost):,} {were} not added to {context.profile}: the list was locked. Quitting prints all."
            self.messages.tell(text, "error")

    @work(group="copy", description="")  # else the text would be written out for it
    async def copy(self, feedback: Feedback) -> None:
        # One at a time, so that the last copy requested wins.
        async with self._copying:
            told = await ui.copying.deliver(self.context, feedback, self._keep)
        self.messages.tell(told.text, told.severity)

    def copy_to_clipboard(self, text: str) -> None:
        """Copy the selection of a text or a text box; called by Textual."""
        self.copy(Feedback("Copied the selection", copy=text, what="The selection"))

    @property
    def clipboard(self) -> str:
        """Return the text copied last, wherever to, for pasting within the dashboard."""
        return self._copied

    def _keep(self, text: str, *, to_terminal: bool) -> None:
        if to_terminal:
            super().copy_to_clipboard(text)
        self._copied = text

    def write_to_terminal(self, text: str) -> None:
        if self.terminal is not None:
            self.terminal.write(text)
            self.terminal.flush()

    def show_title(self, counts: Mapping[State, int]) -> None:
        if self.terminal is not None and self.context.settings.title:
            self.terminal.show_title(title_of(counts))

    def get_default_screen(self) -> Screen[None]:
        if self._waits_for_list:
            return screens.welcome.Waiting(self.context)
        kind: type[MainScreen] = MainScreen
        if self.context.settings.commands:
            # Textual reads a screen's bindings from its class only.
            kind = type("MainScreen", (MainScreen,), {"BINDINGS": own_bindings(self.context.keymap)})
        return kind(self.context, self.size)

    def get_css_variables(self) -> dict[str, str]:
        variables = super().get_css_variables()
        variables |= legible_theme(variables)
        return variables | (texts_in_16(variables) if self.has_class(FEW_COLOURS) else {})

    def pop_screen(self) -> AwaitComplete:
        """Pop the top screen, but never the list: Textual's palette pops once for each Enter typed."""
        return super().pop_screen() if len(self.screen_stack) > 1 else AwaitComplete()

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), self._net]

    async def on_event(self, event: events.Event) -> None:
        """Fit a paste to the focused widget; let a text box take it or a key in before the next one."""
        if isinstance(event, events.InputEvent | events.Paste):
            if not self.screen_stack:
                return  # Typed while the last screen closes: nobody is left to take it.
            if self.context.seen_at_ms is not None:
                self.context.seen_at_ms = self.context.clock.now_ms()
        box = self.screen.focused if isinstance(event, events.Key | events.Paste) else None
        if isinstance(event, events.Paste):
            event = _fitted(event, box)
        elif isinstance(event, events.Key):
            self.messages.key_pressed()
        await super().on_event(event)
        if isinstance(box, Input):
            await _taken_in(box)

    def on_mount(self) -> None:
        # After a suspend our frame is gone from the terminal, but Textual redraws only if the size changed.
        self.app_resume_signal.subscribe(self, lambda _: self.action_draw_again())
        if self.has_class(FEW_COLOURS):
            # The style sheet's variables were made before the class was set.
            self.refresh_css(animate=False)
        if self._waits_for_list:
            self._await_list()

    def action_draw_again(self) -> None:
        self.refresh(layout=True)
        self.screen.refresh()

    async def action_quit(self) -> None:
        """Quit once the acts typed before are done, or after `MAX_WAIT_S`."""
        acts = [each for each in self.workers if each.group == "act" and not each.is_finished]
        # An act with an open dialog would wait for the user.
        if acts and not isinstance(self.screen, ModalScreen):
            with suppress(TimeoutError, WorkerError):
                async with asyncio.timeout(MAX_WAIT_S):
                    await self.workers.wait_for_complete(acts)
        self.exit()

    async def action_copy_or_quit(self) -> None:
        box = self.screen.focused
        selected = self.screen.get_selected_text() or (box.selected_text if isinstance(box, Input) else "")
        if selected:
            self.copy_to_clipboard(selected)
            self.screen.clear_selection()
        elif self.messages.quits(self.context.key_of("copy_or_quit")):
            await self.action_quit()

    def action_suspend_process(self) -> None:
        """Suspend to the shell that started this job, if there is one: otherwise nothing would ever continue it."""
        if self.is_headless or self._is_away:
            return
        if has_job_control():
            self._be_away(stop_job)
        else:
            self.messages.tell("Cannot suspend: not started from a shell.", "warning")

    def continue_process(self) -> None:
        """Take over the terminal again: SIGSTOP left no chance to release it, and others have used it since."""
        if self._is_away:
            return
        with suppress(OSError):  # the terminal is gone: the input thread notices
            if is_in_foreground():
                with self.suspend():
                    pass
            else:
                self._be_away()

    @work(group="suspend")
    async def _be_away(self, stop: Callable[[], None] = lambda: None) -> None:
        """Release terminal, lease and locks, call `stop`, and take them back once this job is in the foreground."""
        self._is_away = True
        try:
            async with self.context.at_rest():
                with self.suspend():
                    stop()
                    # Also after `bg`, where this stops the job again.
                    with suppress(termios.error):
                        wait_for_foreground()
        finally:
            self._is_away = False

    def _handle_exception(self, error: Exception) -> None:
        """Report a list that cannot be used right now; exit on any other error.

        The only private method of Textual's `App` that we override: the original prints the local variables of every
        frame, API keys included.
        """
        cause = error.error if isinstance(error, WorkerFailed) else error
        if isinstance(cause, StoreError):
            self.messages.tell(sentence(str(cause)), "error")
            return
        if self.is_headless:
            # Makes a test that drives the app fail.
            super()._handle_exception(error)
        elif self.return_code is None:
            self.crash = cause if isinstance(cause, Exception) else error
            self.exit(return_code=1)
        else:
            # The app is exiting: late callbacks find some of its parts gone.
            _log.warning("while ending: %s", type(cause).__name__)

    def on_main_screen_painted(self) -> None:
        """Start what the first frame did not need. Objects made so far stay, so the garbage collector ignores them."""
        gc.freeze()
        gc.enable()
        self.terminal_says.ask()
        add: WorkType[None] = self.themes.add_own
        self.run_worker(add, group="themes")


async def _taken_in(box: Input) -> None:
    """Wait until a text box and its ancestors have handled an event: the next one may be for another widget."""
    for node in box.ancestors_with_self:
        if isinstance(node, Widget) and node.is_attached:
            done = asyncio.Event()
            node.call_later(done.set)
            with suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), KEY_WAIT_S)


def _fitted(paste: events.Paste, focused: Widget | None) -> events.Paste:
    """Return the paste; for a one-line box its first non-blank line, made inert and cut to `MAX_LINE_CHARS`."""
    if not isinstance(focused, Input) or getattr(focused, "take_paste", None):
        return paste
    start = paste.text[: 2 * MAX_LINE_CHARS].lstrip().splitlines()
    return events.Paste(inert_line(start[0])[:MAX_LINE_CHARS] if start else "")
