"""Finds every action by description, with its keys, and every setting by name: the command palette."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple, cast

from textual.command import CommandList, CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.widgets import Input, Static

from taskdash.config.describe import explained_settings
from taskdash.ui.actions import MOVES, RESULT_KEYS, all_actions, call_of, situation_of, why_not
from taskdash.ui.keymap import key_name
from taskdash.ui.screens.dialog import LeftOnce, TextDialog
from taskdash.ui.themes import AUTO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from textual.binding import BindingType
    from textual.fuzzy import Matcher
    from textual.types import IgnoreReturnCallbackType
    from textual.worker import Worker

    from taskdash.ui.actions import Action
    from taskdash.ui.app import Dashboard
    from taskdash.ui.screens.main import MainScreen

_MAX_CELLS: Final = 100
"""The maximum width of the palette; the same as in its style sheet."""
_FRAME_CELLS: Final = 8
"""The width of the margins and the scroll bar beside a line."""


class Palette(LeftOnce, CommandPalette):
    """Makes Textual's command palette survive page keys on an empty list and repeated dismissals."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("pagedown", "page_down", "page down"),
        ("pageup", "page_up", "page up"),
    ]

    def run_worker(self, *args: Any, **kwargs: Any) -> Worker[Any]:  # noqa: ANN401 - Textual's
        """Ignore the errors of a search: one still running while the palette closes finds no list."""
        return super().run_worker(*args, **{**kwargs, "exit_on_error": False})

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        """Disable all actions before the list is mounted and after it is removed."""
        return bool(self.query(CommandList))

    def on_resize(self) -> None:
        """Search again, since lines are made for the current width."""
        for box in self.query(Input):
            box.post_message(Input.Changed(box, box.value))

    # Textual raises KeyError before the first line has been drawn.

    def action_page_down(self) -> None:
        with suppress(KeyError):
            self.query_one(CommandList).action_page_down()  # type: ignore[no-untyped-call] # Textual's

    def action_page_up(self) -> None:
        with suppress(KeyError):
            self.query_one(CommandList).action_page_up()  # type: ignore[no-untyped-call] # Textual's


class _Entry(NamedTuple):
    title: str
    run: IgnoreReturnCallbackType
    line: Callable[[Content], Content] = lambda title: title
    """Makes the line from the title, in which a match may be highlighted."""
    name: str = ""
    """Searched as well as the title."""
    is_offered: bool = True
    """Whether it is listed before anything is typed."""


class _Finder(Provider):
    """Finds entries by title or name."""

    @abstractmethod
    def entries(self) -> Iterable[_Entry]:
        """Return everything that can be found."""

    async def discover(self) -> Hits:
        for each in self.entries():
            if each.is_offered:
                yield DiscoveryHit(each.line(Content(each.title)), each.run, text=each.title)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for each in self.entries():
            score = max(matcher.match(each.title), matcher.match(each.name or each.title))
            if score > 0:
                yield Hit(score, each.line(_highlighted(each.title, matcher)), each.run, text=each.title)


class ThemeProvider(_Finder):
    """Finds themes by name."""

    def entries(self) -> Iterable[_Entry]:
        themes = cast("Dashboard", self.app).themes
        for name in (AUTO, *sorted(self.app.available_themes)):
            yield _Entry(name, partial(themes.use, name))


class ActionProvider(_Finder):
    """Finds actions by description or config name, and profiles, views, settings and the choice of theme."""

    def entries(self) -> Iterable[_Entry]:
        """Yield all entries; movement, the nine result keys and settings are found only by typing."""
        for action in all_actions(self._list.context.keymap):
            if action.name != "palette":
                is_offered = action.group != "Move" and action.name not in RESULT_KEYS
                title, line = action.title[:1].upper() + action.title[1:], partial(self._action_line, action)
                yield _Entry(title, self._run(action), line, action.name, is_offered)
        context, app = self._list.context, self._list.app
        others = [("Theme", "Change the colours", app.action_change_theme)] + [
            (f"Profile {name}", f"Show the tasks of {name}", partial(app.use_profile, name))
            for name in (context.settings.profiles if context.reopen else ())
            if name != context.profile
        ]
        others += [
            (f"View {tab.title}", "Show this view", partial(self._list.listing.show_tab, index))
            for index, tab in enumerate(self._list.listing.tabs)
            if tab.view
        ]
        for title, about, run in others:
            yield _Entry(title, run, partial(self._line, about=about))
        for name, about in explained_settings().items():
            line = partial(self._line, about=about)
            yield _Entry(f"Setting {name}", partial(self._explain, name, about), line, is_offered=False)

    def _explain(self, name: str, about: str) -> None:
        where = Content.styled(
            "Set it in the config file (`taskdash config path` shows where).", "$text-muted"
        )
        self.app.push_screen(TextDialog(name, "Esc closes", Static(Content.assemble(about, "\n\n", where))))

    def _action_line(self, action: Action, title: Content) -> Content:
        keys = " ".join(map(key_name, self._list.context.keymap[action.name]))
        why = why_not(action.name, situation_of(self._list))
        return self._line(title.stylize("$text-muted") if why else title, why or "", keys)

    def _line(self, title: Content, about: str, keys: str = "") -> Content:
        """Return a title, a description truncated to fit, and keys at the right edge."""
        # Content, as Textual would parse a string as markup.
        width = max(1, min(self.app.size.width, _MAX_CELLS) - _FRAME_CELLS)
        line = title
        if about:
            line += Content.styled(f"  {about}", "$text-muted not bold")
        room = max(1, width - len(keys) - 2 * bool(keys))
        line = line.truncate(room, ellipsis=True)
        gap = " " * max(0, width - line.cell_length - len(keys))
        return Content.assemble(line, gap, (keys, "$text-accent")) if keys else line

    def _run(self, action: Action) -> IgnoreReturnCallbackType:
        main = self._list
        place = main.table if action.name in MOVES else main

        async def run() -> None:
            # Textual's palette runs a command once per Enter pressed.
            if main.is_active:
                await main.app.run_action(call_of(action.name), place)

        return run

    @property
    def _list(self) -> MainScreen:
        return cast("MainScreen", self.app.screen_stack[0])


def _highlighted(title: str, matcher: Matcher) -> Content:
    """Return a title with its matching characters highlighted, as Textual does."""
    _, matching = matcher.fuzzy_search.match(matcher.query, title)
    style, content = matcher.match_style, Content(title)
    for index in matching:
        content = content.stylize(style, index, index + 1)
    return content
