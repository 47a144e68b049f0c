"""Logs network activity and crashes. No API key gets into the log."""

from __future__ import annotations

import logging
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from taskdash.config.files import log_path, make_private_dir
from taskdash.domain.errors import TaskdashError
from taskdash.domain.untrusted import CUT_MARK, inert, inert_line

if TYPE_CHECKING:
    from types import TracebackType

    from taskdash.cli.process import Session

    _ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

MAX_BYTES: Final = 1_000_000
MAX_MESSAGE_CHARS: Final = 2_000
MAX_TRACEBACK_CHARS: Final = 20_000
MAX_PART_CHARS: Final = 2_000
KEPT: Final = 2
"""How many older logs are kept beside the current one."""


class _Redacting(logging.Formatter):
    """Formats a record as one inert line, and a traceback below it, without any API key."""

    def __init__(self, session: Session) -> None:
        super().__init__("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S%z")
        self._session = session

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's
        """Return the message, redacted before it is cut: half a key would not be recognised."""
        return inert_line(
            self._session.keys.redact_line(inert_line(super().formatMessage(record))), MAX_MESSAGE_CHARS
        )

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802 - logging's
        """Return the traceback."""
        return traceback_text(ei[1], self._session) if ei[1] else ""


def start_log(session: Session) -> None:
    """Send the records of taskdash's own modules to the file, from the configured level up.

    If it cannot be written, there is no log, and no error either.
    """
    from logging.handlers import RotatingFileHandler

    logger = logging.getLogger("taskdash")
    if logger.handlers:
        return
    logger.propagate = False
    logging.raiseExceptions = False
    # Without any handler, Python would print warnings to stderr, across the dashboard.
    logger.addHandler(logging.NullHandler())
    with suppress(OSError, TaskdashError):
        path = log_path()
        make_private_dir(path.parent)
        # The mode is 0600 by the umask that `run` sets.
        file = RotatingFileHandler(path, maxBytes=MAX_BYTES, backupCount=KEPT, encoding="utf-8", delay=True)
        file.setFormatter(_Redacting(session))
        logger.addHandler(file)
    # Last: an error in the settings, or in reading them, is to be logged, too.
    logger.setLevel(session.settings.log_level.upper())


def report_crash(error: BaseException, session: Session) -> str:
    """Write the traceback to the log; return one line for the user. No API key gets into either."""
    line = f"an error of taskdash itself ({inert_line(f'{type(error).__name__}: {error}', 200)})"
    with suppress(Exception):
        start_log(session)
    logger = logging.getLogger("taskdash")
    logger.critical("crash", exc_info=error)
    # The handler opens the file with the first record.
    written = [each for each in logger.handlers if getattr(each, "stream", None) is not None]
    return f"{line}: the log {inert_line(str(log_path()))} has the details" if written else line


def traceback_text(error: BaseException, session: Session) -> str:
    """Return the traceback, inert and without any key; a long one is cut in the middle."""
    # Redact before cutting: half a key would not be recognised. NUL can separate the parts: inert text has none.
    whole = session.keys.redact_line("\0".join(map(inert, traceback.format_exception(error))))
    # The error's message may be long as well, and its start matters most.
    text = "\n".join(inert(part, MAX_PART_CHARS).rstrip() for part in whole.split("\0"))
    if len(text) <= MAX_TRACEBACK_CHARS:
        return text
    head = MAX_TRACEBACK_CHARS // 4
    return f"{text[:head]}{CUT_MARK}\n{text[head - MAX_TRACEBACK_CHARS :]}"
