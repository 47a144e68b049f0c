"""Drives terminals as they are: they vanish, stall, send anything, and must be restored however the app exits.

Textual's driver dies on a byte that is not UTF-8, reads a closed terminal over and over, and handles no terminating
signals. Its parser takes text that comes faster than anybody types for single key presses, and waits forever for the
end of a paste.
"""

from __future__ import annotations

import asyncio
import codecs
import fcntl
import logging
import math
import os
import re
import select
import signal
import struct
import sys
import termios
import time
from contextlib import suppress
from functools import partial
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, Final

from textual import constants, events
from textual._xterm_parser import XTermParser  # the one private name: nothing public reads keys
from textual.drivers.linux_driver import LinuxDriver
from textual.messages import InBandWindowResize

from taskdash.domain.id_forms import Kind, has_known_form, kind_of
from taskdash.domain.task import State
from taskdash.ui.leaving import HANG_UP_PATIENCE_S
from taskdash.ui.terminal_answers import AnswerSieve, questions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from textual.message import Message

    from taskdash.ui.app import Dashboard

_log = logging.getLogger(__name__)

START, END = "\x1b[200~", "\x1b[201~"
"""The marks around a paste (bracketed paste)."""
MAX_PASTE_CHARS: Final = 10_000_000
"""A longer paste is cut to one character more, so that it is recognised as too long."""
OPEN_PASTE_S: Final = 1.8
"""A paste without an end mark is over after this long without a read longer than `MAX_KEY_CHARS`."""
QUIET_S: Final = 0.04
"""Input that follows a paste more closely than this was not typed by a person."""
LOOK_AHEAD_S: Final = 1.0
"""How long keys may be held back for that, however closely they follow each other."""
POLL_S: Final = 0.1
MAX_KEY_CHARS: Final = 32
"""No key and no mouse report is longer."""
_MAX_CELLS: Final = 10_000
"""No terminal has this many columns or rows."""

MAX_LINE_CHARS: Final = 2_000
"""More than anybody needs for a filter, a label or a note; a box with a megabyte in it freezes the screen."""
MIN_PASTE_CHARS: Final = 8
"""No ID with a label, and no ID of a known form, is shorter."""
MIN_TYPED_PASTE_CHARS: Final = 40
"""This many characters in one read were not typed by a person ..."""
MIN_FILTER_PASTE_CHARS: Final = 65
"""... unless the first is a key that opens a text box for the others: then it takes this many."""
MIN_UNKNOWN_ID_CHARS: Final = 16
MIN_TYPED_PASTE_VARIETY: Final = 5
"""Distinct characters in a paste; a key held down on a slow line sends fewer."""
_BOX_KEYS: Final = ("/", ":")
"""Keys that open a text box; no ID begins with one."""

_MARK: Final = f"{re.escape(START)}|{re.escape(END)}"
_SEQUENCE_OR_RUN: Final = (
    r"\x1b(?:\[[0-?]{0,30}[ -/]{0,4}[@-~]|O[ -~]|[^\x1b])?"
    rf"|(?P<run>[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]{{{MIN_PASTE_CHARS},}})"
)
_KEEP_TITLE: Final = "\x1b[22;2t"
"""Pushes the title onto the terminal's own stack (xterm's; most others have it too) ..."""
_TITLE_BEFORE: Final = "\x1b[23;2t"
"""... and pops it."""
_UNTITLED: Final = r"dumb|linux|unknown|cons25.*|eterm.*|vt\d+.*|"
"""Terminals that have no title, and may print the sequence instead."""


def looks_pasted(text: str) -> bool:
    """Return whether the text of one read is too long to be keys, or contains an ID or the start of one."""
    if len(set(text)) < MIN_TYPED_PASTE_VARIETY:
        return False
    if text.startswith(_BOX_KEYS):
        return len(text) >= MIN_FILTER_PASTE_CHARS
    if len(text) >= MIN_TYPED_PASTE_CHARS:
        return True
    # Imported late: few reads are this long, and it is a lot to import.
    from taskdash.domain.task_ids import find_task_ids

    word = text.strip()
    if "://" in word or word.startswith("task_") or kind_of(word) is Kind.CUT_OFF:
        return True
    if has_known_form(word[1:]):  # the key that opens the dialog, followed by an ID
        return False
    paste = find_task_ids(text)
    return bool(paste.found) or (
        paste.unsure is not None and len(word) >= MIN_UNKNOWN_ID_CHARS and any(map(str.isdigit, word))
    )


