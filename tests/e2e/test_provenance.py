"""Saved files keep their names, their tasks beside them and in them, and are known again wherever they went."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image
from tests.bodies import success_body
from tests.command import KEY, Command
from tests.files_api import FilesApi
from tests.pictures import encoded, plain

FOX, OWL = "task_fox_12345678", "task_owl_12345678"
PROMPT = 'A "red" fox / and an owl'
FILES = {
    "/files/fox/1": plain(40, 30, "red"),
    "/files/fox/2": encoded(Image.linear_gradient("L"), "JPEG"),
    "/files/owl/1": encoded(Image.new("RGB", (8, 8), "blue"), "GIF"),
}


@pytest.fixture
def taskdash(taskdash: Command, api: FilesApi) -> Command:
    api.files = FILES
    param = json.dumps({"model": f"gpt {KEY}", "input": {"prompt": PROMPT}})
    for task_id, name in ((FOX, "fox"), (OWL, "owl")):
        links = [f"{api.url}{path}" for path in FILES if name in path]
        api.set(task_id, success_body(task_id, links, param=param))
    taskdash.ok("add", FOX, "--label", "CON")
    taskdash.ok("add", OWL)
    taskdash.ok("check")
    return taskdash


def configured(taskdash: Command, api: FilesApi, *lines: str) -> None:
    taskdash.write_config(api.url, top="\n".join((f'download_dir = "{taskdash.folder / "saved"}"', *lines)))


def rows(done_text: str) -> list[list[str]]:
    return [line.split("\t") for line in done_text.splitlines()]


def test_files_are_named_by_a_template_and_name_their_tasks(
    taskdash: Command, tmp_path: Path, api: FilesApi
) -> None:
    template = 'file_name = "{label}_{prompt:.9}_{id:.8}_{n}"'
    configured(taskdash, api, template, "sidecar = true", "embed = true")
    saved = taskdash.ok("download").stdout.splitlines()
    names = [*(f"CON_A-red_task_fox_{n}" for n in (1, 2)), "A-red_task_owl_1"]
    folder = tmp_path / "saved"
    files = [folder / f"{name}.{ending}" for name, ending in zip(names, ("png", "jpg", "gif"), strict=True)]
    assert sorted(saved) == sorted(map(str, files))
    assert {*folder.iterdir()} == {*files, *(folder / f"{name}.json" for name in names)}
    text = (folder / f"{names[0]}.json").read_text()
    assert KEY not in text
    assert json.loads(text) | {"saved": None} == taskdash.json("show", FOX, "--json") | {"saved": None}
    assert json.loads((folder / f"{names[2]}.json").read_text()) == taskdash.json("show", OWL, "--json")
    # The pictures are the same; two of them say where they are from.
    for path, before in zip(files, FILES.values(), strict=True):
        data = path.read_bytes()
        assert Image.open(io.BytesIO(data)).tobytes() == Image.open(io.BytesIO(before)).tobytes()
        assert (FOX.encode() in data, b"fox / and" in data) == ((path.suffix != ".gif"),) * 2
        assert path.stat().st_mode & 0o777 == 0o600
    configured(taskdash, api, 'file_name = "{promt}"')
    done = taskdash("list")
    assert done.returncode == 2
    assert "{prompt}" in done.stderr


def test_a_file_is_known_again_wherever_it_went(taskdash: Command, tmp_path: Path, api: FilesApi) -> None:
    configured(taskdash, api, "embed = true")
    taskdash.ok("download", FOX)
    configured(taskdash, api, "sidecar = true")
    taskdash.ok("download", OWL)
    png, jpg, gif = (next((tmp_path / "saved").glob(f"*.{ending}")) for ending in ("png", "jpg", "gif"))
    away = tmp_path / "away"
    shutil.copytree(tmp_path / "saved", away)
    moved = [(away / path.name).rename(away / f"x{path.suffix}") for path in (png, jpg, gif)]
    done = taskdash.ok("which", str(png), str(gif), *map(str, moved))
    assert rows(done.stdout) == [
        [str(png), f"{FOX}:1", "list"],
        [str(gif), f"{OWL}:1", "list"],
        [str(moved[0]), f"{FOX}:1", "metadata"],
        [str(moved[1]), f"{FOX}:2", "metadata"],
        [str(moved[2]), f"{OWL}:1", "content"],
    ]
    # What is gone from where it was is no longer saved, and still known.
    gif.rename(moved[2])
    assert taskdash.json("list", "--json")[0]["saved"] == []
    assert rows(taskdash.ok("which", str(moved[2])).stdout) == [[str(moved[2]), f"{OWL}:1", "content"]]
    taskdash.ok("download", OWL)
    # Where the list is another one, what the files say themselves is all there is.
    other = Command(tmp_path / "other")
    sidecar = gif.with_suffix(".json")
    told_by = moved[2].with_suffix(".json")
    shutil.copy(sidecar, told_by)
    assert [row[1:] for row in rows(other.ok("which", *map(str, [*moved, told_by])).stdout)] == [
        [f"{FOX}:1", "metadata"],
        [f"{FOX}:2", "metadata"],
        [f"{OWL}:1", "sidecar"],
        [f"{OWL}:1", "sidecar"],
    ]
    gif.write_bytes(b"cropped")
    sidecar.unlink()
    stranger = tmp_path / "stranger.png"
    stranger.write_bytes(plain(9, 9))
    os.mkfifo(tmp_path / "pipe")
    names = [str(gif), str(stranger), "nothing.png", "pipe", "."]
    done = taskdash("which", "--json", *names)
    assert done.returncode == 1
    nothing = {"taskId": None, "result": None, "profile": None, "by": None}
    assert json.loads(done.stdout) == [
        {"file": str(gif), "taskId": OWL, "result": 1, "profile": "aigptimage", "by": "path"},
        *({"file": name, **nothing} for name in names[1:]),
    ]
    assert done.stderr.count("taskdash: ") == 4
    assert f"nothing.png: cannot be read: {os.strerror(errno.ENOENT)}" in done.stderr
    assert taskdash("which").returncode == 2
    taskdash.ok("remove", OWL)
    assert taskdash("which", str(gif)).returncode == 1


def test_what_cannot_be_written_beside_a_file_does_not_lose_it(
    taskdash: Command, tmp_path: Path, api: FilesApi
) -> None:
    configured(taskdash, api, 'file_name = "fox-{n}"', "sidecar = true")
    folder = tmp_path / "saved"
    (folder / "fox-1.json").mkdir(parents=True)
    (folder / "fox-2.json").write_text("mine")
    done = taskdash.ok("download", FOX)
    assert done.stdout.splitlines() == [str(folder / "fox-1.png"), str(folder / "fox-2.jpg")]
    assert done.stderr.count("saved without a sidecar: fox-") == 2
    assert (folder / "fox-2.json").read_text() == "mine"
    assert taskdash.json("show", FOX, "--json")["saved"] == done.stdout.splitlines()
    # A sidecar of the same task is brought up to date.
    (folder / "fox-2.json").unlink()
    for label in ("before", "after"):
        (folder / "fox-2.jpg").unlink()
        taskdash.ok("label", FOX, label)
        taskdash.ok("download", FOX)
        assert json.loads((folder / "fox-2.json").read_text())["label"] == label
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
