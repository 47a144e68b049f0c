"""The log: what was done on the network, and how taskdash crashed. No key gets into it."""

from __future__ import annotations

import logging
import os
import time
import traceback
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Final

from taskdash.config.locations import log_path, make_private_dir
from taskdash.domain.errors import TaskdashError
from taskdash.domain.untrusted import CUT_MARK, inert, inert_line

if TYPE_CHECKING:
    from logging.handlers import RotatingFileHandler
    from pathlib import Path
    from types import TracebackType

    from taskdash.cli.session import Session

    _ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

MAX_BYTES: Final = 1_000_000
MAX_MESSAGE_CHARS: Final = 2_000
MAX_TRACEBACK_CHARS: Final = 6_000
MAX_CRASH_CHARS: Final = 60_000
MAX_PART_CHARS: Final = 2_000
KEPT: Final = 2
"""How many older logs stay beside the one in use."""


class _Redacting(logging.Formatter):
    """One inert line a record, without any API key."""

    def __init__(self, session: Session) -> None:
        super().__init__("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S%z")
        self._session = session

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return inert_line(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's
        """Return what was logged; keys are taken out first, as half of one would not be known for one."""
        return inert_line(
            self._session.redacted(inert_line(super().formatMessage(record))), MAX_MESSAGE_CHARS
        )

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802 - logging's
        """Return the traceback."""
        return traceback_text(ei[1], self._session, MAX_TRACEBACK_CHARS) if ei[1] else ""


class _LogFile(logging.Handler):
    """The file, opened with the first line: until then the first frame would wait for what it takes."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    @cached_property
    def _file(self) -> RotatingFileHandler:
        from logging.handlers import RotatingFileHandler

        make_private_dir(self._path.parent)
        # The mode is 0600 by the umask that `run` sets.
        file = RotatingFileHandler(
            self._path, maxBytes=MAX_BYTES, backupCount=KEPT, encoding="utf-8", delay=True
        )
        file.setFormatter(self.formatter)
        return file

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, if that can be done."""
        with suppress(OSError, TaskdashError):
            self._file.emit(record)


def start_log(session: Session) -> None:
    """Write what taskdash's own modules log to the file, from the level in force on.

    A log that cannot be written is no reason to stop: then there is none.
    """
    logger = logging.getLogger("taskdash")
    if logger.handlers:
        return
    logger.propagate = False
    logger.setLevel(session.settings.log_level.upper())
    logging.raiseExceptions = False
    with suppress(OSError, TaskdashError):
        handler = _LogFile(log_path())
        handler.setFormatter(_Redacting(session))
        logger.addHandler(handler)


def report_crash(error: BaseException, session: Session) -> str:
    """Write the traceback to the log; return one line for the user. No API key gets into either."""
    line = f"an error of taskdash itself ({inert_line(f'{type(error).__name__}: {error}', 200)})"
    text = traceback_text(error, session, MAX_CRASH_CHARS)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    try:
        path = log_path()
        make_private_dir(path.parent)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "a", encoding="utf-8") as log:  # noqa: PTH123 - opened by number, with its mode
            log.write(f"{stamp} crash\n{text}\n")
    except (OSError, TaskdashError):
        return line
    return f"{line}: the log {inert_line(str(path))} has the details"


def traceback_text(error: BaseException, session: Session, max_chars: int) -> str:
    """Return the traceback, inert and without any key; what is cut of a long one stands in its middle."""
    # Keys go before anything is cut, as half of one would not be known for one. No inert text has a NUL in it.
    whole = session.redacted("\0".join(map(inert, traceback.format_exception(error))))
    # What is said of the error may be long as well, and its beginning counts.
    text = "\n".join(inert(part, MAX_PART_CHARS).rstrip() for part in whole.split("\0"))
    if len(text) <= max_chars:
        return text
    head = max_chars // 4
    return f"{text[:head]}{CUT_MARK}\n{text[head - max_chars :]}"