class TerminalInput:
    """Turns bytes from the terminal into Textual's events, whatever the bytes are.

    Pastes are collected here; Textual's parser sees only keys, mouse and reports. Pass every read to `feed`, and call
    `tick` at least every `wait_s` seconds, as the meaning of keys depends on timing.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic, sieve: AnswerSieve | None = None) -> None:
        self._now_s = now_s
        self._sieve = AnswerSieve() if sieve is None else sieve
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._parser = XTermParser()
        self._fed_s = -math.inf
        self._tail = ""
        """The end of the input so far, if it may be the start of a mark."""
        self._paste: list[str] | None = None
        """The input since a paste began, up to the maximum size of one; None: none has begun."""
        self._beyond = ""
        """The input beyond that, of which only the end is needed."""
        self._room = 0
        self._is_open = False
        """Whether the paste's end mark is still to come."""
        self._until_s = self._latest_s = 0.0

    @property
    def wait_s(self) -> float:
        """Return the time until the next call of `tick` is due."""
        is_quiet = self._paste is None and not self._tail and not self._sieve.is_holding
        return POLL_S if is_quiet else QUIET_S

    def feed(self, data: bytes) -> Iterator[Message]:
        """Take the bytes of a read; yield the events that they complete."""
        self._fed_s = self._now_s()
        yield from self._take(self._decode(data))

    def tick(self) -> Iterator[Message]:
        """Yield the events that are certain now because no more input came."""
        now_s = self._now_s()
        if self._paste is not None and now_s >= self._until_s:
            yield from self._end_paste()
        yield from self._parse(self._sieve.give_up(now_s))
        yield from self._understand(self._parser.tick)
        if self._paste is None and now_s >= self._fed_s + 2 * constants.ESCAPE_DELAY:
            self._tail = ""

    def _take(self, text: str) -> Iterator[Message]:
        if self._paste is not None:
            self._collect(text)
            return
        typed, mark, pasted = text.partition(START)
        tail, self._tail = self._tail, ""
        text = tail + self._sieve.sift(typed, self._now_s()) + mark + pasted
        keys, mark, pasted = text.partition(START)
        if mark:
            if keys or not tail:
                yield from self._parse(keys[len(tail) :])
                # Flush: an Escape key just before would be taken for the start of a sequence.
                yield from self._understand(partial(self._parser.feed, ""))
            self._parser = XTermParser()
            self._begin_paste(pasted, is_open=True)
            return
        for match in re.finditer(_SEQUENCE_OR_RUN, text):
            if match["run"] and looks_pasted(match["run"]):
                yield from self._parse(text[len(tail) : match.start()])
                self._begin_paste(text[match.start() :], is_open=False)
                return
        yield from self._parse(text[len(tail) :])
        self._tail = next(START[:n] for n in range(len(START) - 1, -1, -1) if text.endswith(START[:n]))

    def _parse(self, text: str) -> Iterator[Message]:
        # In pieces: if the parser fails on one, only the rest of that piece is lost.
        for piece in re.split("(?=\x1b)", text):
            if piece:
                yield from self._understand(partial(self._parser.feed, piece))

    def _understand(self, parse: Callable[[], Iterable[Message]]) -> Iterator[Message]:
        # A report of the terminal's size, which may be forged, makes it count in pixels.
        self._parser.mouse_pixels = False
        try:
            yield from filter(_is_credible, parse())
        except Exception:
            # Of any kind: invalid code points, overflows, division by zero. The parser is unusable afterwards.
            self._parser = XTermParser()

    # Pastes

    def _begin_paste(self, text: str, *, is_open: bool) -> None:
        self._paste, self._beyond, self._room = [], "", MAX_PASTE_CHARS + 1
        self._is_open, self._until_s, self._latest_s = is_open, self._now_s() + OPEN_PASTE_S, math.inf
        self._collect(text)

    def _collect(self, text: str) -> None:
        assert self._paste is not None  # noqa: S101 - checked by the callers
        now_s = self._now_s()
        seen = self._tail + text
        self._tail = seen[1 - len(END) :]
        if self._room > 0:
            self._paste.append(text)
            self._room -= len(text)
        else:
            self._beyond = seen if self._latest_s == math.inf else self._beyond + text
        start, end = seen.rfind(START), seen.rfind(END)
        if start > end:
            self._is_open, self._latest_s = True, math.inf
        elif end > start and self._latest_s == math.inf:
            self._is_open, self._latest_s = False, now_s + LOOK_AHEAD_S
        if not self._is_open:
            # The end mark may be part of the pasted text: then more follows at once.
            self._until_s = min(now_s + QUIET_S, self._latest_s)
        elif start > end or len(text) > MAX_KEY_CHARS:
            self._until_s = now_s + OPEN_PASTE_S

    def _end_paste(self) -> Iterator[Message]:
        pasted, keys = "".join([*(self._paste or ()), self._beyond]), ""
        if not self._is_open and END in pasted:
            pasted, _, keys = pasted.rpartition(END)
        self._paste, self._beyond, self._tail = None, "", ""
        yield events.Paste(re.sub(_MARK, "\n", pasted)[: MAX_PASTE_CHARS + 1].replace("\x00", ""))
        yield from self._take(keys)


