"""The dialog of failures by reason: their counts, the latest example of each, and a filter for its tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from textual.content import Content
from textual.widgets import Static
from textual.widgets.option_list import Option

from taskdash.domain.durations import ago
from taskdash.domain.failures import charged_words, class_filter, reasons
from taskdash.domain.untrusted import inert_line
from taskdash.ui.screens.dialog import Choices

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.widgets import OptionList

    from taskdash.domain.failures import Reason
    from taskdash.domain.task import ProblemKind, Task
    from taskdash.store.store import Store
    from taskdash.ui.acts import Scope

_NO_MESSAGE: Final = "no reason given"
_MAX_MESSAGE_CHARS: Final = 200
_MAX_NAME_CHARS: Final = 120
_LINES_AROUND: Final = 15
"""Lines for borders, title, the example of a reason, keys, and the blanks between them."""


class FailureCounts(NamedTuple):
    """The reasons why tasks failed, with counts and examples."""

    reasons: Sequence[Reason]
    problems: Sequence[tuple[ProblemKind, int]]
    newest: Mapping[int, Task]
    """By `seq`: the task named by each reason's `newest_seq`."""
    total: int


def read_failures(store: Store, scope: Scope, now_ms: int) -> FailureCounts:
    """Read the failures and problems of the tasks in a scope."""
    query, marked = scope.asked
    found = reasons(store.summaries.failures(query, now_ms, marked=marked))
    problems = store.summaries.problems(query, now_ms, marked=marked)
    newest = {task.seq: task for task in store.tasks.by_seq([reason.newest_seq for reason in found])}
    total = sum(store.tasks.counts(query, now_ms).values()) if marked is None else len(marked)
    return FailureCounts(found, problems, newest, total)


class _Entry(NamedTuple):
    line: Content
    filter_text: str
    about: Content


class Failures(Choices[str]):
    """A list of failure classes, each followed by its reasons. Dismissed with a filter for the chosen line."""

    SIZE = "wide full"
    BINDINGS: ClassVar[list[BindingType]] = [("F", "dismiss(None)", "close")]

    def __init__(self, scope: str, found: FailureCounts, now_ms: int) -> None:
        """`scope` describes the tasks, such as `12 tasks matching fox`."""
        failed = sum(reason.tasks for reason in found.reasons)
        lost = charged_words(found.reasons)
        self._entries = [*_reasons(found.reasons, found.newest, now_ms), *_problems(found.problems)]
        super().__init__(
            f"Failures by reason: {failed:,} of {scope.removeprefix('all ')}{lost and f', {lost}'}",
            "Enter shows these tasks, Esc closes",
            [(entry.filter_text, Option(entry.line)) for entry in self._entries],
        )
        self._about = Static(id="failure-about")

    def compose_body(self) -> ComposeResult:
        yield self.list
        yield self._about

    def on_mount(self) -> None:
        """Fix the height, capped by the style sheet, so that it does not change as the cursor moves."""
        for dialog in self.query(".dialog"):  # none if Esc has closed it already
            dialog.styles.height = len(self._entries) + _LINES_AROUND

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        self._about.update(self._entries[event.option_index].about)


def _reasons(found: Sequence[Reason], newest: Mapping[int, Task], now_ms: int) -> list[_Entry]:
    failed = sum(reason.tasks for reason in found)
    entries: list[_Entry] = []
    for failure_class in dict.fromkeys(reason.failure_class for reason in found):
        some = [reason for reason in found if reason.failure_class is failure_class]
        count = sum(reason.tasks for reason in some)
        latest = max(some, key=lambda reason: reason.newest_at_ms)
        heading = Content.assemble(
            (f"{_share(count, failed)}{failure_class.value}", "bold $text-error"),
            (f"  {charged_words(some)}", "$text-warning"),
        )
        entries.append(
            _Entry(heading, f"state:fail {class_filter(failure_class)}", _about(latest, newest, now_ms))
        )
        for reason in some:
            line = Content(f"{_share(reason.tasks, failed)}  {(reason.message or _NO_MESSAGE).strip()}")
            code = Content.styled(f" ({reason.fail_code})" if reason.fail_code else "", "$text-muted")
            entries.append(_Entry(line + code, reason.filter_text, _about(reason, newest, now_ms)))
    return entries


def _problems(problems: Sequence[tuple[ProblemKind, int]]) -> list[_Entry]:
    about = Content.styled("The last check returned nothing; retrying.", "$text-muted")
    return [
        _Entry(
            Content.styled(f"{count:>7,}         last check: {kind.value}", "$text-warning"),
            f"problem:{kind.value.replace(' ', '-')}",
            about,
        )
        for kind, count in problems
    ]


def _about(reason: Reason, newest: Mapping[int, Task], now_ms: int) -> Content:
    task = newest.get(reason.newest_seq)
    if task is None:
        return Content("")
    name = ": ".join(filter(None, (task.label, task.prompt)))
    lines = [
        Content.assemble(
            (f"Latest ({ago(reason.newest_at_ms, now_ms)}): ", "$text-muted"),
            task.task_id,
            f"  {task.model or ''}",
        ),
        Content.styled((task.fail_msg or _NO_MESSAGE)[:_MAX_MESSAGE_CHARS], "$text-error"),
    ]
    if name:
        lines.append(Content(inert_line(name[:_MAX_NAME_CHARS])))
    return Content("\n").join(lines)


def _share(count: int, of: int) -> str:
    return f"{count:>7,} {count / of:>5.0%}  "
