"""The user's editor: which one it is, and its run on this terminal."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING, Final

from taskdash.domain.errors import TaskdashError, UsageError
from taskdash.domain.untrusted import inert_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

VARIABLES: Final = ("VISUAL", "EDITOR")
FALLBACKS: Final = ("editor", "nano", "vi")
"""Tried in this order where neither variable is set."""


def find_editor(environ: Mapping[str, str]) -> list[str]:
    """Return the program and its arguments: those of `VISUAL`, else of `EDITOR`, else one of the usual.

    Raises:
        UsageError: there is no such program.
    """
    path = environ.get("PATH")
    for variable in VARIABLES:
        if not (written := environ.get(variable, "").strip()):
            continue
        try:
            words = shlex.split(written)
        except ValueError:
            raise UsageError(f"{variable} has an unclosed quote: {inert_line(written, 200)}") from None
        if words and shutil.which(words[0], path=path):
            return words
        raise UsageError(f"{variable} names an editor that is not on the PATH: {inert_line(written, 200)}")
    for name in FALLBACKS:
        if shutil.which(name, path=path):
            return [name]
    raise UsageError(f"no editor found: set VISUAL or EDITOR (tried {', '.join(FALLBACKS)})")


def edit(path: Path, editor: list[str], environ: Mapping[str, str]) -> None:
    """Run an editor on a file, on this terminal, to its end.

    Args:
        path: the file; it may not exist.
        editor: from `find_editor`.
        environ: what the editor gets.

    Raises:
        TaskdashError: it did not start, or ended as if something was wrong.
    """
    name = inert_line(editor[0], 200)
    # Ctrl+C and Ctrl+\ are the editor's while it has the terminal; it gets them as they were for us.
    signals = (signal.SIGINT, signal.SIGQUIT)
    before = [signal.signal(number, _ignored) for number in signals]
    try:
        code = subprocess.run(  # noqa: S603 - the user's own editor, without a shell
            [*editor, os.fspath(path)], env=dict(environ), check=False
        ).returncode
    except OSError as error:
        raise TaskdashError(f"the editor {name} did not start: {error.strerror}") from None
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)
    if code:
        ended = f"signal {-code}" if code < 0 else f"exit code {code}"
        raise TaskdashError(f"the editor {name} ended with {ended}; {inert_line(str(path))} was not checked")


def _ignored(_number: int, _frame: object) -> None:
    """Do nothing: unlike a signal that is ignored, one with a handler is a child's own again."""
