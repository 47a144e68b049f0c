"""`config edit` on a real terminal, with an editor that does what the test says."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.canary import KEY
from tests.command import Command

from taskdash.cli.configuring import find_editor
from taskdash.domain.errors import UsageError

GOOD = '[profiles.aigptimage]\ntier = "basic"\n'
BAD = '[profiles.aigptimage]\n\ntear = "basic"\n'


def editor(taskdash: Command, *texts: str, ends: str = "") -> str:
    """Return an editor that writes one text after the other, and down what it was given."""
    folder = taskdash.folder
    for n, text in enumerate(texts, 1):
        (folder / f"text{n}").write_text(text)
    count = f'n=$(cat "{folder}/n" 2>/dev/null || echo 0); n=$((n + 1)); echo $n > "{folder}/n"'
    note = f'printf "%s\\n" "$@" > "{folder}/args"; env > "{folder}/env"'
    write = f'[ -e "{folder}/text$n" ] && cat "{folder}/text$n" > "$2"'
    return f"'{taskdash.program('my editor', f'{count}; {note}; {write}; {ends}')}' --wait"


def test_a_fault_is_told_and_no_key_reaches_the_editor(tmp_path: Path) -> None:
    taskdash = Command(tmp_path)
    taskdash.config.write_text('[profiles.aigptimage]\napi_key_env = "ODD"\nodd = 1\n')
    taskdash.config.chmod(0o600)
    env = {"VISUAL": editor(taskdash, BAD, GOOD), "EDITOR": "no-such-editor", "ODD": KEY}
    for code, said in ((2, "line 3: profiles.aigptimage.tear: unknown key"), (0, f"{taskdash.config}: OK")):
        with taskdash.dashboard("config", "edit", columns=300, env=env) as screen:
            assert screen.wait_exit() == code
            assert said in screen.raw.decode()
        assert (tmp_path / "args").read_text().splitlines() == ["--wait", str(taskdash.config)]
        assert KEY not in (tmp_path / "env").read_text()
    assert taskdash.config.read_text() == GOOD


def test_a_config_that_there_is_not_yet_is_created(tmp_path: Path) -> None:
    taskdash = Command(tmp_path)
    config = tmp_path / "new.toml"
    done = taskdash("--config", str(config), "config", "edit", env={"EDITOR": editor(taskdash, BAD)})
    assert (done.returncode, f"created {config}" in done.stderr) == (2, True)
    assert config.stat().st_mode & 0o777 == 0o600


def test_without_a_terminal_an_editor_that_is_named_runs_once(tmp_path: Path) -> None:
    taskdash = Command(tmp_path)
    taskdash.config.write_text(GOOD)
    env = {"EDITOR": editor(taskdash, BAD, GOOD)}
    done = taskdash("config", "edit", env=env)
    assert (done.returncode, done.stdout, taskdash.config.read_text()) == (2, "", BAD)
    assert "line 3: profiles.aigptimage.tear: unknown key" in done.stderr
    done = taskdash("config", "edit", env=env)
    assert (done.returncode, done.stdout) == (0, f"{taskdash.config}: OK\n")
    assert taskdash.config.read_text() == GOOD
    done = taskdash("config", "edit", env={"EDITOR": " "})
    assert done.returncode == 2
    assert "needs a terminal, or an editor named by VISUAL or EDITOR" in done.stderr
    assert str(taskdash.config) in done.stderr


def test_an_editor_that_fails_or_is_not_there_is_an_error(tmp_path: Path) -> None:
    taskdash = Command(tmp_path)
    taskdash.config.write_text(GOOD)
    for named, code, said in (
        (editor(taskdash, ends="exit 3"), 1, "ended with exit code 3"),
        ("no-such-editor -w", 2, "EDITOR names an editor that is not on the PATH: no-such-editor -w"),
    ):
        with taskdash.dashboard("config", "edit", columns=300, env={"EDITOR": named}) as screen:
            assert screen.wait_exit() == code
            assert said in screen.raw.decode()


def test_ctrl_c_belongs_to_the_editor(tmp_path: Path) -> None:
    taskdash = Command(tmp_path)
    taskdash.config.write_text(GOOD)
    waits = "trap 'exit 0' INT; echo editing; while :; do read line; done"
    env = {"EDITOR": editor(taskdash, ends=waits)}
    with taskdash.dashboard("config", "edit", columns=300, env=env) as screen:
        screen.wait_for("editing")
        screen.send("\x03")
        assert screen.wait_exit() == 0
        assert f"{taskdash.config}: OK" in screen.raw.decode()


def test_which_editor_it_is(tmp_path: Path) -> None:
    def found(there: str, **environ: str) -> list[str]:
        taskdash = Command(tmp_path / (there or "nothing"))
        for name in there.split():
            taskdash.program(name, "")
        return find_editor({**environ, "PATH": str(taskdash.folder)})

    assert found("a b", VISUAL="a -x 'b c'", EDITOR="b") == ["a", "-x", "b c"]
    assert found("a b", VISUAL=" ", EDITOR="b") == ["b"]
    for there in ("editor nano vi", "nano vi", "vi"):
        assert found(there) == there.split()[:1]
    for there, environ, said in (
        ("", {}, "no editor found: set VISUAL or EDITOR"),
        ("a", {"EDITOR": "a 'b"}, "EDITOR has an unclosed quote"),
        ("vi", {"VISUAL": "c"}, "VISUAL names an editor that is not on the PATH"),
    ):
        with pytest.raises(UsageError, match=said):
            found(there, **environ)


def test_an_unknown_theme_is_refused_at_start_and_a_broken_one_by_the_check(tmp_path: Path) -> None:
    taskdash = Command(tmp_path)
    taskdash.config.write_text('bell = true\nview.theme = "nrod"\n')
    with taskdash.dashboard(columns=300) as screen:
        assert screen.wait_exit() == 2
        shown = screen.raw.decode()
    assert f'{taskdash.config}: line 2: view.theme: "nrod" is not allowed' in shown
    assert 'Did you mean "nord"?' in shown
    assert "\x1b[?1049h" not in shown
    themes = tmp_path / "themes"
    themes.mkdir()
    (themes / "nrod.toml").write_text("primary = 1")
    done = taskdash("config", "check")
    assert done.returncode == 2
    assert f"{themes / 'nrod.toml'}: line 1: primary: must be text in quotes" in done.stderr
    (themes / "nrod.toml").write_text('primary = "#8a2be2"')
    taskdash.ok("config", "check")
