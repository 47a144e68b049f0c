"""A contact sheet: results of a list with their pictures, in one file that any browser opens.

Pictures come through the cache of the previews, are made smaller the more there are, and become part of the file.
"""

from __future__ import annotations

import asyncio
import io
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from taskdash.config.locations import replace_private_file
from taskdash.domain.errors import TaskdashError
from taskdash.domain.task import State
from taskdash.domain.untrusted import inert_line
from taskdash.results.faults import Refused
from taskdash.results.previews import open_plain_file
from taskdash.results.sheet_page import HEAD, Card, Embedded, page

with suppress(ImportError):  # without the extra `preview` no picture ever comes here
    from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from taskdash.domain.secret import KnownKeys
    from taskdash.domain.task import TaskDetail, Verdict
    from taskdash.results.decoding import Picture
    from taskdash.results.previews import Previews
    from taskdash.store.saved import SavedFile
    from taskdash.store.store import Store

AT_ONCE: Final = 4
"""How many pictures are fetched and decoded at the same time."""
SIDES: Final = ((60, 768), (400, 512))
"""The longest side of each picture, where there are at most so many: the file has to go through a mail."""
LEAST_SIDE: Final = 352
QUALITY: Final = 75
MAX_RESULTS: Final = 2_000
"""A browser bears a page of some 80 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetResult:
    """A result that is to be shown."""

    detail: TaskDetail
    number: int
    """Which of the task's results, from 1."""
    saved: SavedFile | None
    """What it was saved as, whether or not that is still there."""

    @property
    def verdict(self) -> Verdict | None:
        """Return what somebody thinks of it."""
        return self.detail.verdicts.get(self.number)


def check_count(count: int, instead: str) -> None:
    """Refuse more results than a sheet has room for; `instead` says how to have fewer."""
    if count > MAX_RESULTS:
        raise TaskdashError(
            f"{count:,} results are too many for one sheet, which takes {MAX_RESULTS:,}: {instead}"
        )


def results_of(store: Store, seqs: Sequence[int], keys: KnownKeys) -> list[SheetResult]:
    """Return each result of those of the tasks that have some, in their order, without any key."""
    saved = store.saved.of(seqs)
    found = []
    for read in store.tasks.details(seqs, raw=False):
        detail = keys.redact_values(read)
        files = saved.get(detail.task.seq, {})
        count = len(detail.result_urls) if detail.task.state is State.SUCCESS else 0
        found += [
            SheetResult(detail=detail, number=number, saved=files.get(number))
            for number in range(1, count + 1)
        ]
    return found


async def make_sheet(
    results: Sequence[SheetResult],
    previews: Previews,
    *,
    asked: str,
    now_ms: int,
    ttls_ms: Mapping[str, int],
    folder: Path | None = None,
    on_progress: Callable[[int], None] = lambda _done: None,
) -> str:
    """Return the page with results and their pictures, whose heading is what was asked for.

    Files in the `folder` where the page will be are linked; `on_progress` is told now and then how many are done.
    """
    side = next((side for most, side in SIDES if len(results) <= most), LEAST_SIDE)
    free, done = asyncio.Semaphore(AT_ONCE), 0

    async def card(result: SheetResult) -> Card:
        nonlocal done
        async with free:
            # A network's disk may take a minute to say so.
            is_there = result.saved is not None and await asyncio.to_thread(result.saved.is_there)
            saved = result.saved if is_there else None
            picture = await _picture(result, saved, previews, side)
        done += 1
        on_progress(done)
        return Card(
            detail=result.detail,
            number=result.number,
            picture=picture,
            verdict=result.verdict,
            saved=None if saved is None else saved.shown,
            saved_beside=None if saved is None or folder is None else _beside(saved.path, folder),
            ttl_ms=ttls_ms.get(result.detail.task.profile),
        )

    async with asyncio.TaskGroup() as group:
        cards = [group.create_task(card(result)) for result in results]
    note = "Made without pictures: Pillow was not installed." if previews.missing else ""
    return page([each.result() for each in cards], asked=asked, now_ms=now_ms, note=note)


async def _picture(
    result: SheetResult, saved: SavedFile | None, previews: Previews, side: int
) -> Embedded | str:
    if previews.missing:
        return "no picture"
    url, path = result.detail.result_urls[result.number - 1], saved and str(saved.path)
    outcome = await previews.look(url, path)
    if isinstance(outcome, Refused) and outcome.is_other:
        # Of a clip the first frame, where something here can tell it.
        outcome = await previews.thumbnail(url, path)
    if isinstance(outcome, Refused):
        return outcome.why if outcome.is_other else f"no picture: {outcome.why}"
    try:
        return await asyncio.to_thread(_embedded, outcome, side)
    except Exception:  # Pillow raises whatever it likes, and the other results have pictures
        return "no picture: it is damaged"


def _embedded(picture: Picture, side: int) -> Embedded:
    with Image.open(io.BytesIO(picture.png), formats=("PNG",)) as small:
        small.thumbnail((side, side), reducing_gap=2.0)
        file = io.BytesIO()
        small.save(file, "WEBP", quality=QUALITY)
        return Embedded(file.getvalue(), *small.size, f"{picture.format}, {picture.width} × {picture.height}")


def _beside(path: Path, folder: Path) -> str | None:
    """Return a path from `folder` on, if it is in there and can be written in a link."""
    if path.is_relative_to(folder) and str(path) == inert_line(str(path)):
        return str(path.relative_to(folder))
    return None


def check_place(path: Path) -> None:
    """Refuse to write a sheet where there is no folder, or where anything stands but an earlier sheet."""
    shown = inert_line(str(path))
    if not path.parent.is_dir():
        raise TaskdashError(f"{shown}: no such folder")
    if not os.path.lexists(path):
        return
    file = open_plain_file(path)
    if file is not None:
        with file:
            if file.read(len(HEAD)) == HEAD.encode():
                return
    raise TaskdashError(f"{shown} already exists and is not a contact sheet; not overwritten (-o FILE)")


def save_sheet(path: Path, text: str) -> None:
    """Write a sheet in one step: a browser that is reading sees the old or the new one."""
    check_place(path)
    try:
        replace_private_file(path.resolve(), text.encode("utf-8", "replace"))
    except OSError as error:
        reason = inert_line(error.strerror or "unknown reason")
        raise TaskdashError(f"{inert_line(str(path))} cannot be written: {reason}") from None
