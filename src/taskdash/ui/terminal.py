"""The terminal as it is: it goes away, stalls, sends anything, and has to be given back however the program ends.

Textual's driver ends at a byte that is not UTF-8, reads a closed terminal over and over, and knows no signal that ends
a program. Its parser takes text that comes faster than anybody types for so many key presses, and waits for ever for
the end of a paste.
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

from rich.cells import cell_len
from textual import constants, events
from textual._xterm_parser import XTermParser  # the one private name: nothing public reads keys
from textual.drivers.linux_driver import LinuxDriver
from textual.messages import InBandWindowResize

from taskdash.domain.id_forms import Kind, has_known_form, kind_of
from taskdash.domain.task import State
from taskdash.ui.leaving import HANG_UP_PATIENCE_S
from taskdash.ui.terminal_answers import WAIT_S, AnswerSieve, questions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from textual.message import Message

    from taskdash.ui.app import Dashboard

_log = logging.getLogger(__name__)

START, END = "\x1b[200~", "\x1b[201~"
"""Between them a terminal sends what is pasted."""
MAX_PASTE_CHARS: Final = 10_000_000
"""A longer paste comes cut to one character more."""
OPEN_PASTE_S: Final = 1.8
"""A paste whose end does not come is over after so long without a read of more than keys."""
QUIET_S: Final = 0.04
"""What follows a paste more closely than this was not typed by a person."""
LOOK_AHEAD_S: Final = 1.0
"""How long keys may be kept waiting for that, however closely they follow each other."""
POLL_S: Final = 0.1
MAX_KEY_CHARS: Final = 32
"""No key and no report of a mouse is longer."""
_MAX_CELLS: Final = 10_000
"""No terminal has so many columns or rows."""

MAX_LINE_CHARS: Final = 2_000
"""More than anybody means for a filter, a label or a note; a box that has a megabyte in it freezes the screen."""
MIN_PASTE_CHARS: Final = 8
"""No ID with a label, and no ID of a known form, is shorter."""
MIN_TYPED_PASTE_CHARS: Final = 40
"""So many characters in one read were not typed by a person ..."""
MIN_FILTER_PASTE_CHARS: Final = 65
"""... unless a key before them opens a box that they are meant for."""
MIN_UNKNOWN_ID_CHARS: Final = 16
MIN_TYPED_PASTE_VARIETY: Final = 5
"""Different characters in it; a key held down on a slow line has fewer."""
_BOX_KEYS: Final = ("/", ":")
"""They open a box for text, and no ID begins with them."""

_MARK = re.compile(f"{re.escape(START)}|{re.escape(END)}")
_SEQUENCE_OR_RUN = re.compile(
    r"\x1b(?:\[[0-?]{0,30}[ -/]{0,4}[@-~]|O[ -~]|[^\x1b])?"
    rf"|(?P<run>[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]{{{MIN_PASTE_CHARS},}})"
)
_BEFORE_ESCAPE = re.compile("(?=\x1b)")
_KEEP_TITLE: Final = "\x1b[22;2t"
"""Puts the title on the terminal's own stack (xterm's; most others have it too) ..."""
_TITLE_BEFORE: Final = "\x1b[23;2t"
"""... and takes it from there."""
_UNTITLED: Final = r"dumb|linux|unknown|cons25.*|eterm.*|vt\d+.*|"
"""Terminals that have no title, and may print what is meant for it."""


def looks_pasted(text: str) -> bool:
    """Return whether text of one read is longer than keys can be, or has an ID in it, or the beginning of one."""
    if len(set(text)) < MIN_TYPED_PASTE_VARIETY:
        return False
    if text.startswith(_BOX_KEYS):
        return len(text) >= MIN_FILTER_PASTE_CHARS
    if len(text) >= MIN_TYPED_PASTE_CHARS:
        return True
    # Few reads are so long, and it is much to import.
    from taskdash.domain.task_ids import find_task_ids

    word = text.strip()
    if "://" in word or word.startswith("task_") or kind_of(word) is Kind.CUT_OFF:
        return True
    if has_known_form(word[1:]):  # the key that opens the dialog, and an ID for it
        return False
    paste = find_task_ids(text)
    return bool(paste.found) or (
        paste.unsure is not None and len(word) >= MIN_UNKNOWN_ID_CHARS and any(map(str.isdigit, word))
    )


class TerminalInput:
    """Turns bytes of the terminal into Textual's events, whatever the bytes are.

    Pastes are collected here; Textual's parser sees keys, mouse and reports only. Feed it what was read, and call
    `tick` at least every `wait_s`: time is part of what keys mean.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic, sieve: AnswerSieve | None = None) -> None:
        self._now_s = now_s
        self._sieve = AnswerSieve() if sieve is None else sieve
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._parser = XTermParser()
        self._fed_s = -math.inf
        self._tail = ""
        """The end of what was read, which the beginning of a mark may be."""
        self._paste: list[str] | None = None
        """What was read since a paste began, up to the most that one may be; None: none has begun."""
        self._beyond = ""
        """What was read beyond that, of which only its end counts."""
        self._room = 0
        self._is_open = False
        """Whether the terminal has still to send the mark of the paste's end."""
        self._until_s = self._latest_s = 0.0

    @property
    def wait_s(self) -> float:
        """Return how long nobody need call."""
        is_quiet = self._paste is None and not self._tail and not self._sieve.is_holding
        return POLL_S if is_quiet else QUIET_S

    def feed(self, data: bytes) -> Iterator[Message]:
        """Take what was read; yield what it means so far."""
        self._fed_s = self._now_s()
        yield from self._take(self._decode(data))

    def tick(self) -> Iterator[Message]:
        """Yield what is known now because nothing more came."""
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
                # An escape key just before would be taken for the beginning of a sequence.
                yield from self._understand(partial(self._parser.feed, ""))
            self._parser = XTermParser()
            self._begin_paste(pasted, is_open=True)
            return
        for match in _SEQUENCE_OR_RUN.finditer(text):
            if match["run"] and looks_pasted(match["run"]):
                yield from self._parse(text[len(tail) : match.start()])
                self._begin_paste(text[match.start() :], is_open=False)
                return
        yield from self._parse(text[len(tail) :])
        self._tail = next(START[:n] for n in range(len(START) - 1, -1, -1) if text.endswith(START[:n]))

    def _parse(self, text: str) -> Iterator[Message]:
        # In pieces: of one that the parser cannot bear only the rest is lost.
        for piece in _BEFORE_ESCAPE.split(text):
            if piece:
                yield from self._understand(partial(self._parser.feed, piece))

    def _understand(self, parse: Callable[[], Iterable[Message]]) -> Iterator[Message]:
        # A report of the terminal's size, which may be made up, has it count in pixels.
        self._parser.mouse_pixels = False
        try:
            yield from filter(_is_credible, parse())
        except Exception:
            # Of all kinds: numbers that are no characters, too large, zero where it divides. It is of no use after.
            self._parser = XTermParser()

    # Pastes

    def _begin_paste(self, text: str, *, is_open: bool) -> None:
        self._paste, self._beyond, self._room = [], "", MAX_PASTE_CHARS + 1
        self._is_open, self._latest_s = is_open, math.inf
        self._until_s = self._now_s() + OPEN_PASTE_S
        self._collect(text)

    def _collect(self, text: str) -> None:
        assert self._paste is not None  # noqa: S101 - who calls has looked
        now_s = self._now_s()
        seen = self._tail + text
        self._tail = seen[1 - len(END) :]
        start, end = seen.rfind(START), seen.rfind(END)
        if start > end:
            self._is_open, self._latest_s, self._until_s = True, math.inf, now_s + OPEN_PASTE_S
        if self._room > 0:
            self._paste.append(text)
            self._room -= len(text)
        elif self._latest_s == math.inf:
            self._beyond = seen
        else:
            self._beyond += text
        # The mark of the end may be part of what was pasted: then more follows at once.
        if end > start and self._latest_s == math.inf:
            self._is_open, self._latest_s = False, now_s + LOOK_AHEAD_S
        if not self._is_open:
            self._until_s = min(now_s + QUIET_S, self._latest_s)
        elif len(text) > MAX_KEY_CHARS:
            self._until_s = now_s + OPEN_PASTE_S

    def _end_paste(self) -> Iterator[Message]:
        pasted, keys = "".join([*(self._paste or ()), self._beyond]), ""
        if not self._is_open and END in pasted:
            pasted, _, keys = pasted.rpartition(END)
        self._paste, self._beyond, self._tail = None, "", ""
        yield events.Paste(_MARK.sub("\n", pasted)[: MAX_PASTE_CHARS + 1].replace("\x00", ""))
        yield from self._take(keys)


