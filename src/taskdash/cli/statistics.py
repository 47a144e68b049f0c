"""`taskdash stats`: what the list adds up to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from taskdash.cli.options import common_options, pass_session
from taskdash.cli.output import print_json, print_lines
from taskdash.domain.query import Query
from taskdash.domain.query_language import parse_filter
from taskdash.domain.task import State
from taskdash.domain.words import NO_MODEL, NONE, length

if TYPE_CHECKING:
    from taskdash.cli.session import Session
    from taskdash.domain.tally import Tally
    from taskdash.domain.task import Json

_HEADER = ("MODEL", "TASKS", "SUCCESS", "FAIL", "UNFINISHED", "SUCCESS RATE", "P50", "P90", "CREDITS")


@click.command(
    epilog='Example: taskdash stats --filter "age:<7d" --json | jq .successRate',
    short_help="Print counts, success rate and times per model.",
)
@click.option("--filter", "filter_text", metavar="F", help="Only those that match, as in `taskdash list`.")
@click.option("--all-profiles", is_flag=True, help="The tasks of every gateway.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document; times are in milliseconds.")
@common_options
@pass_session
def stats(session: Session, *, filter_text: str | None, all_profiles: bool, as_json: bool) -> None:
    """Print counts, success rate, and the costTime that 50 % and 90 % of the successes of a model do not exceed.

    The success rate is out of all that ended, in success or failure; credits are as far as the gateway reports them.
    In JSON, `endedPerHour` has the last 24 hours, the oldest first. No request is sent.
    """
    from taskdash.domain.tally import ended_per_hour, tally

    profile = None if all_profiles else session.profile.name
    terms = parse_filter(filter_text, session.settings.ttls_ms(profile)) if filter_text else ()
    query = Query(profile=profile, terms=terms)
    with session.open_store() as store:
        outcomes = store.summaries.outcomes(query, session.now_ms())
    everything, models = tally(outcomes)
    if as_json:
        document: dict[str, Json] = {"profile": profile, **_json(everything)}
        document["endedPerHour"] = [*ended_per_hour(outcomes, session.now_ms())]
        document["models"] = [{"model": each.model, **_json(each)} for each in models]
        print_json(document)
    else:
        print_lines(_table([*models, everything] if len(models) != 1 else models))


def _json(tally: Tally) -> dict[str, Json]:
    return {
        "tasks": tally.total,
        **{state.value: tally.counts[state] for state in State},
        "successRate": tally.success_rate,
        "costTimeP50": tally.cost_p50_ms,
        "costTimeP90": tally.cost_p90_ms,
        "creditsConsumed": tally.credits_consumed,
    }


def _table(tallies: list[Tally]) -> list[str]:
    from taskdash.cli.table import cell_width, pad

    rows = [_HEADER, *(_cells(each, is_total=n == len(tallies) - 1) for n, each in enumerate(tallies))]
    widths = [max(cell_width(row[column]) for row in rows) for column in range(len(_HEADER))]
    return [
        "  ".join([pad(row[0], widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows
    ]


def _cells(tally: Tally, *, is_total: bool) -> tuple[str, ...]:
    rate = tally.success_rate
    return (
        tally.model or ("all" if is_total else NO_MODEL),
        f"{tally.total:,}",
        f"{tally.counts[State.SUCCESS]:,}",
        f"{tally.counts[State.FAIL]:,}",
        f"{tally.counts[State.NEW] + tally.counts[State.WAITING]:,}",
        NONE if rate is None else f"{rate:.1%}",
        length(tally.cost_p50_ms),
        length(tally.cost_p90_ms),
        NONE if tally.credits_consumed is None else f"{tally.credits_consumed:,g}",
    )
