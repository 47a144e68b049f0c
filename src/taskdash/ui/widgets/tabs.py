"""The tabs: one for each state, and behind them one for each view of the user's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from textual.content import Content
from textual.message import Message
from textual.style import Style

from taskdash.domain.task import State
from taskdash.domain.words import SYMBOLS
from taskdash.ui.widgets.bars import Line, choice_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from textual import events

    from taskdash.config.own import OwnView

MORE: Final = "…"
"""Stands at an end of the line where there are more tabs than room; a click goes to the next of them."""


class Tab(NamedTuple):
    """Shows the tasks in a state, those of a view, or all."""

    title: str
    state: State | None = None
    view: OwnView | None = None


STATE_TABS: Final = (
    Tab("All"),
    Tab("New", State.NEW),
    Tab("Waiting", State.WAITING),
    Tab("Success", State.SUCCESS),
    Tab("Fail", State.FAIL),
)


def tabs_of(views: Iterable[OwnView]) -> tuple[Tab, ...]:
    """Return all tabs."""
    return *STATE_TABS, *(Tab(view.name, None, view) for view in views)


def state_counts(counts: Mapping[State, int]) -> dict[Tab, int]:
    """Return how many tasks the tab of each state has."""
    whole = sum(counts.values())
    return {tab: whole if tab.state is None else counts.get(tab.state, 0) for tab in STATE_TABS}


class TabLine(Line):
    """The tabs with their counts; the one in use is in brackets as well as coloured.

    Where there is no room for all the words, the other states are symbol and count; where there still is none, the tabs
    around the one in use are shown.
    """

    @dataclass
    class Chosen(Message):
        """A tab was clicked."""

        index: int

    def __init__(self, tabs: Sequence[Tab], *, id: str) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self._all = tabs
        self._counts: Mapping[Tab, int] = {}
        self._chosen = 0

    def show_counts(self, counts: Mapping[Tab, int], chosen: int) -> None:
        """Draw the tabs; `chosen` is the place of the one in use. What is not counted yet has no number."""
        if (counts, chosen) != (self._counts, self._chosen):
            self._counts, self._chosen = counts, chosen
            self.show(self.fitted())

    def fitted(self) -> Content:
        # The blank after the last tab may fall off the line.
        room = self.size.width + 1
        for in_words in (True, False):
            tabs = [self._drawn(index, in_words=in_words) for index in range(len(self._all))]
            if _cells(tabs) <= room or not self.size.width:
                return _joined(tabs)
        return self._around_chosen(tabs, room)

    def _drawn(self, index: int, *, in_words: bool) -> Content:
        tab, is_chosen = self._all[index], index == self._chosen
        count = self._counts.get(tab)
        has_title = in_words or not tab.state or is_chosen
        words = [
            *([SYMBOLS[tab.state]] if tab.state else []),
            *([tab.title] if has_title else []),
            *([f"{count:,}"] if count is not None else []),
        ]
        return choice_of(" ".join(words), is_chosen=is_chosen).stylize(Style.from_meta({"tab": index}))

    def _around_chosen(self, tabs: Sequence[Content], room: int) -> Content:
        """Return as many tabs as there is room for, from the first one that leaves the one in use in sight."""
        first = 0
        while first < self._chosen and _cells(self._with_ends(tabs, first, self._chosen + 1)) > room:
            first += 1
        last = self._chosen + 1
        while last < len(tabs) and _cells(self._with_ends(tabs, first, last + 1)) <= room:
            last += 1
        return _joined(self._with_ends(tabs, first, last))

    def _with_ends(self, tabs: Sequence[Content], first: int, last: int) -> list[Content]:
        before = [_more(first - 1)] if first else []
        after = [_more(last)] if last < len(tabs) else []
        return [*before, *tabs[first:last], *after]

    def on_click(self, event: events.Click) -> None:
        if (index := event.style.meta.get("tab")) is not None:
            self.post_message(self.Chosen(index))


def _more(index: int) -> Content:
    return Content.styled(MORE, "$text-muted").stylize(Style.from_meta({"tab": index}))


def _joined(tabs: Sequence[Content]) -> Content:
    """Return them as a line that begins where the lines above and below do."""
    return Content("").join(Content(" ") + tab for tab in tabs)


def _cells(tabs: Sequence[Content]) -> int:
    return sum(tab.cell_length + 1 for tab in tabs)
