"""The real `taskdash` as a process of its own, with a list, a config and an API of the test's own.

`Command` runs it to its end, in a process that is forked from a warm one; `Command.start` leaves it running.
`Command.run` and `Command.begin` start it as a user does. A profile with limits of its own makes checks as fast as the
machine allows::

    taskdash = Command(tmp_path, api)
    done = taskdash.ok("wait", "task_a", "--json")
    assert taskdash("wait", "task_b", "--timeout", "1").returncode == 124
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from copy import copy
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from tests.canary import KEY, assert_not_in
from tests.pty_screen import PtyScreen
from tests.servers import RawServer
from tests.warm import Forked, Piped

__all__ = ["EAGER", "KEY", "PROGRAM", "Command", "Done", "is_gone", "listed", "wait_until"]

PROGRAM = Path(sys.executable).with_name("taskdash")

EAGER = """
import taskdash.cli.rules as rules, taskdash.domain.pacing as pacing, taskdash.domain.schedule as schedule
from taskdash.domain.task import ProblemKind
rules.OLD_GAPS_MS = ((float("inf"), 300),)
pacing.KEY_PAUSE_S = 0.3
rules._CONFIRMED_AFTER_MS[ProblemKind.UNAUTHORIZED] = 300
schedule._BACKOFF_S[ProblemKind.UNAUTHORIZED] = 0.5, 60.0
"""
"""A tenth of the pauses between two checks of a task that somebody waits for, and of one that was refused."""

_IN_A_ROW = """
import io, json, os, signal, sys
from taskdash.cli.process import exit_code_of
def hang(*_):
    raise BaseException("it hangs")
signal.signal(signal.SIGALRM, hang)
lines, sys.stdin = sys.stdin.buffer, io.TextIOWrapper(io.BytesIO())
for line in lines:
    arguments = [os.fsdecode(bytes(each)) for each in json.loads(line)]
    said = []
    for name in ("stdout", "stderr"):
        said.append(io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace", write_through=True))
        setattr(sys, name, said[-1])
    try:
        signal.alarm(30)
        code = exit_code_of(arguments)
    except BaseException as error:
        code = repr(error)
    finally:
        signal.alarm(0)
    json.dump([code, *(each.buffer.getvalue().decode() for each in said)], sys.__stdout__)
    sys.__stdout__.write(chr(10))
    sys.__stdout__.flush()
os._exit(0)
"""

_MEASURED = """
import re, sys
from pathlib import Path
from taskdash.cli.process import exit_code_of
code = exit_code_of(sys.argv[1:])
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1], file=sys.stderr)
sys.exit(code)
"""
"""Asks for its own peak: what a parent is told of a child counts the parent's own memory before the `exec`."""

Done = subprocess.CompletedProcess[str]


def wait_until(holds: Callable[[], object], within_s: float = 30.0) -> float:
    """Poll until it holds; return how many seconds that took.

    Raises:
        AssertionError: it did not within `within_s`.
    """
    began_s = time.monotonic()
    while not holds():
        assert time.monotonic() < began_s + within_s, f"not within {within_s} s"
        time.sleep(0.01)
    return time.monotonic() - began_s


