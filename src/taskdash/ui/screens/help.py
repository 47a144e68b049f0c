"""The help: what can be done where the focus is, from the table of actions, and why something cannot be done now."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from textual import events
from textual.content import Content

from taskdash.ui.actions import ACTIONS, RESULT_KEYS
from taskdash.ui.availability import why_not
from taskdash.ui.keymap import key_name
from taskdash.ui.screens.dialog import FittedText, TextDialog

if TYPE_CHECKING:
    from textual.binding import BindingType

    from taskdash.ui.availability import Situation
    from taskdash.ui.keymap import Keymap

_KEY_CELLS: Final = 16
_LEAST_CELLS: Final = 30
"""Where less than this is left beside the keys a long line goes on under them."""
_NARROW_MARGIN: Final = 4

PLACES: Final = {
    "table": (
        "In the list",
        (
            ("", "Keys act on the marked rows, or on the row under the cursor."),
            ("paste", "adds the task IDs in the text, after a preview"),
            ("mouse", "click a row to select it, a heading to sort"),
        ),
    ),
    "detail": (
        "In the detail",
        (
            ("↑ ↓ PgUp PgDn", "scroll the text"),
            ("mouse", "drag to select, ctrl+c copies what is selected"),
            ("Tab", "back to the list"),
        ),
    ),
    "filter": (
        "In the filter",
        (
            ("", "All words must match, each somewhere in a task's texts."),
            ('"a phrase"', "exact phrase"),
            ("!word", "exclude; works with any of these"),
            ("state:fail", "new, waiting, success, fail, unfinished"),
            ("label: note: id:", "in that field; also prompt: model: failure:"),
            ("problem:any", "last check failed; or not-found, rejected ..."),
            ("reason:timeout", "why it failed; or content-policy, credits ..."),
            ("cost:>30s", "duration; with < <= > >= and ms, s, m, h, d"),
            ("age:<2h", "since it was created"),
            ("expires:<2h", "results that expire soon; saved:no, saved:yes"),
            ("Enter Esc", "keeps the filter, restores the previous one"),
        ),
    ),
}
"""Where the focus can be: a title, and what there is beside the actions."""


class Help(TextDialog):
    """Every key, those of the place first."""

    BINDINGS: ClassVar[list[BindingType]] = [("question_mark,f1", "dismiss(None)", "close")]

    def __init__(self, keymap: Keymap, place: str, situation: Situation) -> None:
        """`place` is a key of `PLACES`."""
        lines = _help_lines(keymap, place, situation)
        super().__init__(
            "Help",
            "Esc closes. Customise keys under [keys] in the config.",
            FittedText(lambda width: Content("\n").join(line.drawn(width) for line in lines)),
        )

    def on_paste(self, event: events.Paste) -> None:
        """Hand a paste to the list below."""
        event.stop()
        self.dismiss(None)
        self.app.screen_stack[0].post_message(events.Paste(event.text))


class _HelpLine(NamedTuple):
    """One thing to know: without a key it is a remark, or a title."""

    keys: str
    does: str
    style: str = ""

    def drawn(self, width: int) -> Content:
        """Return it in `width` cells: what is too long goes on beside its key, or under it where room is short."""
        keys = f"  {self.keys:<{_KEY_CELLS}} " if self.keys else ""
        margin = len(keys) or len(self.does) - len(self.does.lstrip())
        if width - margin < _LEAST_CELLS:
            margin = _NARROW_MARGIN
        lines = wrap(
            f"{keys}{self.does}",
            max(width, 2 * _NARROW_MARGIN),
            subsequent_indent=" " * margin,
            break_on_hyphens=False,
        )
        text = Content.styled("\n".join(lines), self.style)
        return text if self.style else text.stylize("$text-accent", 0, len(keys))


def _help_lines(keymap: Keymap, place: str, situation: Situation) -> list[_HelpLine]:
    title, hints = PLACES[place]
    lines = [_title(title), *(_HelpLine(keys, does if keys else f"  {does}") for keys, does in hints)]
    # Moving comes last: arrows are tried by themselves, and on 24 lines it would fill the first page.
    groups = sorted(dict.fromkeys(action.group for action in ACTIONS), key=lambda group: group == "Move")
    for group in groups:
        lines += [_HelpLine("", ""), _title(group)]
        for action in ACTIONS:
            if action.group == group and action.name not in RESULT_KEYS:
                keys = " ".join(map(key_name, keymap[action.name])) or "palette"
                lines.append(_action(keys, action.title, why_not(action.name, situation)))
        if group == "Results":
            lines.append(_action("1 .. 9", "open that result link", why_not(RESULT_KEYS[0], situation)))
    lines += [_HelpLine("", ""), _title("Names for [keys] in the config")]
    return lines + [
        _HelpLine(group, "  ".join(action.name for action in ACTIONS if action.group == group))
        for group in groups
    ]


def _title(text: str) -> _HelpLine:
    return _HelpLine("", text, "bold $text-primary")


def _action(keys: str, does: str, why: str | None) -> _HelpLine:
    return _HelpLine(keys, does) if why is None else _HelpLine(keys, f"{does} ({why})", "$text-muted")
