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
from typing import TYPE_CHECKING, Final

from taskdash.domain.task_ids import Found, Ignored, Paste, find_task_ids

if TYPE_CHECKING:
    from collections.abc import Collection

    from taskdash.domain.secret import Secret

SMALL_CHARS: Final = 100_000
"""Up to this size a thread is done in less time than a process needs to start."""
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
            found, ignored, unsure = pickle.loads(  # noqa: S301 - it comes from our own process
                process.communicate(pickle.dumps((self._text, tuple(self._keys))))[0]
            )
        return Paste(tuple(Found(*each) for each in found), tuple(Ignored(*each) for each in ignored), unsure)


def answer() -> None:
    """Run as the other process: read text and keys from stdin, write the findings to stdout."""
    os.nice(5)
    text, keys = pickle.load(sys.stdin.buffer)  # noqa: S301 - as above
    paste = find_task_ids(text, keys=keys)
    # As plain tuples: of a hundred thousand objects, loading would hold the GIL as long as the search.
    plain = [tuple(each) for each in paste.found], [tuple(each) for each in paste.ignored], paste.unsure
    pickle.dump(plain, sys.stdout.buffer)
    sys.stdout.buffer.flush()
