"""Opens results, of one task or of the marked ones; where there is no browser, hands the links over instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from taskdash.domain.words import plural
from taskdash.results.links import safe_url
from taskdash.ui.acting import no_links
from taskdash.ui.said import Said, warning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taskdash.domain.task import Task, TaskDetail
    from taskdash.ui.desk import Desk

ASK_ABOVE: Final = 5
"""From more results than these on, opening them all at once is asked about first."""
MAX_AT_ONCE: Final = 20
"""More are not opened: each is a window or a tab."""
_URL_CHARS: Final = 300


class Opener:
    """The results of one list, opened."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def one(self, detail: TaskDetail, number: int) -> Said:
        """Open result `number` (from 1) of a task."""
        urls = detail.result_urls
        if not urls:
            return no_links(detail.task)
        if number > len(urls):
            return warning(f"There is no result {number}: this task has {len(urls)}.")
        url = urls[number - 1]
        opened = await self._desk.open(url)
        if opened.ok:
            return Said(f"Result {number}: {opened.message}.")
        safe = safe_url(url)
        if safe is None:
            return warning(f"Result {number}: {opened.message}.")
        shown = safe if len(safe) <= _URL_CHARS else safe[:_URL_CHARS] + "…"
        text = f"Result {number}: {opened.message}: link copied"
        return Said(text, "warning", copy=safe, what="The link", more=f"\n{shown}")

    async def links(self, tasks: Sequence[Task], number: int) -> list[str]:
        """Result `number` (from 1) of each task that has it, in the order of the list."""
        seqs = [task.seq for task in tasks if task.result_count >= number]
        found = await self._desk.store.run(lambda store: list(store.tasks.links(seqs)))
        return [urls[number - 1] for _, urls in found if len(urls) >= number]

    async def many(self, urls: Sequence[str], without: int) -> Said:
        """Open the results of several tasks, one after the other, until one cannot be opened.

        Args:
            urls: the results.
            without: how many of the tasks have none, to be told.
        """
        rest = f" {plural(without, 'task')} had none." if without else ""
        opened = 0
        for place, url in enumerate(urls):
            answer = await self._desk.open(url)
            if not answer.ok and safe_url(url) is not None:
                left = [safe for each in urls[place:] if (safe := safe_url(each))]
                what = plural(len(left), "link")
                before = f"{plural(opened, 'result')} opened, then: " if opened else ""
                text = f"{before}{answer.message}: {what} copied"
                return Said(text, "warning", copy="\n".join(left), what=what, more=rest)
            opened += answer.ok
        refused = len(urls) - opened
        odd = f" {plural(refused, 'link')} not: no http(s) link with a host." if refused else ""
        return Said(
            f"Opened {plural(opened, 'result')} in the browser.{odd}{rest}",
            "warning" if refused else "information",
        )
