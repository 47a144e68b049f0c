"""The real `taskdash` as a process of its own, with a list, a config and an API of the test's own.

`Command` runs it to its end; `Command.start` leaves it running. A profile with limits of its own makes checks as fast
as the machine allows::

    taskdash = Command(tmp_path, api)
    done = taskdash("wait", "task_a", "--json")
    assert done.returncode == 0, done.stderr
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.canary import KEY, assert_not_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.pty_screen import PtyScreen
    from tests.servers import RawServer

__all__ = ["KEY", "PROGRAM", "Command", "Done"]

PROGRAM = Path(sys.executable).with_name("taskdash")

Done = subprocess.CompletedProcess[str]


class Command:
    """Runs `taskdash` with one store and one profile."""

    def __init__(self, folder: Path, api: RawServer | None = None, *, per_second: int = 50) -> None:
        self.folder = folder
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
        return self.run(self.line(*arguments), stdin=stdin, env=env, timeout_s=timeout_s)

    def run(
        self,
        line: Sequence[str],
        *,
        stdin: str | bytes | None = None,
        env: Mapping[str, str | None] | None = None,
        timeout_s: float = 30,
    ) -> Done:
        """Run a command line that has `line(...)` as a part, where and as that is run."""
        data = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(
            line,
            input=data if data is not None else b"",
            capture_output=True,
            env=self.environment(env),
            cwd=self.folder,
            timeout=timeout_s,
            check=False,
        )
        assert_not_in(done.stdout + done.stderr, f"what {' '.join(line)} printed")
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    def start(self, *arguments: str, env: Mapping[str, str | None] | None = None) -> subprocess.Popen[str]:
        """Start it, with pipes for stdout and stderr."""
        return self.begin(self.line(*arguments), env=env)

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

        `spoilt_by` is Python that runs before it, `within` a command that runs it.
        """
        from tests.pty_screen import PtyScreen

        line = self.line(*arguments)
        if spoilt_by:
            line[:1] = [sys.executable, "-c", f"{spoilt_by}\nfrom taskdash.cli.main import run\nrun()"]
        return PtyScreen(
            [*within, *line],
            env=self.environment(env),
            columns=columns,
            rows=rows,
            cwd=self.folder,
        )

    def line(self, *arguments: str) -> list[str]:
        """The command line, with the options of this list before the command."""
        options = ["--store", str(self.store)]
        if self.config.exists():
            options += ["--config", str(self.config)]
        return [str(PROGRAM), *options, *arguments]

    def environment(self, changes: Mapping[str, str | None] | None = None) -> dict[str, str]:
        """The environment it gets."""
        merged = self.env | dict(changes or {})
        return {name: value for name, value in merged.items() if value is not None}

    def json(self, *arguments: str) -> Any:
        """What it prints, as JSON."""
        done = self(*arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
