"""`taskdash` without a command: the dashboard."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from taskdash.cli.application import has_terminal, open_app
from taskdash.cli.output import talk

if TYPE_CHECKING:
    from taskdash.cli.session import Session


def open_dashboard(session: Session) -> int:
    """Open it; return the exit code, which is 2 without a terminal."""
    if not has_terminal():
        dumb = " that can be drawn on (TERM is dumb)" if os.environ.get("TERM") == "dumb" else ""
        talk(
            f"taskdash: the dashboard needs a terminal{dumb}; `taskdash list` prints the list, "
            "`taskdash --help` shows the commands"
        )
        return 2
    from taskdash.cli.logs import start_log
    from taskdash.config.locations import view_path

    start_log(session)
    return open_app(
        session.settings,
        session.environ,
        session.store_path,
        view_path=view_path(),
        config_path=session.config_path,
        keys=session.keys,
        open_demo=_open_demo,
    )


def _open_demo() -> int:
    from taskdash.cli.demo import open_demo

    return open_demo()
