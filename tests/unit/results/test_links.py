"""A link comes from outside: what may reach a browser, and how it is started."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdash.results.links import MAX_URL_CHARS, open_url, safe_url

if TYPE_CHECKING:
    from pathlib import Path

PICTURE = "https://cdn.example.com/result.png"


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        (PICTURE, PICTURE),
        ("http://127.0.0.1:8080/a/b.png?x=1&y=2#top", "http://127.0.0.1:8080/a/b.png?x=1&y=2#top"),
        ("HTTPS://CDN.Example.com/A.png", "https://cdn.example.com/A.png"),
        ("https://[::1]:8443/a", "https://[::1]:8443/a"),
        ("  https://cdn.example.com/a  ", "https://cdn.example.com/a"),
        ("https://cdn.example.com", "https://cdn.example.com"),
        # What is encoded stays as it is, what is not gets encoded.
        ("https://cdn.example.com/a%20b%2Fc", "https://cdn.example.com/a%20b%2Fc"),
        ("https://cdn.example.com/a b", "https://cdn.example.com/a%20b"),
        ("https://cdn.example.com/ü/灯", "https://cdn.example.com/%C3%BC/%E7%81%AF"),
        (
            "https://cdn.example.com/$(touch x)`y`'z'\"",
            "https://cdn.example.com/%24%28touch%20x%29%60y%60%27z%27%22",
        ),
        ("https://cdn.example.com/a\u202eb\x9bc\x7f", "https://cdn.example.com/a%E2%80%AEb%C2%9Bc%7F"),
        ("https://bücher.example/a", "https://xn--bcher-kva.example/a"),
        # A signed link of an object store.
        (
            "https://b.s3.amazonaws.com/k?X-Amz-Credential=A%2F2026%2Fus&X-Amz-Signature=ab+c/d==",
            "https://b.s3.amazonaws.com/k?X-Amz-Credential=A%2F2026%2Fus&X-Amz-Signature=ab+c/d==",
        ),
    ],
)
def test_http_links_with_a_host_are_opened_percent_encoded(url: str, safe: str) -> None:
    assert safe_url(url) == safe


@pytest.mark.parametrize(
    "url",
    [
        "",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "data:text/html,<script>",
        "ftp://cdn.example.com/a",
        "-x",
        "--flag=evil",
        "%action--evil",
        "cdn.example.com/a.png",
        "//cdn.example.com/a.png",
        "http:cdn.example.com",
        "http://",
        "https:///a",
        "https://user@cdn.example.com/a",
        "https://user:secret@cdn.example.com/a",
        "https://cdn.example.com:port/a",
        "https://cdn.example.com:99999/a",
        "https://cdn example.com/a",
        "https://cdn.example.com\\@evil.example/a",
        "https://a$b/",
        "https://a`b/",
        "https://a'b/",
        "https://[::1/a",
        "https://cdn.example.com/a\nb",
        "https://cdn.example.com/\x1b]0;title\x07",
        "https://cdn.example.com/\x00",
        f"https://cdn.example.com/{'x' * MAX_URL_CHARS}",
        f"https://cdn.example.com/{'x' * 65_536}",
        "https://xn--a/\ud800",
    ],
)
def test_anything_else_is_not_opened(url: str) -> None:
    assert safe_url(url) is None
    assert not open_url(url, command=["true"]).ok


@given(st.text(max_size=80) | st.text(max_size=60).map(lambda tail: f"https://cdn.example.com{tail}"))
def test_whatever_is_opened_is_plain_http_ascii_without_food_for_a_shell(url: str) -> None:
    safe = safe_url(url)
    if safe is not None:
        assert safe.isascii()
        assert safe.isprintable()
        assert urlsplit(safe).scheme in ("http", "https")
        assert urlsplit(safe).hostname
        assert not set(safe) & set(" \"'`$\\()<>|{}^\n\t")
        assert safe_url(safe) == safe


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
    made = Recorder(tmp_path)
    monkeypatch.setenv("PATH", made.environ["PATH"])
    return made


def test_the_configs_command_gets_the_link_as_its_last_argument(recorder: Recorder) -> None:
    opened = open_url(PICTURE, command=["browser", "--new-tab"], environ=recorder.environ)
    assert opened.ok
    assert recorder.visited == ["--new-tab", PICTURE]


@pytest.mark.parametrize(
    ("browser", "arguments"),
    [
        ("browser", [PICTURE]),
        ("browser --new-tab", ["--new-tab", PICTURE]),
        ("browser --url=%s -q", [f"--url={PICTURE}", "-q"]),
        ("browser %s &", [PICTURE]),
        ("'browser' 'a b'", ["a b", PICTURE]),
        ("no-such-browser:browser", [PICTURE]),
        (":browser", [PICTURE]),
        ("w3m:browser", [PICTURE]),
        ("'unclosed:browser", [PICTURE]),
    ],
)
def test_browser_names_the_one_that_is_started(
    recorder: Recorder, browser: str, arguments: list[str]
) -> None:
    opened = open_url(PICTURE, environ={**recorder.environ, "BROWSER": browser})
    assert opened.ok, opened
    assert recorder.visited == arguments


@pytest.mark.parametrize(
    "browser",
    [
        "sh -c 'browser %s'",
        "sh -c \"browser '%s'\"",
        "env sh -c 'browser %s'",
        "nice -n 1 bash -c 'browser \"%s\"'",
    ],
)
@pytest.mark.parametrize(
    "tail", [";touch pwned", "&touch${IFS}pwned", "$(touch pwned)", "`touch pwned`", ";pwn;"]
)
def test_no_shell_ever_reads_a_link(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, browser: str, tail: str
) -> None:
    recorder.script("pwn", f'touch "{recorder.folder}/pwned"')
    monkeypatch.chdir(recorder.folder)
    open_url(f"https://cdn.example.com/a{tail}", environ={**recorder.environ, "BROWSER": browser})
    assert not (recorder.folder / "pwned").exists()


def test_a_browser_that_stays_is_not_waited_for(recorder: Recorder) -> None:
    recorder.script("browser", "exec sleep 3")
    started_s = time.monotonic()
    opened = open_url(PICTURE, command=["browser"], environ=recorder.environ)
    assert opened.ok
    assert time.monotonic() - started_s < 2


def test_a_browser_has_no_part_in_our_terminal(recorder: Recorder) -> None:
    file = recorder.folder / "streams"
    # Its streams, then the session it belongs to.
    ends = "for n in 0 1 2; do readlink /proc/$pid/fd/$n; done"
    recorder.script("browser", f'pid=$$; ({ends}; cut -d" " -f6 /proc/$pid/stat) > "{file}"')
    assert open_url(PICTURE, command=["browser"], environ=recorder.environ).ok
    *streams, session = file.read_text().split()
    assert streams == ["/dev/null"] * 3
    assert int(session) != os.getsid(0)


def test_a_browser_gets_no_key(recorder: Recorder) -> None:
    file = recorder.folder / "environment"
    recorder.script("browser", f'env > "{file}"')
    secrets = {"AIGPTIMAGE_API_KEY": "sk-CANARY", "GITHUB_TOKEN": "t-CANARY", "MY_SECRET": "s-CANARY"}
    assert open_url(PICTURE, command=["browser"], environ={**recorder.environ, **secrets}).ok
    assert "CANARY" not in file.read_text()
    assert "HOME=" in file.read_text()


def test_a_browser_that_fails_is_said_with_its_exit_code(recorder: Recorder) -> None:
    recorder.script("browser", "exit 3")
    opened = open_url(PICTURE, command=["browser"], environ=recorder.environ)
    assert not opened.ok
    assert "browser failed (exit 3)" in opened.message


def test_a_command_that_does_not_exist_is_said(recorder: Recorder) -> None:
    opened = open_url(PICTURE, command=["no-such-browser"], environ=recorder.environ)
    assert not opened.ok
    assert "no-such-browser" in opened.message


def test_a_command_that_cannot_be_run_is_said(recorder: Recorder) -> None:
    broken = recorder.folder / "broken"
    broken.write_bytes(b"\x00\x01 not a program")
    broken.chmod(0o755)
    opened = open_url(PICTURE, command=["broken"], environ=recorder.environ)
    assert not opened.ok
    assert "broken" in opened.message


@pytest.mark.skipif(os.uname().sysname == "Darwin", reason="macOS always has an opener")
def test_without_a_browser_or_a_display_it_says_so(recorder: Recorder) -> None:
    opened = open_url(PICTURE, environ=recorder.environ)
    assert not opened.ok
    assert "no browser here" in opened.message


@pytest.mark.skipif(os.uname().sysname == "Darwin", reason="macOS has its own opener")
def test_with_a_display_the_desktops_own_opener_is_used(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    (recorder.folder / "bin").mkdir()
    opener = recorder.script("bin/xdg-open", f'printf "%s\\n" "$@" > "{recorder.file}"')
    path = f"{opener.parent}:{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)
    assert open_url(PICTURE, environ={**recorder.environ, "PATH": path, "DISPLAY": ":0"}).ok
    assert recorder.visited == [PICTURE]


def test_a_browser_of_the_text_kind_is_never_run_in_our_terminal(recorder: Recorder) -> None:
    recorder.script("w3m", f'touch "{recorder.folder}/ran"')
    open_url(PICTURE, environ={**recorder.environ, "BROWSER": "w3m"})
    assert not (recorder.folder / "ran").exists()
