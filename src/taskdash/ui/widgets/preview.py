"""Shows the picture of one result: in the detail pane, and in the review, where it is large.

In the detail pane it is docked at the top, or at the right if the pane is wide and low. The text scrolls below or
beside it, so that the whole picture is always visible.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, NamedTuple

from textual import work
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.widgets import Static

from taskdash.domain.task import State, Verdict
from taskdash.results.links import Refused
from taskdash.ui.review_list import SIGNS, read_cards
from taskdash.ui.text.detail import detail_text
from taskdash.ui.widgets.bars import Line
from taskdash.ui.widgets.picture import Canvas, PictureView

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from taskdash.domain.task import TaskDetail
    from taskdash.results.previews import Picture
    from taskdash.ui.context import Context
    from taskdash.ui.review_list import Result

REST_S: Final = 0.25
"""How long the cursor must rest on a task before its picture is fetched."""
MIN_COLUMNS: Final = 8
MIN_ROWS: Final = 3
WIDE: Final = 3
"""A pane at least this many times as wide as high, in cells, has the picture at its right."""
MAX_SHARE: Final = 0.5
"""The largest share of the pane for the picture: the text must remain readable."""
MAX_COLUMNS: Final = 160
WIDE_CELLS: Final = 64
"""From this width, the text is beside the large picture."""
_LOADING: Final = "loading picture…"


class _Plan(NamedTuple):
    """Names a result to show and the room for it; equal plans look the same."""

    seq: int
    number: int
    urls: tuple[str, ...]
    columns: int
    rows: int
    beside: bool
    theme: str
    profile: str

    @property
    def room(self) -> tuple[int, int, bool]:
        return self.columns, self.rows, self.beside

    @property
    def url(self) -> str:
        return self.urls[self.number - 1]

    def is_of(self, other: _Plan | None) -> bool:
        return other is not None and (self.seq, self.url) == (other.seq, other.url)


class Preview(Vertical):
    """Shows a picture with a caption in the detail pane, unless there is nothing to show."""

    DEFAULT_CSS = """
    Preview { dock: top; width: 1fr; height: auto; padding-bottom: 1; }
    Preview.-beside { dock: right; height: 100%; padding: 0 0 0 1; align-horizontal: right; }
    Preview > #caption { width: 1fr; height: auto; max-height: 4; }
    """

    def __init__(self, context: Context) -> None:
        super().__init__(id="preview")
        self.context = context
        self._plan: _Plan | None = None
        self._number = 1
        self._pane = Size(0, 0)
        self._canvas = Canvas(self, context)
        self._picture = PictureView(id="picture")
        self._caption = Line(id="caption")
        self.display = False

    def compose(self) -> ComposeResult:
        yield self._picture
        yield self._caption

    def want(self, detail: TaskDetail | None, pane: Size) -> None:
        """Schedule a result of this task to be shown in a pane of this size; None shows nothing."""
        if pane != self._pane - (0, 1):
            # A message takes one line for a while: leave the picture as it is.
            self._pane = pane
        plan = self._planned(detail, self._pane)
        if plan == self._plan:
            return
        before, self._plan = self._plan, plan
        if plan is None:
            self.workers.cancel_group(self, "look")
            self._picture.show(None)
            self.display = False
            return
        if not plan.is_of(before):
            # A picture of another result must go at once; its space may stay.
            self._picture.show(None)
            self._say(Content(" "), settled=False)
        elif (drawn := self._picture.drawn) and (drawn.columns > plan.columns or drawn.rows > plan.rows):
            self._picture.show(None)
        if before is None or before.room != plan.room:
            self._place(plan)
        self._look(plan)

    @property
    def cells_beside(self) -> int:
        """Return how many columns of the pane it takes from the text."""
        return self._plan.columns + 1 if self._plan is not None and self._plan.beside else 0

    def next_result(self) -> int:
        """Advance to the next result of this task; return how many it has."""
        plan = self._plan
        if plan is None:
            return 0
        self._number = plan.number % len(plan.urls) + 1
        return len(plan.urls)

    def _planned(self, detail: TaskDetail | None, pane: Size) -> _Plan | None:
        if detail is None or detail.task.state is not State.SUCCESS or not detail.result_urls:
            return None
        task, urls, service = detail.task, detail.result_urls, self.context.services.get(detail.task.profile)
        if service is None or not (self.context.view.preview and service.make_previews):
            return None
        if self._plan is None or self._plan.seq != task.seq:
            self._number = 1
        number = min(self._number, len(urls))
        beside = pane.width >= WIDE * pane.height
        columns = min(int(pane.width * MAX_SHARE), pane.height * 3) if beside else pane.width
        rows = pane.height - 1 if beside else int(pane.height * MAX_SHARE) - 1
        if columns < MIN_COLUMNS or rows < MIN_ROWS:
            return None
        columns = min(columns, MAX_COLUMNS)
        return _Plan(task.seq, number, urls, columns, rows, beside, self.app.theme, task.profile)

    def _place(self, plan: _Plan) -> None:
        self.set_class(plan.beside, "-beside")
        self._picture.styles.max_width, self._picture.styles.max_height = plan.columns, plan.rows
        # Beside the text, its width sets the text's margin, which must not change with each picture.
        self.styles.width = plan.columns if plan.beside else None
        if not self.display and self._picture.drawn is None:
            # Most pictures are square: the text gets its place before the picture arrives.
            self._picture.styles.height = min(plan.rows, plan.columns // 2)
        self.display = True

    @work(group="look", exclusive=True)
    async def _look(self, plan: _Plan) -> None:
        previews = await self.context.services[plan.profile].previews()
        outcome = previews.known(plan.url)
        if outcome is None:
            await asyncio.sleep(REST_S)
            if self._picture.drawn is None:
                self._say(_counted(_LOADING, plan), settled=False)
                self.display = True
            card = (await read_cards(self.context.store, [plan.seq])).get(plan.seq)
            outcome = await previews.look(plan.url, card.path_of(plan.number) if card else None)
        ready = await self._canvas.ready(outcome, plan.columns, plan.rows)
        if isinstance(ready, Refused):
            self._picture.show(None)
            words = ready.why if ready.is_other else f"no preview: {ready.why}"
        else:
            self._picture.show(ready)
            drawn = ready.drawn
            words = f"{drawn.format}, {drawn.width} × {drawn.height}"
            # Beside a low pane's text there is one line: the result's number matters more than the size.
            if len(_counted(words, plan)) > plan.columns:
                words = drawn.format
        self._picture.display = not isinstance(ready, Refused)
        self._say(_counted(words, plan))
        self.display = True

    def _say(self, text: Content, *, settled: bool = True) -> None:
        """Show a caption, in the room of the last one if it is not `settled`, as another will follow."""
        width, lines = self._caption.size
        if width and not settled:
            text = Content.assemble(text, "\n" * (lines - text.get_height({}, width)))
        self._caption.show(text)


def _counted(words: str, plan: _Plan) -> Content:
    count = len(plan.urls)
    return Content.styled(f"Preview {plan.number}/{count:,} · {words}" if count > 1 else words, "$text-muted")


class LargeResult(Container, can_focus=True):
    """Shows a large picture with a text in the review, once asked for."""

    DEFAULT_CSS = """
    LargeResult { display: none; height: 1fr; layout: horizontal; }
    LargeResult > #large-picture { width: 60%; height: 1fr; padding: 0 1; }
    LargeResult > #large-text { width: 1fr; height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
    LargeResult.-narrow { layout: vertical; }
    LargeResult.-narrow > #large-picture { width: 1fr; height: 60%; }
    """

    def __init__(self, context: Context) -> None:
        super().__init__(id="large")
        self.context = context
        self._canvas = Canvas(self, context)
        self._picture = PictureView(id="large-view")
        self._why = Static("", markup=False, id="large-why")
        self._place = Container(self._picture, self._why, id="large-picture")
        self._text = Static("", markup=False)
        self._scroll = VerticalScroll(self._text, id="large-text", can_focus=False)
        self._shown: tuple[Result, str] | None = None
        self._asked: tuple[Result, int] | None = None

    def compose(self) -> ComposeResult:
        yield self._place
        yield self._scroll

    def on_resize(self) -> None:
        self.set_class(self.size.width < WIDE_CELLS, "-narrow")
        self._shown = None
        if self._asked is not None:
            self.show(*self._asked)

    def show(self, result: Result, total: int) -> None:
        self._asked = result, total
        self._show(result, total)

    @work(group="large", exclusive=True)
    async def _show(self, result: Result, total: int) -> None:
        if self._shown is None or self._shown[0].place != result.place:
            self._picture.show(None)
            self._why.update("")
            self._scroll.scroll_home(animate=False)
        seq, store = result.seq, self.context.store
        detail = await store.run(lambda opened: opened.tasks.detail(seq, raw=False))
        card = (await read_cards(store, [seq])).get(seq)
        if detail is None or card is None:
            return  # Taken off the list, which the review will notice too.
        self._text.update(self._about(result, total, detail))
        if result.n > len(card.urls):
            self._say("its record has no link")
            return
        url, saved = card.urls[result.n - 1], card.path_of(result.n)
        if self._shown is not None and (self._shown[0].place, self._shown[1]) == (result.place, url):
            return
        self._say(_LOADING)
        outcome = await self._look(result.seq, url, saved)
        ready = await self._canvas.ready(outcome, *(max(1, cells) for cells in self._place.size))
        if isinstance(ready, Refused):
            self._say("the link has expired" if ready.is_expired else ready.why)
        else:
            self._why.display = False
            self._picture.display = True
            self._picture.show(ready)
        self._shown = result, url

    async def _look(self, seq: int, url: str, saved: str | None) -> Picture | Refused:
        previews = await self.context.previews_for(seq)
        outcome = await previews.look(url, saved)
        # A clip has only its first frame, as a thumbnail.
        is_clip = isinstance(outcome, Refused) and outcome.is_other and not previews.missing
        return await previews.look(url, saved, is_small=True) if is_clip else outcome

    def _say(self, text: str) -> None:
        self._picture.display = False
        self._why.display = True
        self._why.update(Content.styled(text, "$text-muted"))

    def _about(self, result: Result, total: int, detail: TaskDetail) -> Content:
        several = f" · {result.n}/{len(detail.result_urls):,}" if len(detail.result_urls) > 1 else ""
        head = Content.assemble((f"Result {result.number:,} of {total:,}{several}", "$text-muted"))
        if result.verdict is not None:
            style = "bold reverse" if result.verdict is Verdict.PICKED else "$text-muted"
            head += Content.assemble("  ", (f"{SIGNS[result.verdict]} {result.verdict.value}", style))
        context, width = self.context, max(20, self._scroll.size.width - 2)
        now_ms = context.clock.now_ms()
        text = detail_text(detail, now_ms, context.usual, context.ttl_ms_of(detail.task), width)
        return Content("\n\n").join([head, text])
