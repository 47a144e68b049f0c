"""Adds tasks: shows below an input the IDs found in it, the words ignored, and why."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar, Final

from textual import work
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from taskdash.domain.errors import StoreError
from taskdash.domain.id_forms import has_known_form, is_task_id
from taskdash.domain.task_ids.paste import Why
from taskdash.domain.words import plural
from taskdash.ui.paste_search import PasteSearch
from taskdash.ui.screens.dialog import Dialog, muted
from taskdash.ui.screens.questions import Confirm
from taskdash.ui.terminal import MAX_PASTE_CHARS
from taskdash.ui.widgets.bars import Line
from taskdash.ui.widgets.filter_box import TextBox

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from taskdash.domain.task_ids import Paste
    from taskdash.ui.acts import Adding
    from taskdash.ui.app import Dashboard
    from taskdash.ui.context import Context

MAX_SHOWN: Final = 200
STORE_PATIENCE_S: Final = 1.0
"""How long the preview waits for the store to say which IDs are already listed."""


class AddIds(Dialog["Adding | None"]):
    """Adds the IDs in a text, listed ones too, in order of appearance. Dismissed with them or None."""

    app: Dashboard
    LINES_AROUND: ClassVar[int] = 15

    def __init__(
        self, context: Context, begin: Callable[[Mapping[str, str | None]], Adding], text: str = ""
    ) -> None:
        """`begin` starts adding IDs. It is called as soon as Enter is pressed, since the next key may quit."""
        super().__init__("Add tasks", "Enter adds the new IDs, Esc cancels")
        self.context = context
        self._begin = begin
        self._pasted = text
        self._searched: tuple[str, Paste] | None = None
        """The text last searched, and the result."""
        self._too_long = False
        # Kept as attributes, not queried: a search may finish after the dialog has closed.
        self._input = TextBox(
            placeholder="Type or paste task IDs, URLs, JSON, logs ...", select_on_focus=False
        )
        self._input.take_paste = self.take_paste
        self._summary = Line(id="add-summary")
        self._found = Static(Content(""), id="add-preview")
        self.body = (self._input, self._summary, VerticalScroll(self._found, can_focus=False))

    def on_mount(self) -> None:
        pasted, self._pasted = self._pasted, ""
        self.take_paste(pasted)

    def take_paste(self, text: str) -> None:
        self._too_long = len(self._pasted) + len(text) > MAX_PASTE_CHARS
        if self._too_long:
            text = ""
        self._pasted = f"{self._pasted}\n{text}" if self._pasted else text
        self._search()

    def on_input_changed(self) -> None:
        self._search()

    def _text(self) -> str:
        typed = self._input.value
        return f"{self._pasted}\n{typed}" if self._pasted and typed else self._pasted or typed

    @work(exclusive=True, group="search")
    async def _search(self) -> None:
        await self._search_now()

    async def _search_now(self) -> Paste:
        text = self._text()
        search = PasteSearch(text, self.context.keys)
        try:
            paste = await asyncio.to_thread(search.run)
        except asyncio.CancelledError:
            search.drop()
            raise
        ids = [found.task_id for found in paste.found]
        listed = await self._listed(ids)
        self._searched = text, paste
        self._summary.show(_summary(paste, listed, text, self._too_long))
        self._found.update(_lines(paste, listed))
        return paste

    async def _listed(self, ids: Sequence[str]) -> set[str]:
        """Return the IDs already listed; none if the store is locked or fails, which must not prevent adding them."""
        asking = self.context.store.run(lambda store: store.additions.listed(self.context.profile, ids))
        try:
            return await asyncio.wait_for(asking, STORE_PATIENCE_S)
        except (StoreError, TimeoutError):
            return set()

    async def on_input_submitted(self) -> None:
        searched, paste = self._searched or (None, None)
        if paste is None or searched != self._text():
            paste = await self._search_now()
        found = {item.task_id: item.path_hint for item in paste.found}
        doubtful = _doubtful(paste)
        if found:
            self.dismiss(self._begin(found))
        elif doubtful:
            task_id, doubt = doubtful
            question = f"{task_id}\n\n{doubt} Add it anyway?"

            def answered(yes: bool | None) -> None:
                if yes:
                    self.dismiss(self._begin({task_id: None}))

            self.app.push_screen(Confirm(question), answered)
        elif not self._text().strip():
            self.dismiss(None)
        else:
            self.app.messages.tell("No task IDs found in this text.", "warning")


def _doubtful(paste: Paste) -> tuple[str, str] | None:
    """Return the one word that counts as an ID only if the user confirms it, and the reason for doubt."""
    if paste.unsure and is_task_id(paste.unsure):
        return paste.unsure, "This doesn't look like a known task ID."
    in_paths = [each.text for each in paste.ignored if each.why == Why.PATH and has_known_form(each.text)]
    if len(in_paths) == 1:
        return in_paths[0], "This is part of a path or URL and may be the ID of something else."
    return None


def _summary(paste: Paste, listed: Collection[str], text: str, too_long: bool) -> Content:
    if too_long:
        return Content.styled(
            f"Too long to paste (over {MAX_PASTE_CHARS:,} characters): use `taskdash add - < file`",
            "$text-warning",
        )
    if not text.strip():
        return Content("")
    known = sum(found.task_id in listed for found in paste.found)
    new = len(paste.found) - known
    counts = ((known, "already listed"), (len(paste.ignored), "ignored"))
    others = [f"{count:,} {what}" for count, what in counts if count]
    rest = f" ({', '.join(others)})" if others else ""
    ids = plural(new, "new ID") if new else "no new IDs" if known else "no task IDs"
    return Content.styled(f"Found {ids} in {plural(len(text), 'character')}{rest}", "bold")


def _lines(paste: Paste, listed: Collection[str]) -> Content:
    lines = []
    for found in paste.found[:MAX_SHOWN]:
        word, style = ("listed", "$text-muted") if found.task_id in listed else ("new", "$text-success")
        # Worded more simply if only its form suggests it.
        why = "looks like an ID" if found.why.startswith("bare") else found.why
        lines.append(_line(word, style, found.task_id, f"line {found.line}, {why}"))
    if paste.unsure:
        lines.append(_line("unsure", "$text-warning", paste.unsure, "unknown form, Enter asks"))
    doubtful = None if paste.found else _doubtful(paste)
    for ignored in paste.ignored[:MAX_SHOWN]:
        asks = ": Enter asks" if doubtful and doubtful[0] == ignored.text else ""
        lines.append(
            _line("ignored", "$text-warning", ignored.text, f"line {ignored.line}, {ignored.why}{asks}")
        )
    if more := sum(max(0, len(each) - MAX_SHOWN) for each in (paste.found, paste.ignored)):
        lines.append(muted(f"and {more:,} more"))
    return Content("\n").join(lines)


def _line(word: str, style: str, text: str, why: str) -> Content:
    return Content.assemble((f"{word:<8}", style), text, (f"  {why}", "$text-muted"))
