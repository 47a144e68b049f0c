"""Every test starts from a clean environment and writes below its own folder only."""

from __future__ import annotations

import contextlib
import gc
import importlib
import itertools
import os
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# So that `from tests.servers import ...` works however pytest was started.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from collections.abc import Generator, Iterator

from tests.canary import files_with_key, found_in
from tests.servers import FakeApi

_FOREIGN = (
    "AIGPTIMAGE_API_KEY", "KIE_API_KEY", "NO_COLOR", "FORCE_COLOR", "BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "TMUX",
    "SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY", "WSL_DISTRO_NAME", "WSL_INTEROP", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "SSLKEYLOGFILE",
)  # fmt: skip
_FOLDERS = ("CONFIG", "DATA", "STATE", "CACHE")
_numbers = itertools.count()


def pytest_configure() -> None:
    """Let programs that the tests start be ended by signals, and examples take their time on a busy machine.

    In the background of a script Ctrl+C is ignored, under nohup the end of the terminal; children inherit that.
    """
    unhurried = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
    settings.register_profile("unhurried", max_examples=50, deadline=None, suppress_health_check=unhurried)
    settings.load_profile("unhurried")
    for number, handler in (
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGQUIT, signal.SIG_DFL),
        (signal.SIGHUP, signal.SIG_DFL),
    ):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Keep the garbage collector from what lives to the end: thousands of tests, looked through again and again."""
    gc.disable()
    try:
        _import_a_part(session.config)
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(10_000, *gc.get_threshold()[1:])
        gc.enable()


def _import_a_part(config: pytest.Config) -> None:
    """In one of several workers: import its part of the test files, so that the others find them compiled.

    Each worker needs all of them, and pytest takes ten times as long to rewrite their asserts as to import them. What
    cannot be imported is reported when its turn comes.
    """
    worker: dict[str, str | int] | None = getattr(config, "workerinput", None)
    if worker is None or sys.dont_write_bytecode:
        return
    number, workers = int(str(worker["workerid"]).removeprefix("gw")), int(worker["workercount"])
    given = (Path(config.invocation_params.dir, argument.partition("::")[0]) for argument in config.args)
    files = sorted(
        {file for path in given for file in ([path] if path.is_file() else path.rglob("test_*.py"))}
    )
    for file in files[number::workers]:
        if str(file.parent) not in sys.path:
            sys.path.insert(0, str(file.parent))
        with contextlib.suppress(Exception, pytest.skip.Exception):
            importlib.import_module(file.stem)


def pytest_addoption(parser: pytest.Parser) -> None:
    """What `make faults` gives."""
    parser.addoption("--long", action="store_true", help="run the long versions of the fault tests")
    parser.addoption("--rows", action="store_true", help="count the rows of the fault matrix at the end")


@pytest.fixture(scope="session", autouse=True)
def no_key_in_any_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """After the last test: whatever all of them wrote, no API key is in it, but where its user put it."""
    yield
    found = files_with_key(tmp_path_factory.getbasetemp())
    assert not found, "the API key is in\n" + "\n".join(found)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that passed fails after all where what it printed or logged has an API key in it."""
    report = yield
    said = "".join(text for _, text in report.sections)
    if report.passed and found_in(said):
        report.outcome = "failed"
        report.longrepr = "the API key is in what was printed or logged"
    return report


def _leave_surroundings(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Take away proxies, keys and settings of whoever runs the tests; put home and XDG folders below `folder`."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith(("TASKDASH_", "TEXTUAL_")) or name in _FOREIGN:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(folder / "home"))
    for name in _FOLDERS:
        monkeypatch.setenv(f"XDG_{name}_HOME", str(folder / name.lower()))


@pytest.fixture(scope="session", autouse=True)
def clean_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep fixtures that serve a whole module from the home of whoever runs the tests.

    They are made before `clean_environment`: a look remembered there once turned a list upside down.
    """
    with pytest.MonkeyPatch.context() as monkeypatch:
        # The plugin for snapshots asks for this one at the end of a test.
        snapshots = os.environ.get("TEXTUAL_SNAPSHOT_TEMPDIR")
        _leave_surroundings(monkeypatch, tmp_path_factory.mktemp("session"))
        if snapshots:
            monkeypatch.setenv("TEXTUAL_SNAPSHOT_TEMPDIR", snapshots)
        yield


@pytest.fixture(autouse=True)
def clean_environment(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Give each test a home and an environment of its own.

    Where a test has no use for `tmp_path` none is made: among thousands that takes longer than most of the tests.
    """
    if "tmp_path" in request.fixturenames:
        folder = request.getfixturevalue("tmp_path")
    else:
        folder = tmp_path_factory.getbasetemp() / f"without-{next(_numbers)}"
    _leave_surroundings(monkeypatch, folder)


@pytest.fixture
def fake_api() -> Iterator[FakeApi]:
    """A running `FakeApi` that knows no task yet."""
    with FakeApi() as api:
        yield api