def _is_credible(message: Message) -> bool:
    """Return whether to believe the parser.

    The terminal's size is asked of the system: a report of it may be made up. So may a place of the mouse.
    """
    if isinstance(message, events.MouseEvent):
        return message.x < _MAX_CELLS and message.y < _MAX_CELLS
    return not isinstance(message, events.Resize | events.CursorPosition | InBandWindowResize)


class TerminalDriver(LinuxDriver):
    """Textual's driver, with input that cannot end it."""

    def __init__(self, app: Dashboard, **kwargs: Any) -> None:  # noqa: ANN401 - whatever Textual's driver takes
        super().__init__(app, **kwargs)
        app.terminal = self
        loop = asyncio.get_running_loop()
        self.title = TerminalTitle(self.write, os.environ.get("TERM", ""))
        self.leaving = app.leaving
        self._typed_ahead = 0
        hear = app.terminal_says.hear
        self._sieve = AnswerSieve(lambda answers: loop.call_soon_threadsafe(hear, answers))
        self._asked_s = -math.inf
        # Not by Textual's handlers: what a signal interrupts may hold the lock of what is written.
        loop.add_signal_handler(signal.SIGTSTP, app.action_suspend_process)
        loop.add_signal_handler(signal.SIGCONT, app.continue_process)
        if isinstance(sys.__stderr__, TextIOWrapper):
            codecs.register_error("taskdash.question_marks", _question_marks)
            sys.__stderr__.reconfigure(errors="taskdash.question_marks")

    def start_application_mode(self) -> None:
        # Up to now it made Enter a line feed, and lets nothing be read beyond the last one.
        with suppress(OSError):
            self._typed_ahead = struct.unpack("i", fcntl.ioctl(self.fileno, termios.FIONREAD, b"\0" * 4))[0]
        self.title.is_ours = True
        super().start_application_mode()  # type: ignore[no-untyped-call]  # Textual gives it no types

    def stop_application_mode(self) -> None:
        self.title.take_back()
        super().stop_application_mode()

    def ask(self) -> bool:
        """Ask the terminal what it can; return whether it is one that can be asked."""
        text = questions(os.environ)
        if text:
            self._asked_s = time.monotonic()
            self._sieve.asked(self._asked_s)
            self.write(text)
            self.flush()
        return bool(text)

    def disable_input(self) -> None:
        """Stop to read, after answers that are on their way: a shell would take them for what was typed."""
        while time.monotonic() < self._asked_s + WAIT_S and not self._sieve.answers.is_complete:
            time.sleep(0.01)
        super().disable_input()

    def run_input_thread(self) -> None:
        """Read until the application wants no more or the terminal is gone."""
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
            # Textual's own way has exit code 0.
            self.leaving.crash(error)


