"""Finds the tasks a command is about: those whose IDs are given, or that `--filter`, `--state` and `--label` select.

It is one or the other. Both together might mean either the ones as well as the others or only what both have, which a
command that removes tasks should not have to guess.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import click

from taskdash.cli.output import talk
from taskdash.domain.errors import TaskdashError, UnknownTaskError, UsageError
from taskdash.domain.id_forms import has_known_form
from taskdash.domain.query import NEWEST_FIRST, Exact, ExactTerm, Query, Sort, Term
from taskdash.domain.untrusted import inert_line
from taskdash.store.additions import clean_label

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from taskdash.cli.session import Session
    from taskdash.domain.task import State, Task, TaskDetail
    from taskdash.store.store import Store

OPTIONS: Final = "--filter, --state or --label"
_MAX_SHOWN_CHARS: Final = 60


Finds: TypeAlias = "Callable[[Session, Store, Sequence[str]], list[Task]]"


def find_all(session: Session, store: Store, texts: Sequence[str]) -> list[Task]:
    """Return the named tasks, each once; of several that are not on the list each is told."""
    found: dict[int, Task] = {}
    unknown: list[UnknownTaskError] = []
    for text in texts:
        try:
            task = store.tasks.find(session.profile.name, text)
            found[task.seq] = task
        except UnknownTaskError as error:
            unknown.append(error)
    for each in unknown[:-1]:
        talk(session.redacted(f"taskdash: {each}"))
    if unknown:
        raise unknown[-1]
    return list(found.values())


def find_or_add(
    session: Session, store: Store, texts: Sequence[str], *, tells_prefixes: bool = False
) -> list[Task]:
    """Return the named tasks, each once; an ID that is not on the list is added, which is told, if it has a known form.

    With `tells_prefixes` it is told as well what a shortened ID stands for. An API key is refused.
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
    found = [store.tasks.find(profile, text) for text in texts]
    return list({task.seq: task for task in found}.values())


def _has_own_lives(session: Session) -> bool:
    with session.open_store(only_reads=True) as store:
        return store.tasks.has_own_lives()


class Selection(NamedTuple):
    """Selects tasks by the options as they were given; see `options.selection_options`."""

    filter_text: str | None = None
    state: str | None = None
    label: str | None = None

    @property
    def is_given(self) -> bool:
        """Return whether there is any of the options."""
        return any(value is not None for value in self)

    def query(self, session: Session, *, all_profiles: bool = False, sort: Sort = NEWEST_FIRST) -> Query:
        """Return what is selected: everything, where no option was given."""
        profile = None if all_profiles else session.profile.name
        if not self.is_given:
            return Query(profile=profile, sort=sort)
        ttls_ms = session.settings.ttls_ms(profile) if self.filter_text else {}
        terms, states = self._read(ttls_ms, partial(_has_own_lives, session))
        return Query(profile=profile, states=states, terms=terms, sort=sort)

    def _read(
        self, ttls_ms: Mapping[str, int], has_own_lives: Callable[[], bool] = lambda: False
    ) -> tuple[tuple[Term, ...], frozenset[State] | None]:
        """Return what the options mean: terms, and states."""
        # Imported here: most lists are printed whole.
        from taskdash.domain.query_language import parse_filter, parse_states

        terms = parse_filter(self.filter_text, ttls_ms, has_own_lives) if self.filter_text else ()
        if self.label is not None:
            if (label := clean_label(self.label)) is None:
                raise UsageError("--label is empty: name a label")
            terms = (*terms, ExactTerm.label(label))
        return terms, parse_states(self.state) if self.state else None

    def check_alone(self, task_ids: Sequence[str]) -> None:
        """Raise UsageError for a command that is given both IDs and a selection, or neither."""
        if task_ids and self.is_given:
            raise click.UsageError(f"give task IDs or {OPTIONS}, not both")
        if not task_ids and not self.is_given:
            raise click.UsageError(f"give task IDs, or {OPTIONS}")

    @property
    def names_states(self) -> bool:
        """Return whether it says itself in which states the tasks are to be."""
        if self.state is not None:
            return True
        terms, _ = self._read({"": 0})
        return any(isinstance(term, ExactTerm) and term.of is Exact.STATE for term in terms)

    @property
    def _named(self) -> list[tuple[str, str | None]]:
        return [("--filter", self.filter_text), ("--state", self.state), ("--label", self.label)]

    def __str__(self) -> str:
        given = [(name, inert_line(value, _MAX_SHOWN_CHARS)) for name, value in self._named if value]
        return " ".join(f'{name} "{value}"' if " " in value else f"{name} {value}" for name, value in given)

    @property
    def heading(self) -> str:
        """Return what is selected as a heading says it: `label: mugs · state: success`."""
        given = ((name.removeprefix("--"), value) for name, value in self._named if value)
        return " · ".join(f"{name}: {inert_line(value)}" for name, value in given)

    def seqs(self, session: Session, store: Store) -> list[int]:
        """Return the `seq` of the tasks that are selected, at least one; refuse an option that is empty."""
        for name, value in self._named:
            if value is not None and not value.strip():
                # As a variable that is not set leaves it: everything is too much to take it for.
                raise UsageError(f"{name} is empty: say which tasks")
        query = self.query(session)
        if self.filter_text:
            store.saved.forget_gone()
        if not (seqs := store.tasks.seqs(query, session.now_ms())):
            raise self.matches_nothing()
        return seqs

    def tasks(
        self, session: Session, store: Store, task_ids: Sequence[str], find: Finds = find_all
    ) -> list[Task]:
        """Return the tasks that are named, each once, as `find` finds them, or those that are selected, at least one.

        Of the long texts of selected ones only the first part is there.
        """
        self.check_alone(task_ids)
        return find(session, store, task_ids) if task_ids else store.tasks.heads(self.seqs(session, store))

    def tasks_in(
        self,
        session: Session,
        store: Store,
        task_ids: Sequence[str],
        states: frozenset[State],
        find: Finds = find_all,
    ) -> list[Task]:
        """Return the same, but of those that are selected only what is in `states`, and all in them by default.

        Where the selection speaks of states itself, these do not count.
        """
        if not task_ids and not self.is_given:
            return store.tasks.rows(Query(profile=session.profile.name, states=states), session.now_ms())
        has_all = task_ids or self.names_states
        tasks = self.tasks(session, store, task_ids, find)
        return [task for task in tasks if has_all or task.state in states]

    def matches_nothing(self) -> TaskdashError:
        """Return the error for a selection that no task is in."""
        return TaskdashError(
            f"no tasks match {self}",
            code="no_match",
            next_step="Select others; `taskdash list` shows them all.",
        )


def read_details(session: Session, task_ids: Sequence[str], selection: Selection) -> list[TaskDetail]:
    """Return all that is known of the tasks that are named or selected, at least one.

    An ID of a known form that is not on the list is added to it, which is told.
    """
    with session.open_store(only_reads=True) as store:
        # Nothing is added here: what only reads may have been given a copy of the list.
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
    # Of one that another process has removed meanwhile this says so.
    return (
        found
        if len(found) == len(seqs)
        else [store.tasks.find_detail(task.profile, task.task_id) for task in tasks]
    )
