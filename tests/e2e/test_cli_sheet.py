"""`taskdash sheet`, and its page in a real browser: it shows what it should, and asks nobody for anything."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Final, Self

import pytest
from tests.bodies import success_body, waiting_body
from tests.command import KEY, Command, listed
from tests.files_api import FilesApi
from tests.pictures import plain

CHROMIUM: Final = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
_OPTIONS: Final = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-default-apps", "--disable-extensions", "--remote-debugging-pipe"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
_ANSWER_S: Final = 30.0
_KEYS: Final = {"Enter": 13, "Escape": 27, "ArrowLeft": 37, "ArrowRight": 39}


class Chromium:
    """One page of a browser of its own, in a `with` block.

    `requests` has every URL that the page asked for, whether it was let or not; `errors` what went wrong in its
    scripts.
    """

    def __init__(self, folder: Path, *, width: int = 1280, height: int = 900) -> None:
        assert CHROMIUM is not None
        to_it, self._write = os.pipe()
        self._read, from_it = os.pipe()
        self.requests: list[str] = []
        self.errors: list[str] = []
        self._buffer = b""
        self._last = 0
        self._session: str | None = None
        # It reads from descriptor 3, and writes to 4.
        shell = f'exec "$@" 3<&{to_it} 4>&{from_it}'
        options = [*_OPTIONS, f"--user-data-dir={folder}", f"--window-size={width},{height}"]
        self._process = subprocess.Popen(
            ["bash", "-c", shell, "bash", CHROMIUM, *options],
            pass_fds=(to_it, from_it),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), "TZ": os.environ.get("TZ", "UTC")},
        )
        os.close(to_it)
        os.close(from_it)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        os.close(self._write)
        os.close(self._read)

    def call(self, method: str, **params: Any) -> Any:
        """Call a method of the protocol; return its result."""
        self._last += 1
        session = {} if self._session is None else {"sessionId": self._session}
        message = {"id": self._last, "method": method, "params": params, **session}
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._last:
                assert "error" not in answer, answer
                return answer["result"]

    def open(self, url: str) -> None:
        """Open a page, and wait until all that belongs to it is there."""
        assert "errorText" not in self.call("Page.navigate", url=url)
        self.wait_for("document.readyState === 'complete'")

    def eval(self, script: str) -> Any:
        """Return what an expression is in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait_for(self, script: str) -> None:
        until_s = time.monotonic() + _ANSWER_S
        while not self.eval(script):
            assert time.monotonic() < until_s, script

    def click(self, selector: str) -> None:
        """Click in the middle of an element, as a mouse does."""
        x, y = self.eval(
            f"(() => {{ const element = document.querySelector({json.dumps(selector)});"
            "element.scrollIntoView({block: 'center'}); const box = element.getBoundingClientRect();"
            "return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, key: str) -> None:
        """Press one of the keys that have a name, as `ArrowRight`."""
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=_KEYS[key]
            )

    def pdf(self) -> bytes:
        return base64.b64decode(self.call("Page.printToPDF", printBackground=False)["data"])

    def _next(self) -> Any:
        """Return the next message, having taken note of what it tells."""
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], _ANSWER_S)
            data = os.read(self._read, 1 << 20) if ready else b""
            assert data, "the browser says no more"
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\0")
        message = json.loads(line)
        match message.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(message["params"]["request"]["url"])
            case "Runtime.exceptionThrown":
                self.errors.append(str(message["params"]["exceptionDetails"]))
        return message


FOX, CLIP, DEAD, RUN = (f"task_{name}_12345678" for name in ("fox", "clip", "dead", "run"))


@pytest.fixture
def taskdash(taskdash: Command, api: FilesApi) -> Command:
    api.file = plain(1_200, 800, "red")
    evil = f"<img src={api.url}/evil onerror=\"document.title='evil'\"><script>document.title='evil'</script>"
    param = json.dumps({"model": "m", "input": {"prompt": f"A fox {evil}", "style": evil}})
    api.set(FOX, success_body(FOX, [f"{api.url}/files/{n}" for n in (1, 2)], param=param))
    api.set(DEAD, success_body(DEAD, [f"{api.url}/elsewhere"]))
    api.set(RUN, waiting_body(RUN))
    taskdash.ok("add", RUN)
    taskdash.ok("add", FOX, DEAD, "--label", "</title><b>mugs</b>")
    taskdash.ok("check")
    taskdash.ok("download", FOX, "-o", "pictures")
    taskdash.ok("pick", f"{FOX}:1")
    taskdash.ok("reject", f"{FOX}:2")
    return taskdash


