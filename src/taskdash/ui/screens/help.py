"""Shows the help page: the keys and what they do, why some do nothing at the moment, and a search box."""

from __future__ import annotations

from itertools import zip_longest
from textwrap import wrap
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from rich.cells import cell_len
from textual import events
from textual.containers import Horizontal, Vertical
from textual.content import Content

from taskdash.ui.actions import RESULT_KEYS, REVIEW_ACTIONS, all_actions, why_not
from taskdash.ui.keymap import key_name
from taskdash.ui.screens.dialog import FittedText, SearchedText, muted
from taskdash.ui.widgets.bars import Line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from taskdash.ui.actions import Action, Situation
    from taskdash.ui.keymap import Keymap

WIDE_CELLS: Final = 76
"""From this width, title, search box and hint share a line."""
_NARROW_HEAD_LINES: Final = 4
TALL_LINES: Final = 48
"""From this height, the page has a border."""
TWO_COLUMNS_CELLS: Final = 94
"""From this width, the page has two columns; a 100-cell terminal leaves just enough."""
_COLUMN_GAP: Final = 3
_SPLIT_COST: Final = 2
"""How many extra lines are acceptable to avoid splitting a section between the columns."""
_KEY_GAP: Final = 2
_LONGEST_KEYS: Final = 10
"""The width of the keys; longer ones push the text to the right."""
_LEAST_CELLS: Final = 30
"""If less than this is left beside the keys, long lines continue below them."""
_NARROW_MARGIN: Final = 4


class Help(SearchedText):
    """Shows every key, those of the focused part first, and the filter language, on one page."""

    SIZE = "page"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("question_mark,f1", "dismiss(None)", "close"),
    ]

    def __init__(self, sections: Sequence[HelpSection]) -> None:
        self._sections = sections
        self._text = FittedText(self._fitted)
        super().__init__("", "Esc closes. Customise keys under [keys] in the config.", self._text)

    def compose(self) -> ComposeResult:
        with Vertical(classes=f"dialog {self.SIZE}"):
            # All on one line: on a 36-line screen the page has none to spare.
            with Horizontal():
                yield Line(Content.styled("Help", "bold"))
                yield self.box
                yield self.hint
            yield self.scroll

    def _fitted(self, width: int) -> Content:
        if sections := matching(self._sections, self.box.value):
            return help_text(sections, width, self.room)
        return muted(f'Nothing matches "{self.box.value.strip()}". Esc clears the search.')

    @property
    def room(self) -> int:
        """Return the number of lines below the head, less the borders on a tall screen."""
        width, height = self.app.size
        head = 1 if width >= WIDE_CELLS else _NARROW_HEAD_LINES
        return max(1, height - head - 2 * (height >= TALL_LINES))

    def on_resize(self) -> None:
        self.set_class(self.app.size.width < WIDE_CELLS, "-narrow")
        self.set_class(self.app.size.height >= TALL_LINES, "-tall")
        self.scroll.styles.min_height = None

    def on_input_changed(self) -> None:
        self._text.refresh(layout=True)
        self.scroll.scroll_home(animate=False)

    def action_search(self) -> None:
        # Keep the page in place, however little is found.
        self.scroll.styles.min_height = self.scroll.size.height
        super().action_search()

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        self.dismiss(None)
        # By now that is the screen below, whether this paste or an earlier Esc closed the help.
        self.app.screen.post_message(events.Paste(event.text))


class HelpEntry(NamedTuple):
    """Explains keys, or is a remark if it has none."""

    keys: str
    does: str
    name: str = ""
    """The action's name in the config's `[keys]`."""
    why_not: str | None = None
    """Why the action is unavailable, "" if there is no room to say why; None if it is available."""


class HelpSection(NamedTuple):
    """Groups entries under a title."""

    title: str
    entries: Sequence[HelpEntry]


