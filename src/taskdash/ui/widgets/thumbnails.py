"""The small pictures of a review: those that are on screen are fetched, a few at once, and the last ones are kept."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, Final

from taskdash.results.faults import Refused
from taskdash.ui.widgets.picture import Canvas, ShownPicture

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from textual.app import App
    from textual.widget import Widget
    from textual.worker import Worker, WorkType

    from taskdash.ui.app import Dashboard
    from taskdash.ui.context import Context
    from taskdash.ui.review_list import Place

MAX_AT_ONCE: Final = 3
KEPT_SCREENS: Final = 3


class Thumbnails:
    """The pictures of one grid, by the places of their results."""

    def __init__(self, widget: Widget, context: Context, on_change: Callable[[Place], None]) -> None:
        """Prepare for a widget; `on_change` hears which picture has come."""
        self._widget = widget
        self._context = context
        self._on_change = on_change
        self._canvas = Canvas(widget, context)
        self._shown: OrderedDict[Place, tuple[str, ShownPicture | Refused]] = OrderedDict()
        """Each with the link that it was made of."""
        self._size = (0, 0)
        self._wanted: Mapping[Place, tuple[str, str | None]] = {}
        self._fetching: dict[Place, Worker[None]] = {}

    def of(self, place: Place) -> ShownPicture | Refused | None:
        """Return the picture of a result, or why there is none; None while it is on its way."""
        return self._shown[place][1] if place in self._shown else None

    def want(self, wanted: Mapping[Place, tuple[str, str | None]], size: tuple[int, int]) -> None:
        """Fetch what of these is not here, each by its link and where it is saved, and nothing else any more."""
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
        """Try again what could not be shown."""
        for place in [each for each, (_, shown) in self._shown.items() if isinstance(shown, Refused)]:
            self._drop(place)
        for service in self._context.services.values():
            service.retry_previews()
        self._go_on()

    def forget(self) -> None:
        """Let go of all: the tiles are of another size, or of no use any more."""
        for worker in self._fetching.values():
            worker.cancel()
        self._fetching.clear()
        for place in list(self._shown):
            self._drop(place)

    def send_again(self, _app: App[object]) -> None:
        """Give all of them to a terminal that has lost them, as after a stop."""
        for _, shown in self._shown.values():
            if isinstance(shown, ShownPicture):
                shown.send_again()
        self._widget.refresh()
