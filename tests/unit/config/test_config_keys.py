"""A key is found where the profile says, and no message shows one."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.command import is_gone, wait_until
from tests.config_files import CANARY, KIE, write

from taskdash.config.keys import find_key, keyless_environ, known_keys
from taskdash.config.load import load_settings
from taskdash.config.profile import Profile
from taskdash.config.settings import Settings
from taskdash.domain.errors import KeyMissingError
from taskdash.domain.secret import Secret


def by_command(script: str, **profile: Any) -> Profile:
    """A profile whose key is printed by a Python script."""
    return Profile(
        name="kie", api_key_command=(sys.executable, "-S", "-c", script), api_key_env=None, **profile
    )


def test_the_environment_variable_of_the_profile_is_read() -> None:
    found = find_key(Profile(name="kie", api_key_env="KIE_API_KEY"), {"KIE_API_KEY": f" {CANARY}\n"})
    assert found.secret.reveal() == CANARY
    assert found.origin == "environment KIE_API_KEY"
    assert "CANARY" not in repr(found)


@pytest.mark.parametrize(
    ("environ", "state"), [({}, "is not set"), ({"AIGPTIMAGE_API_KEY": " "}, "is empty")]
)
def test_a_missing_key_says_how_to_set_one(environ: dict[str, str], state: str) -> None:
    with pytest.raises(
        KeyMissingError, match=f"AIGPTIMAGE_API_KEY {state}.*export AIGPTIMAGE_API_KEY="
    ) as caught:
        find_key(Profile(name="aigptimage"), environ)
    assert "profiles.aigptimage: one of api_key_env, api_key_command, api_key" in str(caught.value)
    assert caught.value.exit_code == 4


def test_a_key_that_no_header_can_carry_names_its_origin_and_its_fault_only() -> None:
    with pytest.raises(
        KeyMissingError, match="environment variable AIGPTIMAGE_API_KEY has white space"
    ) as caught:
        find_key(Profile(name="aigptimage"), {"AIGPTIMAGE_API_KEY": f"{CANARY} x"})
    assert "CANARY" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_key_in_the_file_is_found_or_its_fault_is_told_only_when_it_is_needed(tmp_path: Path) -> None:
    file = write(tmp_path / "c.toml", f'{KIE}api_key = "{CANARY}"')
    found = find_key(load_settings(file, {}).in_use, {"AIGPTIMAGE_API_KEY": "another"})
    assert (found.secret.reveal(), found.origin) == (CANARY, "the config")
    write(file, f'{KIE}api_key = "{CANARY} x"')
    profile = load_settings(file, {}).in_use
    with pytest.raises(KeyMissingError, match=r"profiles\.kie\.api_key\) has white space") as caught:
        find_key(profile, {})
    assert "CANARY" not in str(caught.value)


def test_the_first_line_of_a_command_is_the_key() -> None:
    script = f"import sys; assert sys.stdin.read() == ''; print('{CANARY}'); print('note: rotated in May')"
    found = find_key(by_command(script), dict(os.environ))
    assert found.secret.reveal() == CANARY
    assert found.origin == f"command {sys.executable}"


def test_a_command_runs_without_a_shell_and_sees_no_key_in_its_arguments(tmp_path: Path) -> None:
    profile = Profile(name="kie", api_key_command=("printf", "%s", "$HOME;x;y"), api_key_env=None)
    assert find_key(profile, dict(os.environ)).secret.reveal() == "$HOME;x;y"
    file = write(tmp_path / "c.toml", f"{KIE}api_key_command = \"printf %s 'a-b'\"")
    assert load_settings(file, {}).in_use.api_key_command == ("printf", "%s", "a-b")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (f"import sys; print('{CANARY}'); sys.exit('{CANARY} is old')", "failed with exit code 1"),
        ("import os; os.kill(os.getpid(), 9)", "signal 9"),
        ("pass", "first line that is empty"),
        (f"print(); print('{CANARY}')", "first line that is empty"),
        (f"print('{CANARY} x')", "first line that has white space"),
        (f"import os; os.write(1, b'{CANARY}\\xff\\n')", "first line that has characters in it that are not"),
        ("print('new')", "first line that is shorter than 8 characters"),
    ],
)
def test_a_command_that_brings_no_key_says_why_and_shows_nothing_of_its_output(
    script: str, said: str
) -> None:
    with pytest.raises(KeyMissingError, match=r"profiles\.kie\.api_key_command") as caught:
        find_key(by_command(script), dict(os.environ))
    assert said in str(caught.value)
    assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("/nowhere/key-of-mine", "cannot be run: No such file"),
        (CANARY, "cannot be run: No such file"),
        ("/", "cannot be run: Permission denied"),
    ],
)
def test_a_command_that_cannot_be_run_is_named(program: str, said: str) -> None:
    with pytest.raises(KeyMissingError) as caught:
        find_key(Profile(name="kie", api_key_command=(program,), api_key_env=None), {})
    assert said in str(caught.value)
    assert "CANARY" not in str(caught.value)


def by_shell(script: str) -> Profile:
    """A profile whose key is printed by a shell script."""
    return Profile(name="kie", api_key_command=("sh", "-c", script), api_key_env=None)


def test_a_command_that_hangs_is_killed_with_all_it_started(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    started_s = time.monotonic()
    with pytest.raises(KeyMissingError, match=r"took longer than 1s"):
        find_key(by_shell(f"sleep 60 & echo $! > {pid_file}; echo x; wait"), os.environ, command_timeout_s=1)
    assert time.monotonic() - started_s < 30
    wait_until(lambda: is_gone(int(pid_file.read_text())), 5)


def test_a_child_that_keeps_the_output_open_does_not_hold_the_key_up() -> None:
    started_s = time.monotonic()
    assert find_key(by_shell("sleep 5 & echo the-keys"), os.environ).secret.reveal() == "the-keys"
    assert time.monotonic() - started_s < 4


def test_the_keys_of_all_profiles_are_known_without_running_a_command(tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    profiles = {
        "a": Profile(name="a", api_key_env="A"),
        "b": Profile(name="b", api_key=Secret("second-key"), api_key_env=None),
        "c": by_command(f"open({str(trace)!r}, 'w')"),
        "d": Profile(name="d", api_key_env="UNSET"),
        "e": Profile(name="e", api_key_env="A"),
    }
    found = known_keys(Settings(profile="a", profiles=profiles), {"A": "first-key"})
    assert {secret.reveal() for secret in found} == {"first-key", "second-key"}
    assert not trace.exists()


def test_a_program_that_needs_no_key_gets_none_under_any_name() -> None:
    """A browser or a clipboard: the profiles' own variables, what sounds like a secret, and what holds a key."""
    key = Secret("sk-CANARY-0123456789")
    settings = Settings(
        profile="kie",
        profiles={
            "kie": Profile(name="kie", api_key_env="KIE"),
            "other": Profile(name="other", api_key_env="My_Gateway"),
        },
    )
    environ = {
        "KIE": "a-1",
        "My_Gateway": "b-2",
        "AIGPTIMAGE_API_KEY": "c-3",
        "GITHUB_TOKEN": "d-4",
        "db_password": "e-5",
        "MY_SECRET": "f-6",
        "HIDDEN": "Bearer sk-CANARY-0123456789",
        "HOME": "/home/me",
        "DISPLAY": ":0",
        "KEYBOARD": "de",
    }
    kept = keyless_environ(settings, environ, [key])
    assert kept == {"HOME": "/home/me", "DISPLAY": ":0", "KEYBOARD": "de"}
