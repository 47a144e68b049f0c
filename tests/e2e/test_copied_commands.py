"""The command lines of the copy menu, run by the shell and curl of this machine against the demo API."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from taskdash.api.request import create_body
from taskdash.demo.server import DemoApi
from taskdash.domain.curl import Endpoint, create_command, record_command
from taskdash.domain.task import Json

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")

PROMPT = "it's a \"cat\" $(touch pwned) `id` \\ \\\\ ${HOME}\n'; exit 1; ' 灯台 👨‍👩‍👧 @x"
REQUEST_ID = "0b54b1b0-8f4f-4b0e-9c53-2f1f6d6ad6a4"


@pytest.fixture
def api() -> Iterator[DemoApi]:
    with DemoApi() as running:
        yield running


def ask(api: DemoApi, command: str) -> Any:
    """Run a command as one does who pasted it; return `data` of the answer."""
    environ = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "MY_KEY": api.key}
    done = subprocess.run(
        ["sh", "-c", command], env=environ, capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    assert answer["code"] == 200, answer
    return answer["data"]


def test_a_task_is_asked_for_once_more_and_only_once(api: DemoApi) -> None:
    endpoint = Endpoint(api.base_url, "MY_KEY")
    first: dict[str, Json] = {
        "model": "gpt-image-2-text-to-image",
        "input": {"prompt": PROMPT, "size": "512x512", "n": 2},
    }
    again = create_command(endpoint, create_body(first, None), REQUEST_ID)
    task_id = ask(api, again)["taskId"]
    record = ask(api, record_command(endpoint, task_id))
    assert record["state"] == "waiting"
    assert json.loads(record["param"]) == first
    assert ask(api, again)["taskId"] == task_id
    assert ask(api, create_command(endpoint, first, f"{REQUEST_ID}-2"))["taskId"] != task_id
