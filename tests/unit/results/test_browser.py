"""A link is opened by a program of the user's: which one, where, and without harm to anything."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from taskdash.results.desktop import Opened, open_file, open_url

PICTURE = "https://cdn.example.com/result.png"


class Recorder:
    """A folder with a browser in it that writes down its arguments, one a line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "visited"
        self.script("browser", f'for a in "$@"; do printf "%s\\n" "$a"; done >> "{self.file}"')
        self.environ = {"PATH": f"{folder}:{os.environ['PATH']}", "HOME": str(folder)}

    def script(self, name: str, body: str) -> Path:
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    @property
    def visited(self) -> list[str]:
        return self.file.read_text().splitlines() if self.file.exists() else []


@pytest.fixture
def recorder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """On a Linux that runs on its own, whatever runs the tests."""
    monkeypatch.setattr(sys, "platform", "linux")
    return Recorder(tmp_path)


@pytest.mark.parametrize(
    ("browser", "arguments"),
    [
        ("browser", [PICTURE]),
        ("browser --new-tab", ["--new-tab", PICTURE]),
        ("browser --url=%s -q", [f"--url={PICTURE}", "-q"]),
        ("browser %s &", [PICTURE]),
        ("no-such-browser:browser", [PICTURE]),
        ("w3m:browser", [PICTURE]),
        ("'unclosed:browser", [PICTURE]),
    ],
)
def test_browser_names_the_one_that_is_started_and_never_one_of_the_text_kind(
    recorder: Recorder, browser: str, arguments: list[str]
) -> None:
    recorder.script("w3m", f'echo ran >> "{recorder.file}"')
    opened = open_url(PICTURE, environ={**recorder.environ, "BROWSER": browser})
    assert opened.ok, opened
    assert recorder.visited == arguments


@pytest.mark.parametrize(
    "browser",
    ["sh -c 'browser %s'", "sh -c \"browser '%s'\"", "nice -n 1 bash -c 'browser \"%s\"'"],
)
@pytest.mark.parametrize("tail", ["&touch${IFS}pwned", "$(touch pwned)", ";pwn;"])
def test_no_shell_ever_reads_a_link(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, browser: str, tail: str
) -> None:
    recorder.script("pwn", f'touch "{recorder.folder}/pwned"')
    monkeypatch.chdir(recorder.folder)
    open_url(f"https://cdn.example.com/a{tail}", environ={**recorder.environ, "BROWSER": browser})
    assert not (recorder.folder / "pwned").exists()


def test_a_file_is_opened_as_a_link_to_it_that_no_shell_reads(recorder: Recorder) -> None:
    path = recorder.folder / "a fox;touch pwned&$(touch pwned).png"
    assert open_file(path, command=["browser"], environ=recorder.environ).ok
    assert recorder.visited == [path.as_uri()]
    assert not set(" ;&$") & set(path.as_uri())


WSL = {"WSL_DISTRO_NAME": "Ubuntu"}


@pytest.mark.parametrize(
    ("command", "environ", "said"),
    [
        (["fails"], {}, "the browser fails failed (exit 3)"),
        (["no-such-browser"], {}, "the browser no-such-browser is not on the PATH"),
        (["broken"], {}, "the browser broken did not start (Exec format error)"),
        ([], {}, "no browser here (no BROWSER is set, and there is no display)"),
        ([], {"DISPLAY": ":0"}, "no browser here (none is installed)"),
        ([], {**WSL, "DISPLAY": ":0"}, "no browser here (in WSL, and no program of Windows is on the PATH)"),
    ],
)
def test_why_nothing_is_opened_is_said(
    recorder: Recorder, command: list[str], environ: dict[str, str], said: str
) -> None:
    recorder.script("fails", "exit 3")
    recorder.script("broken", "").write_bytes(b"\x00\x01 not a program")
    opened = open_url(PICTURE, command=command, environ={"PATH": str(recorder.folder), **environ})
    assert opened == Opened(False, said)


@pytest.mark.parametrize("variable", ["SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT"])
def test_over_ssh_nothing_opens_on_the_far_machine(recorder: Recorder, variable: str) -> None:
    recorder.script("xdg-open", f'touch "{recorder.file}"')
    far = {**recorder.environ, variable: "10.0.0.1 50000 10.0.0.2 22", "DISPLAY": ":10", "BROWSER": "browser"}
    opened = open_url(PICTURE, environ=far)
    assert opened == Opened(False, "no browser here (this is an SSH session)")
    assert recorder.visited == []
    # The config's own command is tried all the same, and gets the link as its last argument.
    assert open_url(PICTURE, command=["browser", "--new-tab"], environ=far).ok
    assert recorder.visited == ["--new-tab", PICTURE]


@pytest.mark.parametrize(
    ("platform", "more", "there", "started"),
    [
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, ["xdg-open", "wslview"], ["xdg-open"]),
        ("darwin", {}, ["open"], ["open"]),
        ("linux", {**WSL, "DISPLAY": ":0"}, ["xdg-open", "wslview", "rundll32.exe"], ["wslview"]),
        ("linux", WSL, ["xdg-open", "rundll32.exe"], ["rundll32.exe", "url.dll,FileProtocolHandler"]),
    ],
)
def test_the_opener_of_the_desktop_is_used_and_in_wsl_that_of_windows(
    recorder: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    platform: str,
    more: dict[str, str],
    there: list[str],
    started: list[str],
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    for name in there:
        recorder.script(name, f'printf "%s\\n" {name} "$@" >> "{recorder.file}"')
    assert open_url(PICTURE, environ={**recorder.environ, **more}).ok
    assert recorder.visited == [*started, PICTURE]