_TOGETHER: Final = (
    ("cursor_up", "cursor_down", "move up or down"),
    ("page_up", "page_down", "page up or down"),
    ("first", "last", "first or last task"),
    ("next_pane", "previous_pane", "switch panes"),
    ("previous_tab", "next_tab", "previous or next tab"),
    ("sort", "reverse", "sort, reverse the order"),
    ("mark", "mark_all", "mark the row, or all shown"),
    ("mark_up", "mark_down", "mark and move"),
    ("failures", "batches", "failures by reason, batches by label"),
    ("help", "palette", "help, command palette"),
    ("preview", "preview_next", "preview on or off, next"),
    ("larger_detail", "smaller_detail", "resize the detail pane (or drag it)"),
)
"""Pairs of actions that share a line, to save room."""
FILTER: Final = HelpSection(
    "Filter",
    (
        HelpEntry("", "All words must match. Tab completes fields and values."),
        HelpEntry('"a phrase"', "exact phrase"),
        HelpEntry("!word", "exclude; works with any of these"),
        HelpEntry("state:fail", "or new, waiting, success, unfinished"),
        HelpEntry("label:cat", "also note: prompt: model: id: failure:"),
        HelpEntry("reason:timeout", "why it failed"),
        HelpEntry("problem:any", "the last check failed"),
        HelpEntry("duration:>30s", "time taken (or cost:); ms, s, m, h, d"),
        HelpEntry("age:<2h", "time since created; expires:<2h time left"),
        HelpEntry("saved:no", "or yes; also picked: rejected: undecided: unseen: overdue: charged:"),
        HelpEntry("", "Enter keeps the filter, Esc restores the previous one."),
    ),
)
_ABOUT_PLACE: Final = {
    "table": HelpSection(
        "In the list",
        (
            HelpEntry("", "Keys act on marked rows, or on the row at the cursor."),
            HelpEntry("*", "finished, not viewed yet; Esc clears all"),
            HelpEntry("mouse", "click a row to select it, a heading to sort"),
        ),
    ),
    "detail": HelpSection(
        "In the detail",
        (
            HelpEntry("↑ ↓", "scroll; so do PgUp, PgDn and the wheel"),
            HelpEntry("mouse", "drag to select, ctrl+c copies the selection"),
        ),
    ),
    "filter": FILTER,
}


def help_sections(keymap: Keymap, place: str, situation: Situation) -> list[HelpSection]:
    """Return the help for the list, beginning with `place`: table, detail or filter."""
    about = _ABOUT_PLACE[place]
    # Movement comes last: everyone tries the arrows anyway, and on 24 lines it would fill the first page.
    groups = sorted(
        dict.fromkeys(action.group for action in all_actions(keymap)), key=lambda group: group == "Move"
    )
    sections = [HelpSection(group, _entries(group, keymap, situation)) for group in groups]
    if place == "table":
        keys_of_list = sections.pop(groups.index("List"))
        about = HelpSection(about.title, (*about.entries, *keys_of_list.entries))
    return [about, *sections, *([] if place == "filter" else [FILTER])]


def review_sections(keymap: Keymap) -> list[HelpSection]:
    """Return the help for the review."""
    sections = [
        HelpSection(group, [_entry(action, keymap) for action in REVIEW_ACTIONS if action.group == group])
        for group in dict.fromkeys(action.group for action in REVIEW_ACTIONS)
    ]
    mouse = HelpEntry("mouse", "click selects, double-click enlarges, the wheel scrolls")
    remark = HelpEntry("", "Verdicts and links apply to marked results, or to the one at the cursor.")
    return [*sections[1:2], HelpSection("In the review", [remark, mouse]), *sections[2:], *sections[:1]]


def _entry(
    action: Action, keymap: Keymap, why: str | None = None, second: str = "", does: str = ""
) -> HelpEntry:
    names = [action.name, *([second] if second else [])]
    keys = " ".join(key_name(key) for name in names for key in keymap[name])
    return HelpEntry(keys or "palette", does or action.title, " ".join(names), why)


def _entries(group: str, keymap: Keymap, situation: Situation) -> list[HelpEntry]:
    together = {first: (second, does) for first, second, does in _TOGETHER}
    seconds = {second for _, second, _ in _TOGETHER}
    entries = []
    for action in all_actions(keymap):
        if action.group != group or action.name in seconds:
            continue
        why = why_not(action.name, situation)
        if action.name == RESULT_KEYS[0]:
            entries.append(HelpEntry("1 .. 9", "open that link", "open_result_N", why))
        elif action.name not in RESULT_KEYS:
            entries.append(_entry(action, keymap, why, *together.get(action.name, ())))
    return entries


