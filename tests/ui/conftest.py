"""A desk on a store in a temporary folder, in a world where nothing moves by itself."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_textual_snapshot  # type: ignore[import-untyped] # it has no type information
from rich.text import Text
from tests.ready_stores import ready_stores  # noqa: F401 - a fixture
from tests.ui.driven_dashboard import (
    Dash,
    FakeBrowser,
    FakeDownloads,
    FakeWatcher,
    FrozenClock,
    add,
    context_on,
    driven,
    fill_with_the_page,
    idle,
    uuid,
)
from tests.ui.picture_source import Source
from textual._compositor import Compositor
from textual.content import Content
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.screen import Screen
from textual.timer import Timer

from taskdash.config.settings import View
from taskdash.results import desktop
from taskdash.results.download_thread import DownloadThread
from taskdash.store.store import Store
from taskdash.ui import background, context, following
from taskdash.ui.context import Context
from taskdash.ui.widgets import task_table


def pytest_configure(config: pytest.Config) -> None:
    """Let the report of a snapshot that differs be written on Python 3.12 and later too."""
    config.addinivalue_line("filterwarnings", r"ignore:datetime\.datetime\.utcnow:DeprecationWarning")


# The plugin still names it as the syrupy before this one did.
pytest_textual_snapshot.SVGImageExtension.file_extension = "svg"


@pytest.fixture
def nothing_is_parsed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In no test of the dashboard does a widget hand text to what reads markup, whether it has brackets or not."""
    parsed: list[str] = []
    for kind in (Content, Text):
        monkeypatch.setattr(kind, "from_markup", classmethod(_noting(kind.from_markup, parsed)))
    yield
    assert parsed == []


def _noting(read: Callable[..., object], parsed: list[str]) -> Callable[..., object]:
    def from_markup(_: type, markup: object, *args: object, **more: object) -> object:
        # Textual's own icon of the palette is no text.
        if isinstance(markup, str) and any(map(str.isalnum, markup)):
            parsed.append(markup)
        return read(markup, *args, **more)

    return from_markup


@pytest.fixture(scope="session", autouse=True)
def stylesheets_parsed_once() -> Iterator[None]:
    """Share the parsed style sheets among all apps of one theme; parsing them takes a tenth of a test's time."""
    parsed: dict[object, list[RuleSet]] = {}
    parse_rules = Stylesheet._parse_rules

    def share(self: Stylesheet, *args: Any, **named: Any) -> list[RuleSet]:
        key = (frozenset(self._variables.items()), args, *named.items())
        if key not in parsed:
            parsed[key] = parse_rules(self, *args, **named)
        return parsed[key]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Stylesheet, "_parse_rules", share)
        yield


@pytest.fixture(autouse=True)
def frames_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose no frames: a headless app drops them, after half of a test's time. What tests look at is drawn anew."""
    compose = Compositor.render_update

    def render_update(self: Compositor, **options: Any) -> object:
        if options.get("simplify"):  # for a picture of the screen
            return compose(self, **options)
        self._dirty_regions.clear()
        return None

    monkeypatch.setattr(Compositor, "render_update", render_update)


@pytest.fixture(scope="session", autouse=True)
def pilots_wait_for_the_loop() -> Iterator[None]:
    """Have clicks and resizes of a pilot wait until all is handled, not until this process takes no time."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("textual.pilot.wait_for_idle", idle)
        yield


@pytest.fixture(scope="session")
def snapshot_folder() -> str:
    """Where the plugin keeps what it reports; it asks the environment at the end of each test."""
    return os.environ["TEXTUAL_SNAPSHOT_TEMPDIR"]


@pytest.fixture
def snap_compare(
    snap_compare: Callable[..., bool], snapshot_folder: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., bool]:
    """The plugin's own, in the clean environment of a test."""
    monkeypatch.setenv("TEXTUAL_SNAPSHOT_TEMPDIR", snapshot_folder)
    return snap_compare


@pytest.fixture(autouse=True)
def nothing_of_an_app_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let go of each app: together they would fill hundreds of MB.

    One takes what was made before its first frame from the garbage collector: here, what is left of the one before. And
    its hook for errors in threads holds it; each thread keeps the hook that stood at its start, and so the last app.
    """
    monkeypatch.setattr(gc, "freeze", lambda: None)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(autouse=True)
def quick_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the clock and for what others write more often than a user needs; one test asks for the usual pace."""
    monkeypatch.setattr(following, "POLL_S", 0.03)
    monkeypatch.setattr(background, "TELL_EVERY_S", 0.0)
    monkeypatch.setattr(task_table, "FLASH_S", 0.02)
    set_interval = Screen.set_interval

    def soon(screen: Screen[None], interval_s: float, *act: Any, **named: Any) -> Timer:
        return set_interval(screen, 0.1 if interval_s == 1.0 else interval_s, *act, **named)

    monkeypatch.setattr(Screen, "set_interval", soon)


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    return tmp_path / "tasks.db"


@pytest.fixture
def other(store_path: Path) -> Iterator[Store]:
    """The list as another process has it open."""
    with Store(store_path) as store:
        yield store


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def watcher() -> FakeWatcher:
    return FakeWatcher()


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> FakeBrowser:
    fake = FakeBrowser()
    monkeypatch.setattr(desktop, "open_url", fake)
    monkeypatch.setattr(desktop, "open_file", lambda path, **_: fake(path.as_uri()))
    return fake


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def downloads(desk: Context) -> FakeDownloads:
    """Saves nothing, in place of what saves results."""
    fake = FakeDownloads()
    desk.make_downloads = lambda: cast("DownloadThread", fake)
    return fake


@pytest.fixture
def desk(
    store_path: Path,
    clock: FrozenClock,
    watcher: FakeWatcher,
    browser: FakeBrowser,  # noqa: ARG001 - it takes the place of the real one
    nothing_is_parsed: None,  # noqa: ARG001 - it watches whatever is shown
) -> Iterator[Context]:
    made = context_on(store_path, clock, watcher)
    yield made
    made.close()


@pytest.fixture
def remembered(desk: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[View]:
    """The looks that were kept, the last one last."""
    kept: list[View] = []
    desk.view_path = tmp_path / "view.toml"
    monkeypatch.setattr(context, "save_view", lambda _, view, __: kept.append(view))
    return kept


@pytest.fixture
def listed(request: pytest.FixtureRequest, other: Store) -> int:
    """The tasks that `dash` begins with: the three of the API's page, or so many as the mark says; how many."""
    wanted = request.node.get_closest_marker("dashboard")
    count = wanted.kwargs.get("tasks") if wanted else None
    if count is None:
        fill_with_the_page(other)
        return 3
    add(other, *map(uuid, range(count)))
    return int(count)


@pytest.fixture
async def dash(request: pytest.FixtureRequest, desk: Context, listed: int) -> AsyncIterator[Dash]:
    """A dashboard that has read its list; `@pytest.mark.dashboard(tasks=0, size=(80, 24))` asks for another one."""
    wanted = request.node.get_closest_marker("dashboard")
    size = wanted.kwargs.get("size") if wanted else None
    async with driven(desk, size or (120, 36), total=listed) as made:
        yield made