def is_gone(pid: int) -> bool:
    """Return whether a process runs no more; one that nobody has taken note of does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def listed(task_id: str, **more: Any) -> dict[str, Any]:
    """A task as an export has it: a success that was added and checked just now, unless `more` says otherwise."""
    now_ms = time.time_ns() // 1_000_000
    return {"taskId": task_id, "addedAt": now_ms, "checkedAt": now_ms, "state": "success", **more}


class Command:
    """Runs `taskdash` with one store and one profile."""

    def __init__(
        self, folder: Path, api: RawServer | None = None, *, per_second: int = 50, first: str = ""
    ) -> None:
        """`first` is Python that runs before each command and dashboard that is forked from a warm process."""
        self.folder = folder
        self.first = first
        folder.mkdir(parents=True, exist_ok=True)
        self.store = folder / "tasks.db"
        self.config = folder / "config.toml"
        self.env = {
            name: value
            for name, value in os.environ.items()
            if name.startswith(("PATH", "HOME", "XDG_", "LANG", "LC_"))
        } | {"AIGPTIMAGE_API_KEY": KEY}
        if api is not None:
            self.write_config(api.url, per_second=per_second)

    def write_config(self, base_url: str, *, per_second: int = 50, more: str = "", top: str = "") -> None:
        """Write the config: one profile with limits of its own, all of which may be used."""
        self.config.write_text(
            f'{top}\n[profiles.aigptimage]\nbase_url = "{base_url}"\n'
            f"per_second = {per_second}\nper_minute = {60 * per_second}\nshare = 1.0\n{more}",
            "utf-8",
        )
        self.config.chmod(0o600)

    def __call__(
        self,
        *arguments: str,
        stdin: str | bytes | None = None,
        env: Mapping[str, str | None] | None = None,
        timeout_s: float = 30,
    ) -> Done:
        """Run it to its end. `env` adds to the environment; None takes a variable away."""
        return self.warm(self.line(*arguments), stdin=stdin, env=env, timeout_s=timeout_s)

    def warm(
        self,
        line: Sequence[str],
        *,
        stdin: str | bytes | None = None,
        env: Mapping[str, str | None] | None = None,
        timeout_s: float = 30,
    ) -> Done:
        """Run a command line of `taskdash` whose options are those that are given."""
        if _counts_at_start(env):
            return self.run(line, stdin=stdin, env=env, timeout_s=timeout_s)
        with TemporaryFile() as given, TemporaryFile() as out, TemporaryFile() as err:
            given.write(_encoded(stdin))
            given.seek(0)
            streams = [file.fileno() for file in (given, out, err)]
            process = Forked(
                line, cwd=self.folder, env=self.environment(env), streams=streams, first=self.first
            )
            try:
                code = process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            for file in (out, err):
                file.seek(0)
            return _done(line, code, out.read(), err.read())

    def after(self, first: str) -> Command:
        """The same with some Python that changes what each command finds."""
        changed = copy(self)
        changed.first += first
        return changed

    def ok(self, *arguments: str, stdin: str | bytes | None = None, timeout_s: float = 30) -> Done:
        """Run it to a good end."""
        done = self(*arguments, stdin=stdin, timeout_s=timeout_s)
        assert done.returncode == 0, done.stderr
        return done

    def ids(self, *arguments: str) -> list[str]:
        """The IDs that `list` finds, in its order."""
        return self.ok("list", "--ids", *arguments).stdout.split()

    def run(
        self,
        line: Sequence[str],
        *,
        stdin: str | bytes | None = None,
        env: Mapping[str, str | None] | None = None,
        timeout_s: float = 30,
    ) -> Done:
        """Run a command line that has `line(...)` as a part, where and as that is run."""
        done = subprocess.run(
            line,
            input=_encoded(stdin),
            capture_output=True,
            env=self.environment(env),
            cwd=self.folder,
            timeout=timeout_s,
            check=False,
        )
        return _done(line, done.returncode, done.stdout, done.stderr)

    def measured(self, *arguments: str, first: str = "", timeout_s: float = 120) -> tuple[Done, float]:
        """Run it in a process of its own, after some Python; return with it the most memory that it took, in MB."""
        line = [sys.executable, "-c", first + _MEASURED, *self.line(*arguments)[1:]]
        done = self.run(line, timeout_s=timeout_s)
        *talk, peak_kib = done.stderr.splitlines()
        return Done(line, done.returncode, done.stdout, "\n".join(talk)), int(peak_kib) / 1024

    def in_a_row(
        self, lines: Sequence[Sequence[str | bytes]], *, env: Mapping[str, str | None] | None = None
    ) -> list[Done]:
        """Run many in one process, where none of them starts a thread that stays or has to end the process."""
        # As bytes: a command line is made of nothing else.
        encoded = [
            [
                list(each if isinstance(each, bytes) else each.encode("utf-8", "surrogatepass"))
                for each in line
            ]
            for line in lines
        ]
        given = "\n".join(map(json.dumps, encoded))
        first = self.first + _IN_A_ROW
        with Piped([], cwd=self.folder, env=self.environment(env), first=first, stdin=given) as running:
            out, err = running.communicate(100)
        told = [json.loads(line) for line in out.splitlines()]
        assert (running.returncode, len(told)) == (0, len(lines)), err
        assert_not_in(out, "what one of them printed")
        return [Done([], *each) for each in told]

    def start(self, *arguments: str, first: str = "", stdin: str = "") -> Piped:
        """Start it, with pipes for stdout and stderr; `first` is Python that runs before it."""
        line, env = self.line(*arguments), self.environment()
        return Piped(line, cwd=self.folder, env=env, first=self.first + first, stdin=stdin)

    def begin(
        self, line: Sequence[str], *, env: Mapping[str, str | None] | None = None
    ) -> subprocess.Popen[str]:
        """Start a command line that has `line(...)` as a part, with pipes for stdout and stderr."""
        return subprocess.Popen(
            line,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment(env),
            cwd=self.folder,
        )

    def dashboard(
        self,
        *arguments: str,
        columns: int = 120,
        rows: int = 36,
        env: Mapping[str, str | None] | None = None,
        spoilt_by: str = "",
        within: Sequence[str] = (),
    ) -> PtyScreen:
        """Open it in a terminal of its own, in a `with` block.

        `spoilt_by` is Python that runs before it, `within` a command that runs it. Without that it is forked from a
        warm process, as are commands: where a module has taken a name from another, it has to be changed in both.
        """
        line = self.line(*arguments)
        is_warm = not (within or _counts_at_start(env))
        if spoilt_by and not is_warm:
            line[:1] = [sys.executable, "-c", f"{spoilt_by}\nfrom taskdash.cli.process import run\nrun()"]
        return PtyScreen(
            [*within, *line],
            env=self.environment(env),
            columns=columns,
            rows=rows,
            cwd=self.folder,
            is_warm=is_warm,
            first=self.first + spoilt_by if is_warm else "",
        )

    def on_terminal(self, *arguments: str, columns: int = 200) -> list[str]:
        """Return the lines that a command writes to a terminal, without their colours."""
        with self.dashboard(*arguments, columns=columns) as screen:
            assert screen.wait_exit(30) == 0, screen.text
            return re.sub(r"\x1b\[[0-9;]*m", "", screen.raw.decode()).splitlines()

    def import_tasks(self, *tasks: Mapping[str, Any]) -> None:
        self.ok("import", "-", stdin=json.dumps(tasks))

    @contextmanager
    def locked(self, how: str = "EXCLUSIVE") -> Iterator[sqlite3.Connection]:
        """Have another program hold the list for the block."""
        with closing(sqlite3.connect(self.store, isolation_level=None, timeout=10)) as other:
            other.execute(f"BEGIN {how}").close()
            yield other

    def program(self, name: str, body: str) -> str:
        """Make a program in this folder of what a shell is to do; return its path."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n", "utf-8")
        path.chmod(0o755)
        return str(path)

    def browser(self, body: str = "") -> None:
        """Have a browser that writes down what it is given, and then does what else is in `body`."""
        note = f'printf "%s\\n" "$@" >> "{self.folder}/visited"'
        self.env["BROWSER"] = self.program("browser", f"{note}\n{body}")

    @property
    def visited(self) -> list[str]:
        path = self.folder / "visited"
        return path.read_text().splitlines() if path.exists() else []

    def wait_until_watched(self, by: PtyScreen, within_s: float = 30.0) -> None:
        def is_watched() -> bool:
            with closing(sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)) as connection:
                return (by.pid,) in connection.execute("SELECT watcher_pid FROM gateways").fetchall()

        wait_until(is_watched, within_s)

    def line(self, *arguments: str) -> list[str]:
        """The command line, with the options of this list before the command."""
        options = ["--store", str(self.store)]
        if self.config.exists():
            options += ["--config", str(self.config)]
        return [str(PROGRAM), *options, *arguments]

    def environment(self, changes: Mapping[str, str | None] | None = None) -> dict[str, str]:
        merged = self.env | dict(changes or {})
        return {name: value for name, value in merged.items() if value is not None}

    def json(self, *arguments: str) -> Any:
        """What it prints, as JSON."""
        return json.loads(self.ok(*arguments).stdout)


def _counts_at_start(env: Mapping[str, str | None] | None) -> bool:
    """Whether one of these variables counts when Python starts, and never again."""
    return any(name.startswith(("PYTHON", "LC_", "LANG")) for name in env or ())


def _encoded(stdin: str | bytes | None) -> bytes:
    return stdin.encode() if isinstance(stdin, str) else stdin or b""


def _done(line: Sequence[str], code: int, out: bytes, err: bytes) -> Done:
    assert_not_in(out + err, f"what {' '.join(line)} printed")
    return subprocess.CompletedProcess(line, code, out.decode(), err.decode())
