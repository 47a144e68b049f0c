"""Which command lines open the dashboard without the parser of the command line."""

from __future__ import annotations

import pytest

from taskdash.cli.commands import taskdash
from taskdash.cli.main import OPTIONS, dashboard_options


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("", {}),
        ("--store a.db", {"store": "a.db"}),
        (
            "--profile kie --config c.toml --log-level debug",
            {"profile": "kie", "config": "c.toml", "log_level": "debug"},
        ),
        ("--store a.db --store b.db", {"store": "b.db"}),
    ],
)
def test_options_alone_open_it(line: str, options: dict[str, str]) -> None:
    assert dashboard_options(line.split()) == options


@pytest.mark.parametrize(
    "line",
    [
        "list",
        "--help",
        "--version",
        "--demo",
        "--store",
        "--store=a.db",
        "--store --demo",
        "--store a.db list",
        "--log-level loud",
        "--profil kie",
        "-- --store",
    ],
)
def test_every_other_line_is_for_the_parser(line: str) -> None:
    assert dashboard_options(line.split()) is None


def test_it_knows_every_option_of_the_parser_that_takes_a_value() -> None:
    with_value = [option for option in taskdash.params if not getattr(option, "is_flag", False)]
    assert {name: option.name for option in with_value for name in option.opts} == OPTIONS
