"""Shows results side by side, to pick and reject by key: the review."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final, Self

from textual import events
from textual.content import Content
from textual.screen import Screen
from textual.style import Style

from taskdash.config.files import download_dir
from taskdash.domain.errors import TaskdashError
from taskdash.domain.task import Verdict
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import plural
from taskdash.results.sheet import cards_of, check_count, check_place, make_sheet, save_sheet
from taskdash.ui import screens
from taskdash.ui.actions import bindings, call_of
from taskdash.ui.acts import saving
from taskdash.ui.following import Pace
from taskdash.ui.in_order import are_acts_done, in_order, let_keys_go_on
from taskdash.ui.keymap import review_keys
from taskdash.ui.messages import copied, warning
from taskdash.ui.review_list import ReviewList, Showing, read_results, seqs_of
from taskdash.ui.screens.dialog import LeftOnce
from taskdash.ui.screens.help import review_sections
from taskdash.ui.text.status import sentence
from taskdash.ui.widgets.bars import KeyBar, Line, choice_of
from taskdash.ui.widgets.preview import LargeResult
from taskdash.ui.widgets.review_grid import ReviewGrid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.geometry import Region
    from textual.worker import WorkType

    from taskdash.ui.acts import Scope
    from taskdash.ui.review_list import Result
    from taskdash.ui.screens.main import MainScreen

SHEET_NAME: Final = "sheet.html"
_TITLES: Final = {
    Showing.ALL: "All",
    Showing.UNDECIDED: "Undecided",
    Showing.PICKED: "+ Picked",
    Showing.REJECTED: "- Rejected",
}
_GIVES: Final = {Verdict.PICKED: "Picked", Verdict.REJECTED: "Rejected", None: "Took back the verdict on"}


class ReviewLine(Line):
    """Draws the top line: the number of results per verdict, the kind shown in brackets, and the scope."""

    DEFAULT_CSS = (
        "ReviewLine { background: $panel; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }"
    )

    about = ""

    def __init__(self, results: ReviewList) -> None:
        super().__init__()
        self._results = results

    def fitted(self) -> Content:
        results, counts = self._results, self._results.counts
        kinds = []
        for kind, title in _TITLES.items():
            count = sum(count for verdict, count in counts.items() if kind.has(verdict))
            choice = choice_of(f"{title} {count:,}", is_chosen=kind is results.showing)
            kinds.append(choice.stylize(Style.from_meta({"show": kind.value})))
        marked = f"  {len(results.marked):,} marked" if results.marked else ""
        head = Content.assemble(("Review", "bold"), (marked, "bold"), "  ")
        line = head + Content(" ").join(kinds)
        about = Content.styled(f"  {self.about}", "$text-muted")
        return line + about if len(line) + len(about) <= self.content_size.width else line


class Review(LeftOnce, Screen[int]):
    """Reviews results. Dismissed with the `seq` of the task whose result is under the cursor."""

    AUTO_FOCUS = "#grid"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("review")]

    def __init__(self, main: MainScreen, scope: Scope, results: Sequence[Result], missing: str) -> None:
        """`missing` says what to install to see pictures; "" if nothing."""
        super().__init__()
        self._main = main
        self.context = main.context
        self._scope = scope
        self._missing = missing
        self._pace = Pace(self.context.clock, main.writes)
        self.results = ReviewList(results)
        if (at_cursor := main.table.task_at_cursor) is not None:
            seqs = [result.seq for result in results]
            self.results.move_to(seqs.index(at_cursor.seq) if at_cursor.seq in seqs else 0)
        self._line = ReviewLine(self.results)
        self._tell_scope()
        self.grid = ReviewGrid(
            self.context, self.results, has_pictures=not missing and self.context.make_previews is not None
        )
        self.large = LargeResult(self.context)
        self._keys = KeyBar(id="keys")

    def compose(self) -> ComposeResult:
        yield self._line
        if self._missing:
            yield Line(Content.styled(f" {sentence(self._missing)}", "$text-warning"))
        yield self.grid
        yield self.large
        yield self._keys

    def on_mount(self) -> None:
        self.watch(self._main, "writes", self._tick, init=False)
        self.set_interval(1.0, self._tick)
        self._keys.show_keys(review_keys(self.context.keymap))

    def refresh(
        self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False
    ) -> Self:
        """Ignore regions, which Textual passes on from the screen below: it does not show through."""
        if regions:
            return self
        return super().refresh(repaint=repaint, layout=layout, recompose=recompose)

    # Following the store

    def _tick(self) -> None:
        if self.is_attached and self._pace.is_time(self._main.writes):
            read: WorkType[None] = self._read_anew
            self.run_worker(read, group="read")

    async def _read_anew(self) -> None:
        scope, now_ms = self._scope, self.context.clock.now_ms()
        with self._pace.reading(self._main.writes):
            results = await self.context.store.run(lambda store: read_results(store, scope, now_ms))
        if self.is_attached:
            self.results.follow(results)
            self._tell_scope()
            self._draw(is_read_anew=True)

    def _tell_scope(self) -> None:
        self._line.about = f"of {self._scope.name(len(seqs_of(self.results.results)))}"

    def _draw(self, *, is_read_anew: bool = False) -> None:
        self._line.draw()
        self.grid.follow(is_read_anew=is_read_anew)
        self._draw_large()

    def _draw_large(self) -> None:
        if not self.large.display:
            return
        result = self.results.at_cursor
        if result is None:
            self.action_review_large()
        else:
            self.large.show(result, len(self.results.results))

    def on_review_grid_moved(self) -> None:
        self._draw_large()

    # Moving

    def action_review_move(self, columns: int, rows: int) -> None:
        self.grid.move(columns, rows)

    def action_review_page(self, pages: int) -> None:
        self.grid.move_page(pages)

    def action_review_end(self, end: int) -> None:
        self.grid.move_to(0 if end < 0 else len(self.results.shown) - 1)

    def action_review_undecided(self, steps: int) -> None:
        before = self.results.cursor
        if self.results.go_to_undecided(steps):
            self.grid.draw_cursor(before)
        else:
            self._main.say("No undecided results.", "warning")

    def action_review_next_kind(self) -> None:
        self.results.show_next()
        self._draw_kind()

    def _draw_kind(self) -> None:
        self._draw()
        if not self.results.shown:
            key = self.context.key_of("review_filter")
            more = f" Press {key} for the next kind." if key else ""
            self._main.say(f"No {self.results.showing.value} results.{more}", "warning")

    def action_review_large(self) -> None:
        if self.results.at_cursor is None and not self.large.display:
            return
        self.large.display = not self.large.display
        self.grid.display = not self.large.display
        self.set_focus(self.large if self.large.display else self.grid)
        self._draw_large()

    def on_review_grid_opened(self) -> None:
        self.action_review_large()

    def action_review_close(self) -> None:
        if self.large.display:
            self.action_review_large()
        else:
            self._leave_review()

    def _leave_review(self) -> None:
        result = self.results.at_cursor
        self.dismiss(result.seq if result else None)

    # Marks and verdicts

    def action_review_mark(self) -> None:
        if (result := self.results.at_cursor) is not None:
            self.results.marked ^= {result.place}
            self._line.draw()
            self.grid.move_to(self.results.cursor + 1)
            self.grid.refresh()

    @in_order
    async def action_review_judge(self, given_verdict: str = "") -> None:
        verdict, chosen = Verdict(given_verdict) if given_verdict else None, self.results.chosen
        given = [(result.seq, result.n, verdict) for result in chosen]
        before = await self._main.acts.judge(given)
        # Results no longer on the list get no verdict.
        known = {(seq, n) for seq, n, _ in before}
        self.results.marked.clear()
        self.results.judge(each for each in given if each[:2] in known)
        self._draw()
        if before:
            what = f"{len(before):,} results" if len(before) > 1 else f"result {chosen[0].number:,}"
            self._main.say(f"{_GIVES[verdict]} {what}.")
        else:
            self._main.say("No result to decide on.", "warning")

    @in_order
    async def action_review_undo(self) -> None:
        if not await are_acts_done(self):
            return
        feedback, _ = await self._main.acts.undo()
        await self._read_anew()
        self._main.tell(feedback)

    # Using results

    @in_order
    async def action_review_open(self) -> None:
        result = self.results.at_cursor
        seq = result.seq if result else 0
        detail = await self.context.store.run(lambda store: store.tasks.detail(seq, raw=False))
        if result is not None and detail is not None:
            # Do not hold up the next keys: a browser is given some time to fail.
            let_keys_go_on()
            self._main.tell(await self._main.acts.open_shown(detail, result.n))

    @in_order
    async def action_review_copy(self) -> None:
        chosen = self.results.chosen
        seqs = seqs_of(chosen)
        links = await self.context.store.run(
            lambda store: {task.seq: urls for task, urls in store.tasks.links(seqs)}
        )
        urls = [links[each.seq][each.n - 1] for each in chosen if each.n <= len(links.get(each.seq, ()))]
        self._main.tell(
            copied("\n".join(urls), plural(len(urls), "link")) if urls else warning("No link to copy.")
        )

    @in_order
    async def action_review_download(self) -> None:
        chosen = self.results.marked_results or [
            each for each in self.results.results if each.verdict is Verdict.PICKED
        ]
        if not chosen:
            self._main.say("Nothing to save: no result is picked or marked.", "warning")
            return
        places = {each.place for each in chosen}
        await self._main.downloads.save(seqs_of(chosen), places)
        self._main.say(saving(self.context, len(chosen)))

    def action_review_sheet(self) -> None:
        marked = self.results.marked_results
        chosen = marked or list(self.results.shown)
        if not chosen:
            self._main.say("No results to show on a contact sheet.", "warning")
            return
        try:
            check_count(len(chosen), "mark some of them, or show fewer")
        except TaskdashError as error:
            self._main.say(sentence(str(error)), "warning")
            return
        kind = "marked" if marked else self.results.showing.value.replace("all", "")
        asked = f"{plural(len(chosen), f'{kind} result'.lstrip())} {self._line.about}"
        # Run by the main screen, so that it continues after the review is closed.
        make: WorkType[None] = partial(self._make_sheet, chosen, asked)
        self._main.run_worker(make, group="sheet")
        self._main.say(f"Making a contact sheet of {plural(len(chosen), 'result')}…")

    async def _make_sheet(self, chosen: Sequence[Result], asked: str) -> None:
        context, path = self.context, download_dir(self.context.settings) / SHEET_NAME
        places, seqs = {each.place for each in chosen}, seqs_of(chosen)
        found = await context.store.run(lambda store: cards_of(store, seqs, context.keys))
        results = [each for each in found if (each.detail.task.seq, each.number) in places]
        try:
            with suppress(OSError):  # told by `check_place`
                await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
            await asyncio.to_thread(check_place, path)
            names = {context.profile, *(card.detail.task.profile for card in results)}
            services = context.services
            previews = {name: await services[name].previews() for name in names & services.keys()}
            text = await make_sheet(
                results,
                lambda profile: previews.get(profile, previews[context.profile]),
                asked=asked,
                now_ms=context.clock.now_ms(),
                ttls_ms=context.settings.ttls_ms(None),
                folder=path.parent,
            )
            await asyncio.to_thread(save_sheet, path, text)
        except TaskdashError as error:
            self._main.say(sentence(str(error)), "error")
        else:
            self._main.say(
                f"Saved a contact sheet of {plural(len(results), 'result')} to {inert_line(str(path))}."
            )

    @in_order
    async def action_review_renew(self) -> None:
        seqs = seqs_of(self.results.chosen)
        tasks = await self.context.store.run(lambda store: store.tasks.by_seq(seqs))
        if tasks:
            self.grid.pictures.retry()
            self._main.tell(await self._main.acts.check(tasks))
            self._main.tell_renewal(tasks)

    # The rest

    def action_messages(self) -> None:
        self._main.action_messages()

    async def action_review_help(self) -> None:
        await self.app.push_screen(screens.help.Help(review_sections(self.context.keymap)))

    async def on_click(self, event: events.Click) -> None:
        if "show" in event.style.meta:
            self.results.show(Showing(event.style.meta["show"]))
            self._draw_kind()
        elif "key" in event.style.meta:
            await self.run_action(call_of(event.style.meta["key"]))

    def on_paste(self, event: events.Paste) -> None:
        """Pass a paste on to the list, which looks for IDs in it."""
        event.stop()
        self._leave_review()
        self._main.post_message(events.Paste(event.text))

    def on_screen_resume(self) -> None:
        self.grid.refresh()
