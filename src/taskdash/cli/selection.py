"""Finds the tasks for a command: those given by ID, or those that `--filter`, `--state` and `--label` select.

The two exclude each other. Together they might mean the union or the intersection, which a command that removes tasks
should not have to guess.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import click

from taskdash.cli.output import talk
from taskdash.domain.errors import TaskdashError, UnknownTaskError, UsageError
from taskdash.domain.id_forms import has_known_form
from taskdash.domain.query import (
    NEWEST_FIRST,
    ExactTerm,
    Query,
    Sort,
    Term,
    parse_filter,
    parse_states,
)
from taskdash.domain.untrusted import inert_line
from taskdash.store.rows import clean_label

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from taskdash.cli.process import Session
    from taskdash.domain.task import State, Task, TaskDetail
    from taskdash.store.store import Store

OPTIONS: Final = "--filter, --state or --label"
_MAX_SHOWN_CHARS: Final = 60

Finds: TypeAlias = "Callable[[Session, Store, Sequence[str]], list[Task]]"


def find_all(session: Session, store: Store, texts: Sequence[str]) -> list[Task]:
    """Return the named tasks, each once; raise UnknownTaskError for the first that is not on the list."""
    found = [store.tasks.find(session.profile.name, text) for text in texts]
    return list({task.seq: task for task in found}.values())


def find_or_add(
    session: Session, store: Store, texts: Sequence[str], *, tells_prefixes: bool = False
) -> list[Task]:
    """Return the named tasks, each once; add IDs of a known form that are not on the list, with a message.

    With `tells_prefixes`, print the full ID of each shortened one, too. Raises UsageError for an API key.
    """
    profile = session.profile.name
    keys = {key.reveal() for key in session.keys}
    if not keys.isdisjoint(texts):
        raise UsageError("an API key was given in place of a task ID; it was not used")
    missing: list[str] = []
    for text in texts:
        try:
            task = store.tasks.find(profile, text)
        except UnknownTaskError:
            if not has_known_form(text):
                raise
            missing.append(text)
        else:
            if tells_prefixes and task.task_id != text:
                talk(f"{text} is short for {task.task_id}")
    if missing:
        added = store.additions.add(profile, missing, session.now_ms()).added
        talk(f"added to the list: {', '.join(added)}")
    return find_all(session, store, texts)


def _has_own_lives(session: Session) -> bool:
    with session.open_store(only_reads=True) as store:
        return store.tasks.has_own_lives()


class Selection(NamedTuple):
    """Selects tasks by the options that are given; see `options.selection_options`."""

    filter_text: str | None = None
    state: str | None = None
    label: str | None = None

    @property
    def is_given(self) -> bool:
        """Return whether any of the options is given."""
        return any(value is not None for value in self)

    def query(self, session: Session, *, all_profiles: bool = False, sort: Sort = NEWEST_FIRST) -> Query:
        """Return the query for the selected tasks: for all tasks, if no option is given."""
        profile = None if all_profiles else session.profile.name
        if not self.is_given:
            return Query(profile=profile, sort=sort)
        terms: tuple[Term, ...] = ()
        if self.filter_text:
            ttls_ms = session.settings.ttls_ms(profile)
            terms = parse_filter(self.filter_text, ttls_ms, partial(_has_own_lives, session))
        if self.label is not None:
            if (label := clean_label(self.label)) is None:
                raise UsageError("--label is empty: name a label")
            terms = (*terms, ExactTerm.label(label))
        states = parse_states(self.state) if self.state else None
        return Query(profile=profile, states=states, terms=terms, sort=sort)

    def check_alone(self, task_ids: Sequence[str]) -> None:
        """Raise UsageError for a command that is given both IDs and a selection, or neither."""
        if task_ids and self.is_given:
            raise click.UsageError(f"give task IDs or {OPTIONS}, not both")
        if not task_ids and not self.is_given:
            raise click.UsageError(f"give task IDs, or {OPTIONS}")

    @property
    def _named(self) -> list[tuple[str, str | None]]:
        return [("--filter", self.filter_text), ("--state", self.state), ("--label", self.label)]

    def __str__(self) -> str:
        given = [(name, inert_line(value, _MAX_SHOWN_CHARS)) for name, value in self._named if value]
        return " ".join(f'{name} "{value}"' if " " in value else f"{name} {value}" for name, value in given)

    def seqs(self, session: Session, store: Store) -> list[int]:
        """Return the `seq` of the selected tasks; raise an error if there are none, or an option is empty."""
        for name, value in self._named:
            if value is not None and not value.strip():
                # Probably an unset shell variable, which must not select everything.
                raise UsageError(f"{name} is empty: say which tasks")
        query = self.query(session)
        if self.filter_text:
            store.saved.forget_gone()
        if not (seqs := store.tasks.seqs(query, session.now_ms())):
            raise self.matches_nothing()
        return seqs

    def tasks(
        self,
        session: Session,
        store: Store,
        task_ids: Sequence[str],
        find: Finds = find_all,
        *,
        states: frozenset[State] | None = None,
    ) -> list[Task]:
        """Return the named tasks, each once, as `find` finds them, or the selected ones, at least one.

        With `states`, return of the selected ones only those in them, unless `--state` is given; if nothing is named or
        selected, all tasks in them. Long texts of selected tasks are cut.
        """
        if states is not None and not task_ids and not self.is_given:
            return store.tasks.rows(Query(profile=session.profile.name, states=states), session.now_ms())
        self.check_alone(task_ids)
        if task_ids:
            return find(session, store, task_ids)
        tasks = store.tasks.heads(self.seqs(session, store))
        return [task for task in tasks if states is None or self.state is not None or task.state in states]

    def matches_nothing(self) -> TaskdashError:
        """Return the error for a selection that matches no task."""
        return TaskdashError(
            f"no tasks match {self}",
            code="no_match",
            next_step="Select others; `taskdash list` shows them all.",
        )


def read_details(session: Session, task_ids: Sequence[str], selection: Selection) -> list[TaskDetail]:
    """Return the details of the named or selected tasks, at least one.

    An ID of a known form that is not on the list is added to it, with a message.
    """
    with session.open_store(only_reads=True) as store:
        # Nothing is added here: a store that only reads may be a copy of the list.
        try:
            tasks = selection.tasks(session, store, task_ids)
        except UnknownTaskError:
            if not any(map(has_known_form, task_ids)):
                raise
        else:
            return _details(store, tasks, session.now_ms())
    with session.open_store() as store:
        tasks = selection.tasks(session, store, task_ids, find_or_add)
        return _details(store, tasks, session.now_ms())


def _details(store: Store, tasks: Sequence[Task], now_ms: int) -> list[TaskDetail]:
    seqs = [task.seq for task in tasks]
    store.saved.forget_gone(seqs)
    found = list(store.tasks.details(seqs, now_ms=now_ms))
    if len(found) < len(seqs):
        # For a task that another process has removed meanwhile, this raises the error.
        found = [store.tasks.find_detail(task.profile, task.task_id) for task in tasks]
    return found
