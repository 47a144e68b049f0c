"""The help: what can be done where the focus is, from the table of actions, and why something cannot be done now."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual import events
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from taskdash.ui.actions import ACTIONS, RESULT_KEYS
from taskdash.ui.key_names import key_name
from taskdash.ui.screens.dialog import Dialog
from taskdash.ui.usefulness import why_not
from taskdash.ui.widgets.lines import Line

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from taskdash.ui.keymap import Keymap
    from taskdash.ui.usefulness import Situation

_KEY_CELLS: Final = 16

PLACES: Final = {
    "table": (
        "In the list",
        (
            ("", "Keys act on the marked rows, else on the one under the cursor."),
            ("paste", "adds the task IDs in the text, after a preview"),
            ("mouse", "a click moves the cursor; on a title it sorts"),
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
            ('"a phrase"', "words as they stand together"),
            ("!word", "what does not match; goes before any of these"),
            ("state:fail", "new, waiting, success, fail, unfinished"),
            ("label: note: id:", "in that field; also prompt: model: failure:"),
            ("problem:any", "last check failed; or not-found, unreachable ..."),
            ("reason:timeout", "why it failed; or content-policy, credits ..."),
            ("cost:>30s", "costTime; with < <= > >= and ms, s, m, h, d"),
            ("age:<2h", "since createTime"),
            ("expires:<2h", "results that expire soon; saved:no, saved:yes"),
            ("Enter Esc", "keeps the filter; brings back what was before"),
        ),
    ),
}
"""Where the focus can be: a title, and what there is beside the actions."""


class Help(Dialog[None]):
    """Every key, those of the place first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q,question_mark,f1,enter", "dismiss(None)", "close"),
        ("j,down", "scroll_by(1)", "down"),
        ("k,up", "scroll_by(-1)", "up"),
        ("pagedown,space", "scroll_pages(1)", "a page down"),
        ("pageup", "scroll_pages(-1)", "a page up"),
        ("g,home", "scroll_pages(-1000)", "to the begin"),
        ("G,end", "scroll_pages(1000)", "to the end"),
    ]

    def __init__(self, keymap: Keymap, place: str, situation: Situation) -> None:
        """`place` is a key of `PLACES`."""
        super().__init__()
        self._text = Static(_help_text(keymap, place, situation))
        self._scroll = VerticalScroll(self._text, can_focus=False)

    def compose(self) -> ComposeResult:
        """The keys by group."""
        with Vertical(classes="dialog"):
            yield Line(Content.styled("Help", "bold"))
            yield self._scroll
            yield Line(
                Content.styled(
                    "PgDn scrolls, Esc closes. Keys of your own: [keys] in the config.",
                    "$text-muted",
                )
            )

    def on_paste(self, event: events.Paste) -> None:
        """A paste is for the list below."""
        event.stop()
        self.dismiss(None)
        self.app.screen_stack[0].post_message(events.Paste(event.text))

    def action_scroll_by(self, lines: int) -> None:
        """Scroll the help."""
        self._scroll.scroll_relative(y=lines, animate=False)

    def action_scroll_pages(self, pages: int) -> None:
        """Scroll by what is seen at once, less a line to go on from."""
        self.action_scroll_by(pages * max(1, self._scroll.size.height - 1))


def _help_text(keymap: Keymap, place: str, situation: Situation) -> Content:
    title, hints = PLACES[place]
    lines = [Content.styled(title, "bold $text-primary"), *(_line(key, does) for key, does in hints)]
    # Moving comes last: arrows are tried by themselves, and on 24 lines it would fill the first page.
    groups = sorted(dict.fromkeys(action.group for action in ACTIONS), key=lambda group: group == "Move")
    for group in groups:
        lines += [Content(""), Content.styled(group, "bold $text-primary")]
        for action in ACTIONS:
            if action.group == group and action.name not in RESULT_KEYS:
                keys = " ".join(map(key_name, keymap[action.name])) or "palette"
                lines.append(_line(keys, action.title, why_not(action.name, situation)))
        if group == "Results":
            lines.append(_line("1 .. 9", "open that result link", why_not(RESULT_KEYS[0], situation)))
    return Content("\n").join(lines)


def _line(keys: str, does: str, why: str | None = None) -> Content:
    if why is not None:
        return Content.styled(f"  {keys:<{_KEY_CELLS}} {does} (not now: {why})", "$text-muted")
    return Content.assemble((f"  {keys:<{_KEY_CELLS}} " if keys else "  ", "$text-accent"), does)
