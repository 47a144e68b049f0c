"""Logs network activity and crashes. No API key gets into the log."""

from __future__ import annotations

import logging
import os
import time
import traceback
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Final

from taskdash.config.files import log_path, make_private_dir
from taskdash.domain.errors import TaskdashError
from taskdash.domain.untrusted import CUT_MARK, inert, inert_line

if TYPE_CHECKING:
    from logging.handlers import RotatingFileHandler
    from pathlib import Path
    from types import TracebackType

    from taskdash.cli.process import Session

    _ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

MAX_BYTES: Final = 1_000_000
MAX_MESSAGE_CHARS: Final = 2_000
MAX_TRACEBACK_CHARS: Final = 6_000
MAX_CRASH_CHARS: Final = 60_000
MAX_PART_CHARS: Final = 2_000
KEPT: Final = 2
"""How many older logs are kept beside the current one."""


class _Redacting(logging.Formatter):
    """Formats a record as one inert line, without any API key."""

    def __init__(self, session: Session) -> None:
        super().__init__("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S%z")
        self._session = session

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return inert_line(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's
        """Return the message, redacted before it is cut: half a key would not be recognised."""
        return inert_line(
            self._session.redacted(inert_line(super().formatMessage(record))), MAX_MESSAGE_CHARS
        )

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802 - logging's
        """Return the traceback."""
        return traceback_text(ei[1], self._session, MAX_TRACEBACK_CHARS) if ei[1] else ""


class _LogFile(logging.Handler):
    """Writes the log file, set up with the first record, so that the first frame does not have to wait for it."""

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
        """Write a record, or drop it if the file cannot be written."""
        with suppress(OSError, TaskdashError):
            self._file.emit(record)


def start_log(session: Session) -> None:
    """Send the records of taskdash's own modules to the file, from the configured level up.

    If it cannot be written, there is no log, and no error either.
    """
    logger = logging.getLogger("taskdash")
    if logger.handlers:
        return
    logger.propagate = False
    logger.setLevel(session.settings.log_level.upper())
    logging.raiseExceptions = False
    # Without any handler, Python would print warnings to stderr, across the dashboard.
    logger.addHandler(logging.NullHandler())
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
    """Return the traceback, inert and without any key; a long one is cut in the middle."""
    # Redact before cutting: half a key would not be recognised. NUL can separate the parts: inert text has none.
    whole = session.redacted("\0".join(map(inert, traceback.format_exception(error))))
    # The error's message may be long as well, and its start matters most.
    text = "\n".join(inert(part, MAX_PART_CHARS).rstrip() for part in whole.split("\0"))
    if len(text) <= max_chars:
        return text
    head = max_chars // 4
    return f"{text[:head]}{CUT_MARK}\n{text[head - max_chars :]}"
