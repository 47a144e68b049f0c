"""What arrives from the terminal: bytes in, Textual's events out, whatever the bytes are.

Textual's own parser ends the application at a byte that is not UTF-8 and at some numbers in escape sequences, needs
twenty times the memory of a paste, takes text that is typed faster than anybody types for so many key presses, and
waits for ever for the end of a paste. So pastes are collected here, and it sees keys, mouse and reports only.
"""

from __future__ import annotations

import math
import re
import time
from codecs import getincrementaldecoder
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING, Final

from textual import constants, events
from textual._xterm_parser import BRACKETED_PASTE_END, BRACKETED_PASTE_START, XTermParser
from textual.messages import InBandWindowResize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from textual.message import Message

MAX_PASTE_CHARS: Final = 10_000_000
"""A longer paste comes cut to one character more."""
OPEN_PASTE_S: Final = 1.8
"""A paste whose end does not come is over after so long without a read of more than keys."""
QUIET_S: Final = 0.04
"""What follows a paste more closely than this was not typed by a person."""
LOOK_AHEAD_S: Final = 1.0
"""How long keys may be kept waiting for that, however closely they follow each other."""
POLL_S: Final = 0.1
SETTLED_S: Final = 1.0
"""So long after the last byte the parser waits for no more of it."""
KEYS_CHARS: Final = 32
"""No key and no report of a mouse is longer."""
MIN_LOOK_CHARS: Final = 8
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
_FAR: Final = 10_000
"""No terminal has so many columns or rows."""

_MARKERS = re.compile("|".join(map(re.escape, (BRACKETED_PASTE_START, BRACKETED_PASTE_END))))
_MARKER_CHARS: Final = len(BRACKETED_PASTE_START)
_SEQUENCE_OR_RUN = re.compile(
    r"\x1b(?:\[[0-?]{0,30}[ -/]{0,4}[@-~]|O[ -~]|[^\x1b])?"
    rf"|(?P<run>[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]{{{MIN_LOOK_CHARS},}})"
)
_BEFORE_ESCAPE = re.compile("(?=\x1b)")


class _Stage(Enum):
    """Where in a paste the input is."""

    OPEN = auto()
    """After the terminal's mark of its beginning."""
    CLOSED = auto()
    """After the mark of its end, which may be part of what was pasted: then another follows at once."""
    TYPED = auto()
    """There are no marks: it ends when nothing more comes."""


class _PasteText:
    """The text of one paste as it arrives; of one that is too long only what shows that it is."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._room = MAX_PASTE_CHARS + 1

    def add(self, text: str) -> None:
        """Append."""
        if self._room > 0 and text:
            self._parts.append(text[: self._room])
            self._room -= len(text)

    def event(self) -> events.Paste:
        """The whole of it."""
        return events.Paste("".join(self._parts).replace("\x00", ""))


class _Parser(XTermParser):
    """Textual's, that can be told not to wait, and not that the mouse counts in pixels."""

    def settle(self) -> Iterable[Message]:
        """Take an unfinished sequence for what it is, now."""
        if self._timeout_time is not None:
            self._timeout_time = 0.0
        return self.tick()

    def parse_mouse_code(self, code: str) -> Message | None:
        """A mouse event, in columns and rows."""
        self.mouse_pixels = False
        return super().parse_mouse_code(code)