def _question_marks(error: UnicodeError) -> tuple[str, int]:
    """Return what an encoding writes in place of characters that it lacks, in as many cells."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "?" * cell_len(error.object[error.start : error.end]), error.end


def title_of(counts: Mapping[State, int]) -> str:
    """Return what the title says of a list; it has numbers and words of ours alone, so nothing in it acts."""
    waiting = counts.get(State.NEW, 0) + counts.get(State.WAITING, 0)
    parts = ((waiting, "waiting"), (counts.get(State.FAIL, 0), "failed"))
    return " · ".join(f"{count:,} {word}" for count, word in parts if count) or "taskdash"


class TerminalTitle:
    """The title of the window or tab, for whoever works in another one; gives back what was there before."""

    def __init__(self, write: Callable[[str], object], term: str) -> None:
        self._write = write
        self._has_title = re.fullmatch(_UNTITLED, term) is None
        self._shown = ""
        self.is_ours = True
        """Whether the terminal has not been given back: what is counted in its last moment must not stay there."""
        self.ending = ""
        """What brings the title before ours back; "" where ours was never shown. What was written may be lost at an end
        without patience, so it is there after `take_back` too: once too often does no harm."""

    def show(self, text: str) -> None:
        if self._has_title and self.is_ours and text != self._shown:
            keep = "" if self._shown else _KEEP_TITLE
            self._shown, self.ending = text, _TITLE_BEFORE
            self._write(f"{keep}\x1b]2;{text}\x1b\\")

    def take_back(self) -> None:
        self.is_ours = False
        if self._shown:
            self._shown = ""
            self._write(_TITLE_BEFORE)
