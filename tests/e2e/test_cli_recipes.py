"""The recipes of README and docs/scripts.md do what they say, word for word, against the demo API.

Its clock runs faster than ours, as a task there takes half a minute.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest
from tests.command import EAGER, PROGRAM, Command

from taskdash.demo.server import DemoApi

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


ROOT: Final = Path(__file__).parents[2]
SPEED: Final = 40
BEHIND_S: Final = 3_000
"""How far behind ours the API's clock begins: it must not pass it while the tests run."""
SEND: Final = """
usual='{{"model": "gpt-image-2-text-to-image", "input": {{"prompt": "A cat"}}}}'
curl -sS -H "Authorization: Bearer {key}" -d "${{1:-$usual}}" "{url}/api/v1/jobs/createTask" && echo
"""
"""The user's program: posts a request, its own or the one it is given, and prints the answer."""
OUTCOMES: Final = {
    "In scripts": [
        r"^[-0-9a-f]{36} is done: http://127\.0\.0\.1:\d+/\S+\.webp$",
        r"^not all succeeded \(1\)$",
        r"pictures/batch-7-[0-9a-f]{8}-1\.webp$",
        r"^1\tcontent policy\t400\tSorry, but",
        r"^[-0-9a-f]{36}$",
        r"^gpt-image-2-text-to-image\t4\t2\t",
    ],
    "One ID from a mail": [r"-1\.webp$", r"^state +success$"],
    "300 overnight": [
        r"^2 tasks finished: 1 succeeded, 1 failed",
        r"^ended with 1$",
        r"^1 failed · 1 done$",
        r"^1\tcontent policy",
        r"night/night-[0-9a-f]{8}-1\.webp$",
    ],
    "tmux over SSH at 80x24": [r"^taskId\tfailMsg$", r"^http://127\.0\.0\.1.*\.webp$"],
    "Programs and agents": [r"^exit code 3$", r'^    "code": "unknown_id",$'],
    "Choosing among results": [r"best/shots-[0-9a-f]{8}-2\.webp$", r"best/shots-[0-9a-f]{8}-4\.webp$"],
    "What is stuck": [r"^taskId\tlabel\tmodel\tcreateTime$"],
    "What it cost": [r"^draft\t1\t1\t0", r"^taskId\tcredits\tfailMsg$"],
    "Results that are about to expire": [r"^[-0-9a-f]{36}$"],
}
"""What the recipes of each section print."""


def sections() -> dict[str, str]:
    """The shell lines of each section that has some."""
    found = {}
    for name in ("README.md", "docs/scripts.md"):
        for section in (ROOT / name).read_text("utf-8").split("\n## ")[1:]:
            blocks = re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
            title = section.splitlines()[0]
            if blocks and title != "Quick start":
                found[title] = "".join(blocks)
    return found


@pytest.fixture(scope="module")
def api() -> Iterator[DemoApi]:
    began_s = time.time()
    with DemoApi(
        clock=lambda: began_s - BEHIND_S + SPEED * (time.time() - began_s), tier="standard"
    ) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path, api: DemoApi) -> Path:
    """A folder with the user's program, its log, a mail, and `taskdash` on the way."""
    taskdash = Command(tmp_path)
    taskdash.write_config(api.base_url, more='result_ttl = "2h"')
    for name in ("make-image", "send"):
        taskdash.program(name, SEND.format(url=api.base_url, key=api.key))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "taskdash").symlink_to(PROGRAM)
    batch = [made(api, prompt) for prompt in ("A lighthouse", "A forbidden cat")]
    (tmp_path / "run.log").write_text("".join(f"12:00:01 INFO created task {task_id}\n" for task_id in batch))
    (tmp_path / "mail.txt").write_text(f"Hi,\n\nthe poster is task {batch[0]}, see you on Monday!\n")
    return tmp_path


def made(api: DemoApi, prompt: str) -> str:
    body = {"model": "gpt-image-2-text-to-image", "input": {"prompt": prompt, "n": 4}}
    url, head = f"{api.base_url}/api/v1/jobs/createTask", {"Authorization": f"Bearer {api.key}"}
    answer = httpx.post(url, json=body, headers=head, trust_env=False)
    return str(answer.json()["data"]["taskId"])


@pytest.mark.parametrize("title", OUTCOMES)
def test_the_recipes_of_a_section_run_as_they_stand(folder: Path, api: DemoApi, title: str) -> None:
    taskdash = Command(folder, first=EAGER)
    environment = {
        "PATH": f"{folder}/bin:{taskdash.env['PATH']}",
        "TASKDASH_STORE": str(taskdash.store),
        "TASKDASH_CONFIG": str(taskdash.config),
        "AIGPTIMAGE_API_KEY": api.key,
        "id": (folder / "run.log").read_text().split()[4],
    }
    if title.startswith(("tmux", "Choosing", "What", "Results")):
        draft = made(api, "A balloon")
        for label, text in (("draft", draft), ("shots", (folder / "run.log").read_text())):
            taskdash("add", "-", "--wait", "--label", label, stdin=text, env={"AIGPTIMAGE_API_KEY": api.key})
    done = taskdash.run(["sh", "-e", "-c", sections()[title]], env=environment, timeout_s=60)
    assert done.returncode == 0, done.stdout + done.stderr
    for pattern in OUTCOMES[title]:
        assert re.search(pattern, done.stdout, re.MULTILINE), (pattern, done.stdout, done.stderr)


def test_every_section_with_recipes_is_run() -> None:
    assert set(sections()) == set(OUTCOMES)
