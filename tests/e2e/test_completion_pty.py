"""The completion of each shell, by keys, in the shell itself as it is without any settings of the user's."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.command import PROGRAM, Command, listed
from tests.pty_screen import PtyScreen

SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], 'eval "$(taskdash completion bash)"'),
    "zsh": (["zsh", "-f", "-i"], 'eval "$(taskdash completion zsh)"'),
    "fish": (["fish", "--no-config", "-i"], "taskdash completion fish | source"),
}
# What the program itself offers is the same in every shell: see test_cli_contract.py.
CASES = [
    ("taskdash comple", "taskdash completion"),
    ("taskdash rm task_g", "taskdash rm task_good_12345678"),
    ("taskdash show job:a", "taskdash show job:a:1"),
    ("taskdash --profile ki", "taskdash --profile kie"),
    ("taskdash import only-th", "taskdash import only-this.json"),
    ("taskdash list --config only-th", "taskdash list --config only-this.json"),
    ("taskdash download -o some-fo", "taskdash download -o some-folder/"),
    ("taskdash list --state=unf", "taskdash list --state=unfinished"),
    ("taskdash --store=only-th", "taskdash --store=only-this.json"),
    ("X=1 taskdash show job:b", "taskdash show job:b:2"),
    ("true; taskdash check task_g", "taskdash check task_good_12345678"),
    ("taskdash check 'job:b:2' job:a", "taskdash check 'job:b:2' job:a:1"),
]
VARIABLES = (
    "type", "value", "key", "descr", "completion", "response", "metadata", "line", "words_", "cur", "item",
)  # fmt: skip


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PtyScreen]:
    """A shell that has just been told of the completion, with a variable of each name that a script may use."""
    line, setup = SHELLS[request.param]
    if shutil.which(line[0]) is None:
        pytest.skip(f"{line[0]} is not installed")
    taskdash = Command(tmp_path)
    kie = '[profiles.kie]\nbase_url = "https://api.kie.ai"\n'
    taskdash.config.write_text(f'profile = "aigptimage"\n{kie}[profiles.aigptimage]\ntier = "basic"\n')
    taskdash.import_tasks(*map(listed, ("job:a:1", "job:b:2", "task_good_12345678")))
    (tmp_path / "only-this.json").write_text("[]")
    (tmp_path / "some-folder").mkdir()
    home = tmp_path / "home"
    home.mkdir()
    env = {
        "PATH": f"{PROGRAM.parent}:{taskdash.env['PATH']}",
        "HOME": str(home),
        "TASKDASH_STORE": str(taskdash.store),
        "TASKDASH_CONFIG": str(taskdash.config),
        "PS1": "$ ",
    }
    with PtyScreen(line, env=taskdash.environment(env), columns=110, rows=50, cwd=tmp_path) as screen:
        assign = "set -g {} mine" if request.param == "fish" else "{}=mine"
        screen.send(
            "; ".join(assign.format(name) for name in VARIABLES) + f"\r{setup}\rclear; echo rea''dy\r"
        )
        screen.wait_for("ready", 30)
        yield screen


def test_what_is_begun_is_completed_and_nothing_else_is_touched_or_said(shell: PtyScreen) -> None:
    for begun, whole in CASES:
        shell.send("\x15" + begun + "\t")
        try:
            shell.wait_for(partial(_is_typed, whole))
        except AssertionError as error:
            raise AssertionError(f"{begun!r} should have become {whole!r}:\n{error}") from None
    shell.send("\x15")
    said = shell.text
    shell.send('echo "' + "".join(f"<${name}>" for name in VARIABLES) + '"\r')
    shell.wait_for("<mine>" * len(VARIABLES))
    for word in ("not found", "rror", "usage", "Traceback", "insecure", "invalid"):
        assert word not in said, said


def test_what_fits_is_offered_and_a_config_that_is_broken_is_silent(shell: PtyScreen, tmp_path: Path) -> None:
    shell.send("taskdash show job:\t\t", shows=lambda text: "a:1" in text and "b:2" in text)
    shell.send("\x15\x15")
    shell.send("taskdash config \t\t")
    shell.wait_for(lambda text: all(name in text for name in ("path", "example", "init", "check")), 20)
    shell.send("\x15\x15")
    (tmp_path / "config.toml").write_text("profile = [")
    before = shell.text
    shell.send("taskdash show task_g\t")
    shell.send("taskdash comple", shows="task_gtaskdash comple")
    assert "TOML" not in shell.text.replace(before, "")
    assert "error" not in shell.text.replace(before, "")


def _is_typed(whole: str, text: str) -> bool:
    """Whether this stands on the last line that has a command of ours."""
    lines = [line for line in text.splitlines() if "taskdash " in line]
    return bool(lines) and lines[-1][lines[-1].rindex("taskdash ") :].startswith(whole)
