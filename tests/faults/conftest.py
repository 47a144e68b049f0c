"""Counts the rows of the fault matrix whose tests passed, and gives each test a machine of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import pytest
from tests.command import KEY, Command
from tests.faults.rows import ROWS
from tests.files_api import FilesApi

_IDS: Final = {row.id for row in ROWS}


@pytest.fixture(scope="session")
def long(request: pytest.FixtureRequest) -> bool:
    """Whether the long versions were asked for."""
    return bool(request.config.getoption("--long"))


@pytest.fixture
def api() -> Iterator[FilesApi]:
    """The gateway of the config, which serves results as well; it wants the right key."""
    with FilesApi(key=KEY) as server:
        yield server


@pytest.fixture
def taskdash(tmp_path: Path, api: FilesApi) -> Command:
    """The real program, with a list and a config of this test's own; `.dashboard()` opens it in a terminal."""
    return Command(tmp_path, api)


class _Tally:
    """Which rows were tried, and which of them failed; fed by reports, so that it works with worker processes too."""

    def __init__(self) -> None:
        self.outcomes: defaultdict[str, set[str]] = defaultdict(set)
        self.figures: list[str] = []
        """What was measured, a line each."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what became of one step of a test."""
        for name, row in report.user_properties:
            if name == "row" and (report.when == "call" or report.outcome != "passed"):
                self.outcomes[str(row)].add(report.outcome)
            elif name == "figure" and report.when == "call":
                self.figures.append(f"measured: {row}")

    def lines(self) -> Iterable[str]:
        """What did not hold, what was not provoked and why, what was measured, and the count."""
        held = [row.id for row in ROWS if self.outcomes[row.id] == {"passed"}]
        for row in ROWS:
            if row.not_provoked:
                yield f"{row.id} not provoked: {row.fault}: {row.not_provoked}"
            elif row.id not in held:
                found = ", ".join(sorted(self.outcomes[row.id])) or "no test ran"
                yield f"{row.id} not shown ({found}): {row.fault}"
        yield from self.figures
        yield f"faults survived: {len(held)}/{len(ROWS)}"


_TALLY = pytest.StashKey[_Tally]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_TALLY] = _Tally()
    config.pluginmanager.register(config.stash[_TALLY])


def pytest_itemcollected(item: pytest.Item) -> None:
    """Have the reports of a test name its rows.

    Raises:
        pytest.UsageError: there is no such row.
    """
    for mark in item.iter_markers("row"):
        for row in mark.args:
            if row not in _IDS:
                raise pytest.UsageError(f"{item.nodeid}: there is no row {row!r} in tests/faults/rows.py")
            item.user_properties.append(("row", row))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Print the count, after all else that pytest prints."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    tally = config.stash.get(_TALLY, None)
    if reporter is not None and tally is not None and config.getoption("--rows"):
        for line in tally.lines():
            reporter.write_line(line)
