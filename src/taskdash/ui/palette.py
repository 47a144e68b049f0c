"""The command palette: every action by what it does, with its keys, and every setting by its name."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from taskdash.ui.actions import ACTIONS, RESULT_KEYS
from taskdash.ui.key_names import key_name
from taskdash.ui.keymap import method_of
from taskdash.ui.said import Said
from taskdash.ui.usefulness import why_not

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import App

    from taskdash.ui.actions import Action
    from taskdash.ui.screens.list_screen import ListScreen

_MOVES: Final = "Move"
_ITSELF: Final = "palette"
_UNASKED: Final = (*RESULT_KEYS, _ITSELF)


class ActionProvider(Provider):
    """Finds every action by what it does, and by its name in the config; and the config's settings."""

    async def discover(self) -> Hits:
        """Before anything is typed: all but what only moves the cursor, and the nine result keys."""
        for action in ACTIONS:
            if action.group == _MOVES or action.name in _UNASKED:
                continue
            yield DiscoveryHit(_title(action), self._run(action), help=self._keys(action))

    async def search(self, query: str) -> Hits:
        """Those whose title or name fits."""
        matcher = self.matcher(query)
        for action in ACTIONS:
            score = max(matcher.match(_title(action)), matcher.match(action.name))
            if score > 0 and action.name != _ITSELF:
                yield Hit(
                    score, matcher.highlight(_title(action)), self._run(action), help=self._keys(action)
                )

        from taskdash.config.example import explained_settings

        for name, about in explained_settings():
            title = f"Setting {name}"
            if (score := matcher.match(title)) > 0:
                yield Hit(score, matcher.highlight(title), self._tell(name, about), help=about)

    def _tell(self, name: str, about: str) -> Callable[[], None]:
        where = "Set in the config file: taskdash config path prints where it is."
        return partial(self._list.tell, Said(f"{name}: {about} {where}"))

    def _keys(self, action: Action) -> str:
        keys = " ".join(map(key_name, self._list.desk.keymap[action.name])) or "no key"
        why = why_not(action.name, self._list.situation)
        return f"{keys}   (not now: {why})" if why else keys

    def _run(self, action: Action) -> _Call:
        return _Call(self.app, method_of(action.name))

    @property
    def _list(self) -> ListScreen:
        return cast("ListScreen", self.app.screen_stack[0])


class _Call:
    """Runs an action on the screen below the palette."""

    def __init__(self, app: App[object], method: str) -> None:
        self._app, self._method = app, method

    async def __call__(self) -> None:
        await self._app.run_action(f"screen.{self._method}")


def _title(action: Action) -> str:
    return action.title[:1].upper() + action.title[1:]
