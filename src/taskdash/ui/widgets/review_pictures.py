"""The pictures of a review: a cache of thumbnails, fetched a few at a time, and the large picture."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, Final

from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from taskdash.domain.task import Verdict
from taskdash.results.links import Refused
from taskdash.ui.review_list import read_cards
from taskdash.ui.text.detail import detail_text
from taskdash.ui.text.tiles import SIGNS
from taskdash.ui.widgets.picture import Canvas, PictureView, ShownPicture

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from textual.app import App, ComposeResult
    from textual.widget import Widget
    from textual.worker import Worker, WorkType

    from taskdash.domain.task import TaskDetail
    from taskdash.results.previews import Picture
    from taskdash.ui.app import Dashboard
    from taskdash.ui.context import Context
    from taskdash.ui.review_list import Place, Result

MAX_AT_ONCE: Final = 3
KEPT_SCREENS: Final = 3
WIDE_CELLS: Final = 64
"""From this width, the text is beside the picture."""


class Thumbnails:
    """A cache of the pictures of one grid, by the places of their results."""

    def __init__(self, widget: Widget, context: Context, on_change: Callable[[Place], None]) -> None:
        """`on_change` is called with the place of each picture that has arrived."""
        self._widget = widget
        self._context = context
        self._on_change = on_change
        self._canvas = Canvas(widget, context)
        self._shown: OrderedDict[Place, tuple[str, ShownPicture | Refused]] = OrderedDict()
        """Each with the link it was made from; the least recently wanted is dropped first."""
        self._size = (0, 0)
        self._wanted: Mapping[Place, tuple[str, str | None]] = {}
        self._fetching: dict[Place, Worker[None]] = {}

    def of(self, place: Place) -> ShownPicture | Refused | None:
        """Return the picture of a result, or why there is none; None while it loads."""
        return self._shown[place][1] if place in self._shown else None

    def want(self, wanted: Mapping[Place, tuple[str, str | None]], size: tuple[int, int]) -> None:
        """Fetch the missing ones of these pictures, each by its link and saved path; cancel all other fetches."""
        if size != self._size:
            self.forget()
            self._size = size
        self._wanted = wanted
        for place in [each for each in self._fetching if each not in wanted]:
            self._fetching.pop(place).cancel()
        for place, (url, _) in wanted.items():
            if place in self._shown and self._shown[place][0] != url:
                self._drop(place)
            elif place in self._shown:
                self._shown.move_to_end(place)
        self._go_on()

    def _go_on(self) -> None:
        missing = [each for each in self._wanted if each not in self._shown and each not in self._fetching]
        for place in missing[: MAX_AT_ONCE - len(self._fetching)]:
            load: WorkType[None] = partial(self._load, place, *self._wanted[place])
            self._fetching[place] = self._widget.run_worker(load, group="thumbnails")

    async def _load(self, place: Place, url: str, saved: str | None) -> None:
        # From Python 3.12, a worker may start before `run_worker` returns and `_fetching` has it.
        await asyncio.sleep(0)
        own = self._fetching.get(place)
        previews = await self._context.previews_for(place[0])
        outcome = await previews.thumbnail(url, saved)
        ready = await self._canvas.ready(outcome, *self._size)
        app: Dashboard = self._widget.app  # type: ignore[assignment] # there is no other one
        shown = ready if isinstance(ready, Refused) else ShownPicture(ready, app.write_to_terminal)
        if self._fetching.get(place) is own:
            del self._fetching[place]
        self._keep(place, url, shown)
        self._go_on()

    def _keep(self, place: Place, url: str, shown: ShownPicture | Refused) -> None:
        if place in self._shown:
            self._drop(place)
        self._shown[place] = url, shown
        while len(self._shown) > KEPT_SCREENS * max(1, len(self._wanted)):
            self._drop(next(iter(self._shown)))
        self._on_change(place)

    def _drop(self, place: Place) -> None:
        _, shown = self._shown.pop(place)
        if isinstance(shown, ShownPicture):
            shown.forget()

    def retry(self) -> None:
        """Retry the pictures that could not be shown."""
        for place in [each for each, (_, shown) in self._shown.items() if isinstance(shown, Refused)]:
            self._drop(place)
        for service in self._context.services.values():
            service.retry_previews()
        self._go_on()

    def forget(self) -> None:
        """Drop all pictures: the tiles have another size, or the grid is closed."""
        for worker in self._fetching.values():
            worker.cancel()
        self._fetching.clear()
        for place in list(self._shown):
            self._drop(place)

    def send_again(self, _app: App[object]) -> None:
        """Send all pictures again to a terminal that has lost them, as after a suspend."""
        for _, shown in self._shown.values():
            if isinstance(shown, ShownPicture):
                shown.send_again()
        self._widget.refresh()


class LargeResult(Container, can_focus=True):
    """A large picture with a text; hidden until asked for."""

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
        look: WorkType[None] = partial(self._show, result, total)
        self.run_worker(look, group="large", exclusive=True)

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
        self._say("loading picture…")
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
        return await previews.thumbnail(url, saved) if is_clip else outcome

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
