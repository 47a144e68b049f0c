"""The command palette: every action by what it does, with its keys, and every setting by its name."""

from __future__ import annotations

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
"""How wide the palette gets; its style sheet says the same."""
_FRAME_CELLS: Final = 8
"""What else the list has beside a line: margins and a scroll bar."""


class Palette(LeftOnce, CommandPalette):
    """Textual's, with page keys that a list without a line bears, and an end that may be asked for more than once."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("pagedown", "page_down", "page down"),
        ("pageup", "page_up", "page up"),
    ]

    def run_worker(self, *args: Any, **kwargs: Any) -> Worker[Any]:  # noqa: ANN401 - as Textual has it
        """Begin a search, whose errors count for nothing: one that is under way as the palette goes finds no list."""
        return super().run_worker(*args, **{**kwargs, "exit_on_error": False})

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        """Let no key act while its parts are not there yet, or not any more."""
        return bool(self.query(CommandList))

    def on_resize(self) -> None:
        """Search again: the lines are made for the width there is."""
        for box in self.query(Input):
            box.post_message(Input.Changed(box, box.value))

    # Before the first line of it was drawn Textual knows of no pages.

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
    """Makes what is shown of the title, in which a match may be highlighted."""
    name: str = ""
    """Found by as well as by the title."""
    is_offered: bool = True
    """Before anything is typed, too."""


class _Finder(Provider):
    """Finds entries by their titles."""

    def entries(self) -> Iterable[_Entry]:
        raise NotImplementedError

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
    """Finds the themes by their names."""

    def entries(self) -> Iterable[_Entry]:
        themes = cast("Dashboard", self.app).themes
        for name in (AUTO, *sorted(self.app.available_themes)):
            yield _Entry(name, partial(themes.use, name))


class ActionProvider(_Finder):
    """Finds every action by what it does, and by its name in the config; themes, profiles and the config's settings."""

    def entries(self) -> Iterable[_Entry]:
        """Give all; offered is not what only moves the cursor, nor the nine result keys."""
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
        """Return a title, what is said of it, and keys at the right end; what is said gives way."""
        # Textual would take it for markup if it were a string.
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
            # Textual's palette runs a command once for each Enter that is typed.
            if main.is_active:
                await main.app.run_action(call_of(action.name), place)

        return run

    @property
    def _list(self) -> MainScreen:
        return cast("MainScreen", self.app.screen_stack[0])


def _highlighted(title: str, matcher: Matcher) -> Content:
    """Return a title with what matches in it, as Textual highlights it."""
    _, matching = matcher.fuzzy_search.match(matcher.query, title)
    style, content = matcher.match_style, Content(title)
    for index in matching:
        content = content.stylize(style, index, index + 1)
    return content
