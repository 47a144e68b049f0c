"""Command lines for a person's shell: what a shell really makes of them, whatever a prompt has in it."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from taskdash.domain.curl import NEXT_COMMAND, Endpoint, create_command, record_command, shell_json
from taskdash.domain.task import Json

KEY = "sk-CANARY-0123456789"
GATEWAY = Endpoint("https://aigptimage.com", "AIGPTIMAGE_API_KEY")
REQUEST_ID = "0b54b1b0-8f4f-4b0e-9c53-2f1f6d6ad6a4"
CREATE_URL = "https://aigptimage.com/api/v1/jobs/createTask"
SHELLS = [name for name in ("sh", "bash", "dash", "zsh", "fish", "ksh") if shutil.which(name)]
HOSTILE = [
    'it\'s "quoted" \\ and \\\\ and \\n', "$(touch pwned) `touch pwned` ${HOME} $AIGPTIMAGE_API_KEY",
    "@/etc/passwd", "-o pwned --next http://evil.example", "'; touch pwned; '", "' || touch pwned || '",
    "two\nlines\r\nand a tab\t", "!! !touch %s #comment ~ * ? [a] {a,b}",
    "\x00\x1b]0;title\x07\x9b2J\x7f\u202eevil\u2028line", "👨‍👩‍👧 灯台 é", "\\", "'",
]  # fmt: skip


class Shells:
    """Runs what was pasted in a real shell with a curl that writes down its arguments."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Some shells write their settings there when they start.
        self.home = folder / "home"
        self.home.mkdir()
        self.calls = folder / "calls"
        curl = folder / "bin" / "curl"
        curl.parent.mkdir()
        curl.write_text(f'#!/bin/sh\nprintf "%s\\0" "$@" >> "{self.calls}"\nprintf "\\0" >> "{self.calls}"\n')
        curl.chmod(0o755)

    def run(self, pasted: str, shell: str = "sh", code: int = 0) -> list[list[str]]:
        """The arguments of each curl that ran; nothing else happened."""
        self.calls.unlink(missing_ok=True)
        environ = {"PATH": f"{self.folder}/bin:{os.environ['PATH']}", "HOME": str(self.home)}
        environ |= {"AIGPTIMAGE_API_KEY": KEY, "LANG": "C.UTF-8"}
        done = subprocess.run(
            [shell],
            input=pasted.encode(),
            cwd=self.folder,
            env=environ,
            capture_output=True,
            timeout=20,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (code, b"", b"")
        assert sorted(path.name for path in self.folder.iterdir()) == ["bin", "calls", "home"]
        calls = self.calls.read_bytes().decode().split("\0\0")
        return [call.split("\0") for call in calls if call]


@pytest.fixture
def shells(tmp_path: Path) -> Shells:
    return Shells(tmp_path)


def body(prompt: str, **more: Json) -> dict[str, Json]:
    return {"model": "gpt-image-2-text-to-image", "input": {"prompt": prompt, "n": 2, **more}}


def sent(arguments: list[str]) -> Json:
    """The JSON that curl would send."""
    value: Json = json.loads(arguments[arguments.index("--data-raw") + 1])
    return value


def headers(arguments: list[str]) -> list[str]:
    return [value for name, value in itertools.pairwise(arguments) if name == "-H"]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("prompt", HOSTILE)
def test_any_prompt_arrives_as_it_was_in_every_shell(shells: Shells, shell: str, prompt: str) -> None:
    asked = body(prompt, negative=prompt)
    (arguments,) = shells.run(create_command(GATEWAY, asked, REQUEST_ID), shell)
    assert arguments[:2] == ["-sS", CREATE_URL]
    assert headers(arguments) == [
        f"Authorization: Bearer {KEY}",
        "Content-Type: application/json",
        f"X-Request-ID: {REQUEST_ID}",
    ]
    assert sent(arguments) == asked
    assert len(arguments) == 10


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
@example("a\\'b\\\\'c'")
@example("\ud83d\ude00")
@example("\ud800")
def test_the_json_is_the_same_json_and_nothing_in_it_is_food_for_a_shell_or_a_terminal(value: Json) -> None:
    text = shell_json(value)
    assert json.loads(text) == json.loads(json.dumps(value))
    assert "'" not in text
    assert "\\\\" not in text
    assert not [
        char for char in text if char < " " or "\x7f" <= char <= "\x9f" or "\u202a" <= char <= "\u202e"
    ]


@settings(max_examples=10)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=8))
def test_whatever_the_prompts_are_the_shell_sees_them_whole(
    tmp_path_factory: pytest.TempPathFactory, prompts: list[str]
) -> None:
    asked = [body(prompt) for prompt in prompts]
    shells = Shells(tmp_path_factory.mktemp("shells"))
    pasted = NEXT_COMMAND.join(create_command(GATEWAY, one, REQUEST_ID) for one in asked)
    assert [sent(arguments) for arguments in shells.run(pasted)] == json.loads(json.dumps(asked))


@pytest.mark.parametrize("shell", SHELLS)
def test_a_command_for_the_record(shells: Shells, shell: str) -> None:
    command = record_command(GATEWAY, "task_gpt-image-2_1777474689024")
    assert command == (
        "curl -sS 'https://aigptimage.com/api/v1/jobs/recordInfo?taskId=task_gpt-image-2_1777474689024' "
        '-H "Authorization: Bearer $AIGPTIMAGE_API_KEY"'
    )
    (arguments,) = shells.run(command, shell)
    assert headers(arguments) == [f"Authorization: Bearer {KEY}"]
    assert KEY not in command
    assert "taskId=a%3Ab" in record_command(GATEWAY, "a:b")
    # The brackets of an address are no range of URLs.
    assert "/v1/tasks/a%3Ab " in record_command(GATEWAY, "a:b", "/v1/tasks/{id}")
    other = Endpoint("https://x.example", "K", "x-key: key={key};v=1")
    assert record_command(other, "t").endswith("""-H "x-key: key=$K"';v=1'""")
    assert record_command(Endpoint("http://[::1]:8080/x", "K"), "t").startswith(
        "curl -sS --globoff 'http://[::1]:8080/x/api/v1/jobs/recordInfo?taskId=t' "
    )


def test_commands_of_several_tasks_wait_for_the_last_enter(shells: Shells) -> None:
    pasted = NEXT_COMMAND.join(create_command(GATEWAY, body(str(n)), REQUEST_ID) for n in range(3))
    assert len(shells.run(pasted)) == 3
    # Pasted without its last line, as while one still looks at it, none has run.
    unfinished = pasted.rpartition("\n")[0].rpartition("curl")[0]
    shells.calls.write_bytes(b"")
    done = subprocess.run(
        ["sh"],
        input=unfinished.encode(),
        env={"PATH": f"{shells.folder}/bin:/bin:/usr/bin"},
        capture_output=True,
        check=False,
    )
    assert done.returncode != 0
    assert shells.calls.read_bytes() == b""
