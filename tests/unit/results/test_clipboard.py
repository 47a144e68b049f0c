"""The clipboard that a person pastes from: which program fills it, what it gets, and what a terminal is sent."""

from __future__ import annotations

import base64
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from taskdash.results import desktop
from taskdash.results.desktop import (
    MAX_TERMINAL_BYTES,
    ClipboardError,
    ClipboardProgram,
    find_clipboard,
    terminal_sequence,
)

TEXT = "灯台と猫 'quoted' $(touch pwned)\n-n second line"
ALL = ("pbcopy", "clip.exe", "wl-copy", "xclip", "xsel", "tmux")
TMUX = {"TMUX": "default,1,0"}
DESKTOP = {"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-0"}
Install = Callable[..., dict[str, str]]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts programs on a PATH of their own; each keeps what it read, and its arguments."""
    monkeypatch.setattr(sys, "platform", "linux")

    def install(*names: str, body: str = "exit 0") -> dict[str, str]:
        for name in names:
            script = tmp_path / name
            script.write_text(
                f'#!/bin/sh\nPATH={os.environ["PATH"]}\ncat > "{tmp_path}/text"\n'
                f'printf "%s\\n" {name} "$@" > "{tmp_path}/call"\n{body}\n'
            )
            script.chmod(0o755)
        return {"PATH": str(tmp_path)}

    return install


@pytest.mark.parametrize(
    ("there", "more", "name"),
    [
        (ALL, DESKTOP, "wl-copy"),
        (("xclip", "xsel"), DESKTOP, "xclip"),
        (("xsel",), DESKTOP, "xsel"),
        (ALL, {"DISPLAY": ":0"}, "xclip"),
        (ALL, {}, None),
        (("clip.exe", "wl-copy"), {**DESKTOP, "WSL_DISTRO_NAME": "Ubuntu"}, "clip.exe"),
        ((), DESKTOP, None),
        (ALL, {**DESKTOP, "SSH_CONNECTION": "10.0.0.1 50000 10.0.0.2 22"}, None),
        (ALL, TMUX, "tmux"),
        (ALL, {**DESKTOP, **TMUX, "SSH_TTY": "/dev/pts/3"}, "tmux"),
    ],
)
def test_the_program_of_the_desktop_the_user_sits_at(
    install: Install,
    monkeypatch: pytest.MonkeyPatch,
    there: tuple[str, ...],
    more: dict[str, str],
    name: str | None,
) -> None:
    found = find_clipboard({**install(*there), **more})
    assert (found.name if found else None) == name
    monkeypatch.setattr(sys, "platform", "darwin")
    on_a_mac = find_clipboard(install(*there))
    assert (on_a_mac.name if on_a_mac else None) == ("pbcopy" if "pbcopy" in there else None)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("wl-copy", ["--type", "text/plain;charset=utf-8"]),
        ("xclip", ["-selection", "clipboard", "-in"]),
        ("xsel", ["--clipboard", "--input"]),
        ("tmux", ["load-buffer", "-w", "-"]),
    ],
)
def test_the_text_goes_in_by_standard_input_and_nowhere_else(
    install: Install, tmp_path: Path, name: str, arguments: list[str]
) -> None:
    found = find_clipboard({**install(name), **DESKTOP, **TMUX})
    assert found is not None
    found.copy(TEXT)
    assert (tmp_path / "text").read_bytes() == TEXT.encode()
    assert (tmp_path / "call").read_text().splitlines() == [name, *arguments]


def test_windows_gets_what_its_program_understands(install: Install, tmp_path: Path) -> None:
    found = find_clipboard({**install("clip.exe"), "WSL_INTEROP": "/run/WSL/1"})
    assert found is not None
    for text, encoding in (("灯 é", "utf-16-le"), ("plain\nascii", "ascii")):
        found.copy(text)
        assert (tmp_path / "text").read_bytes() == text.encode(encoding)


def test_a_program_has_no_part_in_our_terminal_and_gets_no_other_environment(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIGPTIMAGE_API_KEY", "sk-CANARY")
    seen = tmp_path / "seen"
    ends = "readlink /proc/$$/fd/1 /proc/$$/fd/2; cut -d' ' -f6 /proc/$$/stat; env"
    found = find_clipboard({**install("xclip", body=f"({ends}) > {seen}"), "DISPLAY": ":0"})
    assert found is not None
    found.copy("x")
    out, err, session, *environ = seen.read_text().splitlines()
    assert (out, err) == ("/dev/null", "/dev/null")
    assert int(session) != os.getsid(0)
    assert "DISPLAY=:0" in environ
    assert not [line for line in environ if "CANARY" in line]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("cat > /dev/null; echo noise; echo noise >&2; exit 3", "program failed, exit 3"),
        ("cat > /dev/null; exec sleep 30", "program does not answer"),
        ("exec sleep 30", "program does not answer"),  # nor reads what it is given
        ("", "program did not start"),
    ],
)
def test_a_program_that_fails_hangs_or_is_gone_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, why: str
) -> None:
    monkeypatch.setattr(desktop, "CLIPBOARD_S", 0.3)
    program = tmp_path / "program"
    if body:
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
    began_s = time.monotonic()
    with pytest.raises(ClipboardError, match=why):
        ClipboardProgram(str(program), (), {"PATH": os.environ["PATH"]}).copy("x" * 1_000_000)
    assert time.monotonic() - began_s < 5


def test_a_terminal_gets_the_text_in_base64_up_to_what_terminals_take() -> None:
    sequence = terminal_sequence(TEXT)
    assert sequence is not None
    assert sequence.startswith("\x1b]52;c;")
    assert sequence.endswith("\x07")
    assert base64.b64decode(sequence[7:-1]).decode() == TEXT
    assert terminal_sequence("x" * MAX_TERMINAL_BYTES) is not None
    assert terminal_sequence("x" * (MAX_TERMINAL_BYTES + 1)) is None
    assert terminal_sequence("é" * (MAX_TERMINAL_BYTES // 2 + 1)) is None
    half = terminal_sequence("a\ud800b")
    assert half is not None
    assert base64.b64decode(half[7:-1]) == b"a?b"