class TerminalInput:
    """Feed it what was read, and call `tick` at least every `wait_s`: time is part of what keys mean."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._parser = _Parser()
        self._out: list[Message] = []
        self._held = ""
        self._held_until_s = 0.0
        self._fed_s = -math.inf
        self._stage: _Stage | None = None
        self._paste = _PasteText()
        self._tail = ""
        self._after = ""
        self._until_s = self._latest_s = 0.0

    @property
    def wait_s(self) -> float | None:
        """How long nobody need call; None: until something comes."""
        deadlines = [self._until_s] if self._stage else []
        if self._held:
            deadlines.append(self._held_until_s)
        now_s = self._now_s()
        if not deadlines and now_s >= self._fed_s + SETTLED_S:
            return None
        return min([POLL_S, *(max(0.0, deadline - now_s) for deadline in deadlines)])

    def feed(self, data: bytes) -> list[Message]:
        """Take what was read; return what it means so far."""
        self._fed_s = self._now_s()
        text, self._held = self._held + self._decode(data), ""
        if text:
            self._take(text)
        return self._taken()

    def tick(self) -> list[Message]:
        """Return what is known now because nothing more came."""
        now_s = self._now_s()
        if self._stage and now_s >= self._until_s:
            self._end_paste()
        if self._held and now_s >= self._held_until_s:
            held, self._held = self._held, ""
            self._parse(held)
            self._understand(self._parser.settle)
        self._understand(self._parser.tick)
        return self._taken()

    def _taken(self) -> list[Message]:
        out, self._out = self._out, []
        return out

    def _take(self, text: str) -> None:
        match self._stage:
            case None:
                self._take_keys(text)
            case _Stage.OPEN:
                self._take_open(text)
            case _Stage.CLOSED:
                self._take_closed(text)
            case _Stage.TYPED:
                self._take_typed(text)

    # Keys

    def _take_keys(self, text: str) -> None:
        """Hand keys to the parser up to where a paste begins; keep back what may be a part of its mark."""
        keys, mark, rest = text.partition(BRACKETED_PASTE_START)
        if mark:
            self._parse(keys)
            # An escape key just before would be taken for the beginning of a sequence.
            self._understand(self._parser.settle)
            self._begin(_Stage.OPEN)
            self._take_open(rest)
            return
        kept = next(n for n in range(_MARKER_CHARS - 1, -1, -1) if keys.endswith(BRACKETED_PASTE_START[:n]))
        if kept:
            keys, self._held = keys[:-kept], keys[-kept:]
            self._held_until_s = self._now_s() + constants.ESCAPE_DELAY
        self._parse_keys(keys)

    def _parse_keys(self, text: str) -> None:
        """Tell keys from text that came faster than keys can."""
        if len(text) >= MIN_LOOK_CHARS:
            for match in _SEQUENCE_OR_RUN.finditer(text):
                if match["run"] and _is_pasted(match["run"]):
                    self._parse(text[: match.start()])
                    held, self._held = self._held, ""
                    self._begin(_Stage.TYPED)
                    self._take_typed(text[match.start() :] + held)
                    return
        self._parse(text)

    def _parse(self, text: str) -> None:
        # In pieces: of one that the parser cannot bear only the rest is lost.
        for piece in _BEFORE_ESCAPE.split(text):
            if piece:
                self._understand(partial(self._parser.feed, piece))

    def _understand(self, parse: Callable[[], Iterable[Message]]) -> None:
        try:
            for message in parse():
                if _is_credible(message):
                    self._out.append(message)
        except Exception:
            # Of all kinds: numbers that are no characters, too large, zero where it divides. It is of no use after.
            self._parser = _Parser()

    # Pastes

    def _begin(self, stage: _Stage) -> None:
        self._stage, self._paste = stage, _PasteText()
        self._wait(OPEN_PASTE_S if stage is _Stage.OPEN else QUIET_S)

    def _wait(self, seconds: float) -> None:
        self._until_s = self._now_s() + seconds

    def _take_open(self, text: str) -> None:
        if len(text) > KEYS_CHARS:
            self._wait(OPEN_PASTE_S)
        text = self._tail + text
        pasted, mark, rest = text.partition(BRACKETED_PASTE_END)
        if mark:
            self._paste.add(pasted)
            self._tail = ""
            self._stage = _Stage.CLOSED
            self._latest_s = self._now_s() + LOOK_AHEAD_S
            self._wait(QUIET_S)
            self._take_closed(rest)
        else:
            cut = max(0, len(text) - _MARKER_CHARS + 1)
            self._paste.add(text[:cut])
            self._tail = text[cut:]

    def _take_closed(self, text: str) -> None:
        self._until_s = min(self._now_s() + QUIET_S, self._latest_s)
        looked_at = max(0, len(self._after) - _MARKER_CHARS + 1)
        self._after += text
        match = _MARKERS.search(self._after, looked_at)
        if match is None:
            return
        # It goes on: the end was not the end, or another paste follows at once.
        rest = self._after[match.end() :]
        self._paste.add("\n" + self._after[: match.start()])
        self._after = ""
        self._stage = _Stage.OPEN
        self._wait(OPEN_PASTE_S)
        if match[0] == BRACKETED_PASTE_END:
            rest = BRACKETED_PASTE_END + rest
        self._take_open(rest)

    def _take_typed(self, text: str) -> None:
        self._wait(QUIET_S)
        text = self._tail + text
        pasted, mark, rest = text.partition(BRACKETED_PASTE_START)
        cut = len(pasted) if mark else max(0, len(pasted) - _MARKER_CHARS + 1)
        self._paste.add(pasted[:cut])
        self._tail = pasted[cut:]
        if mark:
            self._end_paste()
            self._take_keys(mark + rest)

    def _end_paste(self) -> None:
        self._paste.add(self._tail)
        self._out.append(self._paste.event())
        self._paste = _PasteText()
        after, self._after, self._tail, self._stage = self._after, "", "", None
        if after:
            self._take_keys(after)


def _is_pasted(text: str) -> bool:
    """Return whether text of one read is longer than keys can be, or has an ID in it, or the beginning of one."""
    if len(set(text)) < MIN_TYPED_PASTE_VARIETY:
        return False
    if text.startswith(_BOX_KEYS):
        return len(text) >= MIN_FILTER_PASTE_CHARS
    if len(text) >= MIN_TYPED_PASTE_CHARS:
        return True
    # Few reads are so long.
    from taskdash.domain.id_forms import Kind, has_known_form, kind_of
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


def _is_credible(message: Message) -> bool:
    """Whether to believe the parser.

    The terminal's size is asked of the system: a report of it may be made up. So may a place of the mouse.
    """
    if isinstance(message, events.MouseEvent):
        return message.x < _FAR and message.y < _FAR
    return not isinstance(message, events.Resize | events.CursorPosition | InBandWindowResize)