def test_a_sheet_is_made_of_what_is_selected_and_replaces_no_other_file(
    taskdash: Command, tmp_path: Path, api: FilesApi
) -> None:
    before = len(api.file_requests())
    done = taskdash.ok("sheet")
    path = tmp_path / "sheet.html"
    assert done.stdout == f"{path}\n"
    assert done.stderr.startswith("3 results, 0.")
    text = path.read_text("utf-8")
    assert text.count("data:image/webp") == 2
    assert "no picture: the link has probably expired (HTTP 404)" in text
    assert KEY not in text
    # What is saved is not fetched once more.
    assert len(api.file_requests()) == before

    assert taskdash.ok("sheet", "--filter", "picked:yes", "-o", "picks.html").stderr.startswith("2 results")
    one = taskdash.ok("sheet", "-", "-o", "-", stdin=FOX)
    assert (one.stdout[:40], one.stdout.count("<article")) == (text[:40], 2)
    path.write_text("mine", "utf-8")
    refused = taskdash("sheet")
    assert (refused.returncode, path.read_text("utf-8")) == (1, "mine")
    assert "sheet.html already exists and is not a contact sheet" in refused.stderr
    links = [f"{api.url}/files/{n}" for n in range(2_001)]
    taskdash.import_tasks(listed("many", resultUrls=links))
    many = taskdash("sheet", "-o", "many.html")
    assert (many.returncode, "2,004 results are too many for one sheet" in many.stderr) == (1, True)
    none = taskdash("sheet", RUN, "-o", "none.html")
    assert (none.returncode, none.stderr) == (1, "taskdash: no results to show\n")
    assert {each.name for each in tmp_path.glob("*.html")} == {"picks.html", "sheet.html"}


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_the_page_in_a_browser(taskdash: Command, tmp_path: Path, api: FilesApi) -> None:
    taskdash.ok("sheet")
    page = (tmp_path / "sheet.html").as_uri()
    with Chromium(tmp_path / "chromium") as browser:
        asked_before = len(api.requests)
        browser.open(page)
        # Markup in a prompt is text, and nothing of it was run or loaded.
        prompt = browser.eval("document.querySelector('.prompt').textContent")
        assert prompt.startswith("A fox <img src=http")
        assert browser.eval("document.title").startswith("All results")
        assert browser.eval("document.querySelectorAll('main img').length") == 2
        assert browser.eval("[...document.images].every(each => each.naturalWidth === 768)")

        # The filter by verdict.
        shown = "cards.filter(each => !each.hidden).map(each => each.dataset.verdict)"
        assert browser.eval(shown) == ["picked", "rejected", "undecided"]
        browser.click("form label:nth-child(2)")
        assert browser.eval(shown) == ["picked"]
        browser.click("form label:nth-child(1)")

        # A click enlarges; the arrow keys go on, Escape and another click go back.
        width = "document.querySelector('{} img').getBoundingClientRect().width"
        small = browser.eval(width.format("main"))
        browser.click("main article button")
        assert browser.eval("large.open")
        assert browser.eval(width.format("dialog")) > 2 * small
        assert "A fox" in browser.eval("large.textContent")
        browser.press("ArrowRight")
        assert "× rejected" in browser.eval("large.textContent")
        browser.press("ArrowRight")
        assert "the link has probably expired" in browser.eval("large.textContent")
        browser.press("Escape")
        browser.wait_for("!large.open && !large.children.length")
        browser.click("main article button")
        browser.click("dialog button")
        browser.wait_for("!large.open")
        assert browser.pdf().startswith(b"%PDF")

        # Its policy forbids what it does not do anyway.
        url = f"{api.url}/files/1"
        refused = browser.eval(
            f"Promise.all([fetch('{url}').catch(() => 'refused'), new Promise(done => {{"
            f"const image = new Image(); image.onerror = () => done('refused'); image.src = '{url}'; }})])"
        )
        assert refused == ["refused", "refused"]
        assert browser.errors == []
        assert {each for each in browser.requests if not each.startswith(("data:", page))} == {url}
        assert len(api.requests) == asked_before
        # They would have been seen.
        browser.open(url)
        assert len(api.requests) > asked_before
