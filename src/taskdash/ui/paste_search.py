"""Searches a large paste for task IDs in a process of its own.

The search runs regular expressions over the whole text. Each holds the GIL while it runs, a quarter of a second for
10 MB, and in a thread of this process it would freeze the screen for that long.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from typing import IO, TYPE_CHECKING, Final

from taskdash.domain.task_ids import Found, Ignored, Paste, find_task_ids

if TYPE_CHECKING:
    from collections.abc import Collection

    from taskdash.domain.secret import Secret

SMALL_CHARS: Final = 100_000
"""Up to this size a thread is done in less time than a process needs to start."""
_PIECE_CHARS: Final = 65_536
_BATCH: Final = 1_000
"""IDs per pickle: loading a hundred thousand at once would hold the GIL just as the search would."""
_NEEDED: Final = ("PATH", "LANG", "LC_", "LD_", "PYTHON", "VIRTUAL_ENV")
_CHILD: Final = "from taskdash.ui.paste_search import answer; answer()"


class PasteSearch:
    """Searches in one thread, and may be dropped from another."""

    def __init__(self, text: str, keys: Collection[Secret]) -> None:
        self._text, self._keys = text, keys
        self._process: subprocess.Popen[bytes] | None = None
        self._dropped = threading.Event()

    def run(self) -> Paste:
        if len(self._text) > SMALL_CHARS and not self._dropped.is_set():
            try:
                return self._ask_process()
            except (OSError, EOFError, pickle.UnpicklingError):
                # The process could not be started, or died: search in this thread instead.
                if self._dropped.is_set():
                    return Paste((), (), None)
        return find_task_ids(self._text, keys=self._keys)

    def drop(self) -> None:
        self._dropped.set()
        if self._process is not None:
            self._process.kill()

    def _ask_process(self) -> Paste:
        # No API key in its environment, and no module from the current directory (-P).
        with subprocess.Popen(  # noqa: S603 - this Python, with a line of our own
            [sys.executable, "-P", "-c", _CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: value for name, value in os.environ.items() if name.startswith(_NEEDED)},
            start_new_session=True,
        ) as process:
            self._process = process
            assert process.stdin is not None  # noqa: S101 - requested above
            assert process.stdout is not None  # noqa: S101 - as above
            try:
                with process.stdin as question:
                    pickle.dump(tuple(self._keys), question)
                    for start in range(0, len(self._text), _PIECE_CHARS):
                        piece = self._text[start : start + _PIECE_CHARS]
                        question.write(piece.encode("utf-8", "surrogatepass"))
                return _read_answer(process.stdout)
            finally:
                process.kill()


def _read_answer(answer: IO[bytes]) -> Paste:
    found: list[Found] = []
    while batch := pickle.load(answer):  # noqa: S301 - it comes from our own process
        found += (Found(*each) for each in batch)
    ignored, unsure = pickle.load(answer)  # noqa: S301 - as above
    return Paste(tuple(found), tuple(Ignored(*each) for each in ignored), unsure)


def answer() -> None:
    """Run as the other process: read keys and text from stdin, write the findings to stdout."""
    os.nice(5)
    keys = pickle.load(sys.stdin.buffer)  # noqa: S301 - as above
    text = sys.stdin.buffer.read().decode("utf-8", "surrogatepass")
    paste = find_task_ids(text, keys=keys)
    found = [(each.task_id, each.line, each.why, each.path_hint) for each in paste.found]
    for start in range(0, len(found), _BATCH):
        pickle.dump(found[start : start + _BATCH], sys.stdout.buffer)
    pickle.dump([], sys.stdout.buffer)
    ignored = [(each.text, each.line, each.why) for each in paste.ignored]
    pickle.dump((ignored, paste.unsure), sys.stdout.buffer)
    sys.stdout.buffer.flush()
