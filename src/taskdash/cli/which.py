"""`taskdash which`: finds the task that a file came from, by the list, its metadata or its sidecar."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from taskdash.cli.options import command, complete_files, form_options, pass_session
from taskdash.cli.output import print_json, print_lines, talk
from taskdash.domain.untrusted import inert_line
from taskdash.results.origin import Origin, origin_from, origin_in, sidecar_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from taskdash.cli.process import Session
    from taskdash.domain.task import Json
    from taskdash.store.saved import SavedAs
    from taskdash.store.store import Store

_MAX_SIDECAR_BYTES: Final = 32 * 1_048_576
_HOW: Final = {
    "list": "saved there",
    "metadata": "its metadata",
    "sidecar": "its sidecar",
    "content": "its content",
    "path": "its path; the file has changed since",
}
"""The ways to recognise a file, the most reliable first."""


@command(
    "Tell which task a file came from.",
    example="taskdash which best/*.png | cut -f2 | taskdash pick -",
    name="which",
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, shell_complete=complete_files)
@form_options(json="Output JSON.")
@pass_session
def which(session: Session, files: Sequence[str], *, form: str | None) -> int:
    """Tell which task and result each file came from: file, ID:N, and how it was recognised.

    A file is recognised by the list (its path, or its content if it was moved or renamed), by its own metadata (see
    embed in the config) or by the sidecar beside it, which can be given too. Exits with 1 if any file is not
    recognised.
    """
    found: list[tuple[str, str, list[Origin]]] = []
    with session.open_store(only_reads=True) as store:
        for file in files:
            name = inert_line(file)
            try:
                by, origins = next(_known(store, Path(file)), ("", []))
                why = "" if by else "no task found for it"
            except (OSError, ValueError, RuntimeError) as error:
                by, origins = "", []
                why = f"cannot be read: {getattr(error, 'strerror', None) or 'not a file'}"
            if why:
                talk(session.redacted(f"taskdash: {name}: {why}"))
            found.append((name, by, origins))
    if form == "json":
        items: list[Json] = []
        for name, by, origins in found:
            items += [_item(name, by, *origin) for origin in origins] or [_item(name, None, None, None, None)]
        print_json(items)
    else:
        print_lines(_line(name, by, origin) for name, by, origins in found for origin in origins)
    return 0 if all(by for _, by, _ in found) else 1


def _known(store: Store, path: Path) -> Iterator[tuple[str, list[Origin]]]:
    """Yield each way a file is recognised by, with its results: several if they have the same content.

    Raises ValueError if it is not a regular file, or its name is invalid.
    """
    path = path.resolve()
    if not stat.S_ISREG(path.stat().st_mode):
        # A pipe may never end, or have no writer.
        raise ValueError
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        there = store.saved.results_at(path)
        yield from _some(
            "list", [each for each in there if each.size in (None, size) and each.sha256 in (None, digest)]
        )
        file.seek(0)
        if origin := origin_in(file):
            yield "metadata", [origin]
    if origin := _in_sidecar(path):
        yield "sidecar", [origin]
    yield from _some("content", store.saved.results_with(digest))
    yield from _some("path", there)


def _some(by: str, saved: Sequence[SavedAs]) -> Iterator[tuple[str, list[Origin]]]:
    if saved:
        yield by, [*dict.fromkeys(Origin(each.profile, each.task_id, each.n) for each in saved)]


def _in_sidecar(path: Path) -> Origin | None:
    # The sidecar itself may be given: `which best/*` matches both.
    for sidecar in (path.with_name(sidecar_name(path.name)), path):
        with suppress(OSError):
            if sidecar.suffix == ".json" and sidecar.is_file():
                with sidecar.open("rb") as file:
                    return origin_from(file.read(_MAX_SIDECAR_BYTES))
    return None


def _line(name: str, by: str, origin: Origin) -> str:
    result = origin.task_id if origin.number is None else f"{origin.task_id}:{origin.number}"
    return f"{name}: {result} ({_HOW[by]})" if sys.stdout.isatty() else f"{name}\t{result}\t{by}"


def _item(name: str, by: str | None, profile: str | None, task_id: str | None, number: int | None) -> Json:
    return {"file": name, "taskId": task_id, "result": number, "profile": profile, "by": by}
