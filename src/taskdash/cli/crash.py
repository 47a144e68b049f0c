"""What is said when taskdash itself is at fault: one line, and a traceback without values in the log."""

from __future__ import annotations

import os
import time
import traceback
from typing import TYPE_CHECKING, Final

from taskdash.config.locations import log_path, make_private_dir
from taskdash.domain.errors import TaskdashError
from taskdash.domain.untrusted import CUT_MARK, inert, inert_line

if TYPE_CHECKING:
    from taskdash.cli.session import Session


MAX_TRACEBACK_CHARS: Final = 60_000
MAX_PART_CHARS: Final = 2_000


def report_crash(error: BaseException, session: Session) -> str:
    """Write the traceback to the log; return one line for the user. No API key gets into either."""
    said = inert_line(f"{type(error).__name__}: {error}", 200)
    return f"an error of taskdash itself ({said}){_logged(error, session)}"


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


def _logged(error: BaseException, session: Session) -> str:
    text = traceback_text(error, session, MAX_TRACEBACK_CHARS)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    try:
        path = log_path()
        make_private_dir(path.parent)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "a", encoding="utf-8") as log:  # noqa: PTH123 - opened by number, with its mode
            log.write(f"{stamp} crash\n{text}\n")
    except (OSError, TaskdashError):
        return ""
    return f": the log {inert_line(str(path))} has the details"