def matching(sections: Sequence[HelpSection], text: str) -> list[HelpSection]:
    """Return the entries with every word of `text` in their keys, description, name or section title."""
    words = text.casefold().split()
    found = []
    for section in sections:
        entries = [
            entry
            for entry in section.entries
            if all(word in " ".join((section.title, *entry[:3])).casefold() for word in words)
        ]
        if entries:
            found.append(HelpSection(section.title, entries))
    return found


def help_text(sections: Sequence[HelpSection], width: int, height: int) -> Content:
    """Return the sections in lines of `width` cells.

    If two columns exceed `height`, blank lines are dropped first, then reasons that would take extra lines.
    """
    if width < TWO_COLUMNS_CELLS:
        return Content("\n").join(_stacked(_parts(sections, width), is_spaced=True))
    lines = _two_columns(sections, width, is_spaced=True)
    for is_brief in (False, True):
        if len(lines) > height:
            lines = _two_columns(sections, width, is_spaced=False, is_brief=is_brief)
    return Content("\n").join(lines)


def _two_columns(
    sections: Sequence[HelpSection], width: int, *, is_spaced: bool, is_brief: bool = False
) -> list[Content]:
    cells = (width - _COLUMN_GAP) // 2
    parts = _parts(sections, cells, is_brief=is_brief)

    def columns(at: int) -> tuple[list[Content], list[Content]]:
        return _stacked(parts[:at], is_spaced=is_spaced), _stacked(parts[at:], is_spaced=is_spaced)

    def cost(at: int) -> int:
        is_within_section = at < len(parts) and not parts[at].is_first
        return max(map(len, columns(at))) + _SPLIT_COST * is_within_section

    left, right = columns(min(range(1, len(parts) + 1), key=cost, default=0))
    pairs = zip_longest(left, right, fillvalue=Content(""))
    return [one.pad_right(cells + _COLUMN_GAP - one.cell_length) + other for one, other in pairs]


class _Part(NamedTuple):
    """Keeps lines together: those of an entry, and the title if it is the first of its section."""

    lines: Sequence[Content]
    is_first: bool


def _parts(sections: Sequence[HelpSection], width: int, *, is_brief: bool = False) -> list[_Part]:
    parts = []
    for section in sections:
        for number, entry in enumerate(section.entries):
            title = [] if number else [Content.styled(section.title, "bold")]
            lines = _entry_lines(entry, width)
            if is_brief and entry.why_not:
                brief = _entry_lines(HelpEntry(entry.keys, entry.does, entry.name, ""), width)
                lines = brief if len(brief) < len(lines) else lines
            parts.append(_Part([*title, *lines], not number))
    return parts


def _stacked(parts: Sequence[_Part], *, is_spaced: bool) -> list[Content]:
    lines: list[Content] = []
    for part in parts:
        lines += [Content(""), *part.lines] if lines and is_spaced and part.is_first else part.lines
    return lines


def _entry_lines(entry: HelpEntry, width: int) -> list[Content]:
    """Return the lines of an entry, wrapped beside its keys, or below them where room is short."""
    keys = f"{entry.keys:<{_LONGEST_KEYS}}{' ' * _KEY_GAP}" if entry.keys else ""
    margin = len(keys)
    if width - margin < _LEAST_CELLS:
        margin = min(margin, _NARROW_MARGIN)
    does = f"{entry.does} ({entry.why_not})" if entry.why_not else entry.does
    texts = wrap(
        f"{keys}{does}",
        max(width, 2 * _NARROW_MARGIN),
        subsequent_indent=" " * margin,
        break_on_hyphens=False,
    )
    style = "$text-muted" if entry.why_not is not None or not keys else ""
    lines = [Content.styled(text, style) for text in texts]
    if not style:
        lines[0] = lines[0].stylize("$text-accent", 0, len(entry.keys))
    if entry.name:
        gap = width - cell_len(texts[-1]) - len(entry.name)
        if gap < _KEY_GAP:
            lines.append(Content(""))
            gap = max(0, width - len(entry.name))
        lines[-1] = Content.assemble(lines[-1], " " * gap, (entry.name, "$text-muted"))
    return lines