def _is_credible(message: Message) -> bool:
    """Return whether to trust a message of the parser.

    The terminal's size is taken from the system, as a report of it may be forged. So may a mouse position.
    """
    if isinstance(message, events.MouseEvent):
        return message.x < _MAX_CELLS and message.y < _MAX_CELLS
    return not isinstance(message, events.Resize | events.CursorPosition | InBandWindowResize)


class TerminalDriver(LinuxDriver):
    """Makes Textual's driver safe against any input."""

    def __init__(self, app: Dashboard, **kwargs: Any) -> None:  # noqa: ANN401 - whatever Textual's driver takes
        super().__init__(app, **kwargs)
        app.terminal = self
        loop = asyncio.get_running_loop()
        self._title: str | None = None
        """The title on the terminal, "" for none of ours yet; None while the terminal is not ours, or has no title."""
        self.leaving = app.leaving
        self._typed_ahead = 0
        hear = app.terminal_says.hear
        self._sieve = AnswerSieve(lambda answers: loop.call_soon_threadsafe(hear, answers))
        # Not Textual's handlers: the code that a signal interrupts may hold the writer's lock.
        loop.add_signal_handler(signal.SIGTSTP, app.action_suspend_process)
        loop.add_signal_handler(signal.SIGCONT, app.continue_process)
        if isinstance(sys.__stderr__, TextIOWrapper):
            # Question marks for what its encoding lacks.
            sys.__stderr__.reconfigure(errors="replace")

    def start_application_mode(self) -> None:
        # Until here the terminal turns Enter into a line feed, and lets only whole lines be read.
        with suppress(OSError):
            self._typed_ahead = struct.unpack("i", fcntl.ioctl(self.fileno, termios.FIONREAD, b"\0" * 4))[0]
        super().start_application_mode()  # type: ignore[no-untyped-call]  # Textual gives it no types
        if not re.fullmatch(_UNTITLED, os.environ.get("TERM", "")):
            self._title = ""
            self.write(_KEEP_TITLE)

    def stop_application_mode(self) -> None:
        if self._title is not None:
            self._title = None
            self.write(_TITLE_BEFORE)
        super().stop_application_mode()

    def show_title(self, text: str) -> None:
        """Set the title of the window or tab, to be seen from another one, until the terminal is given back."""
        if self._title is not None and text != self._title:
            self._title = text
            self.write(f"\x1b]2;{text}\x1b\\")

    def ask(self) -> bool:
        """Query the terminal's capabilities; return whether it is one that can be queried."""
        text = questions(os.environ)
        if text:
            self._sieve.asked(time.monotonic())
            self.write(text)
            self.flush()
        return bool(text)

    def disable_input(self) -> None:
        """Stop reading, but first wait for pending answers: a shell would take them for keystrokes."""
        while self._sieve.is_due(time.monotonic()):
            time.sleep(0.01)
        super().disable_input()

    def run_input_thread(self) -> None:
        """Read input until the app stops this thread or the terminal is gone."""
        stream = TerminalInput(sieve=self._sieve)
        poll = select.poll()
        poll.register(self.fileno, select.POLLIN)
        try:
            while not self.exit_event.is_set():
                messages: list[Message] = []
                if poll.poll(stream.wait_s * 1000):
                    data = b""
                    with suppress(OSError):
                        data = os.read(self.fileno, 65_536)
                    if not data:
                        self.leaving.leave(128 + signal.SIGHUP, HANG_UP_PATIENCE_S)
                        return
                    ahead, data = data[: self._typed_ahead], data[self._typed_ahead :]
                    self._typed_ahead -= len(ahead)
                    messages += stream.feed(ahead.replace(b"\n", b"\r") + data)
                for message in (*messages, *stream.tick()):
                    self.process_message(message)
        except Exception as error:
            # Textual's own handling exits with code 0.
            self.leaving.crash(error)


def title_of(counts: Mapping[State, int]) -> str:
    """Return the title for a list; it needs no escaping, as it has only numbers and our own words in it."""
    waiting = counts.get(State.NEW, 0) + counts.get(State.WAITING, 0)
    parts = ((waiting, "waiting"), (counts.get(State.FAIL, 0), "failed"))
    return " · ".join(f"{count:,} {word}" for count, word in parts if count) or "taskdash"
