"""What users install: wheel and source archive, built here and put into a fresh environment."""

from __future__ import annotations

import email
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from email.message import Message
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from tests.pty_screen import PtyScreen

import taskdash
from taskdash.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
TESTED_ON_THE_WHEEL = ("tests/e2e/test_copied_commands.py", "tests/unit/demo/test_demo_media.py")
"""What needs the program and the files that come with it."""


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a program to its good end; return what it said."""
    foreign = ("PYTHON", "PYTEST", "TASKDASH")
    env = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    line = [str(part) for part in command]
    done = subprocess.run(line, cwd=cwd, env=env, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source archive, unpacked."""
    folder = tmp_path_factory.mktemp("sdist")
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", folder)
    (packed,) = folder.glob("*.tar.gz")
    with tarfile.open(packed) as tar:
        if hasattr(tarfile, "data_filter"):  # 3.11 has it since 3.11.4
            tar.extraction_filter = tarfile.data_filter
        tar.extractall(folder)  # noqa: S202 - our own archive
    return folder / packed.name.removesuffix(".tar.gz")


@pytest.fixture(scope="module")
def wheel(archive: Path) -> Path:
    """The wheel, built from the source archive: so nothing that it needs is missing there."""
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", archive.parent, cwd=archive)
    (built,) = archive.parent.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment that has it from an index, built from its source there.

    What it depends on is lent from this environment: that is another's index.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder)}))
    # A path file in a lent folder is not followed, so the editable install of this one stays out.
    (site / "lent.pth").write_text(f"{sysconfig.get_path('purelib')}\n", "utf-8")
    root = tmp_path_factory.mktemp("index")
    index = root / "simple" / "taskdash"
    index.mkdir(parents=True)
    for packed in (wheel, *wheel.parent.glob("*.tar.gz")):
        (index / packed.name).symlink_to(packed)
    with ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(root))
    ) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        pip = (sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "--quiet")
        where = ("--index-url", f"http://127.0.0.1:{server.server_port}/simple/", "--no-binary", "taskdash")
        more = ("--ignore-installed", "--no-deps", "--no-build-isolation", "--no-cache-dir")
        run(*pip, "--python", folder / "bin" / "python", "install", *where, *more, "taskdash[preview]")
        server.shutdown()
    return folder / "bin"


def test_the_wheel_has_every_file_of_the_package_and_no_other(wheel: Path) -> None:
    source = ROOT / "src"
    ours = {
        str(path.relative_to(source))
        for path in (source / "taskdash").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
    (page,) = (name for name in names if name.endswith(".data/data/share/man/man1/taskdash.1"))
    assert {name for name in names if ".dist-info/" not in name} == {*ours, page}
    assert {"taskdash/py.typed", "taskdash/ui/dashboard.tcss", "taskdash/demo/media/robot.webp"} <= ours


def test_the_source_archive_builds_the_wheel_that_the_tree_does(wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path)
    (of_tree,) = tmp_path.glob("*.whl")
    assert of_tree.name == wheel.name
    assert of_tree.read_bytes() == wheel.read_bytes()


def test_the_metadata_is_complete_and_has_the_one_version(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        (name,) = (name for name in packed.namelist() if name.endswith(".dist-info/METADATA"))
        metadata: Message = email.message_from_bytes(packed.read(name))
    assert (metadata["Name"], metadata["Version"]) == ("taskdash", taskdash.__version__)
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Summary"]
    assert metadata["Keywords"]
    assert metadata.get_all("Provides-Extra") == ["preview"]
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])
    (textual,) = (each for each in metadata.get_all("Requires-Dist", []) if re.match(r"textual\b(?!-)", each))
    assert ">=" in textual
    assert "<" in textual
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    newest = re.search(r"^## \[(.+?)\]", changelog, re.MULTILINE)
    assert newest is not None
    assert newest[1] in ("Unreleased", taskdash.__version__)


def test_the_source_archive_has_what_a_packager_needs(archive: Path) -> None:
    needed = (
        "README.md", "LICENSE", "CHANGELOG.md", "config.example.toml", "Makefile", "requirements", "pyproject.toml",
        "screenshots/dashboard.png", "src/taskdash/demo/media/lighthouse.mp4", "tests",
    )  # fmt: skip
    assert [name for name in needed if not (archive / name).exists()] == []
    assert not list(archive.rglob("__pycache__"))


def test_what_is_installed_is_the_wheel_and_every_command_has_its_help(
    installed: Path, tmp_path: Path
) -> None:
    program = installed / "taskdash"
    assert taskdash.__version__ in run(program, "--version", cwd=tmp_path)
    page = installed.parent / "share" / "man" / "man1" / "taskdash.1"
    assert page.read_bytes() == (ROOT / "docs" / "taskdash.1").read_bytes()
    code = f"from taskdash.cli.process import exit_code_of\nfor each in {[*COMMANDS]!r}: exit_code_of([each, '--help'])"
    code += "\nimport taskdash\nprint(taskdash.__file__)"
    helped = run(installed / "python", "-c", code, cwd=tmp_path)
    assert Path(helped.splitlines()[-1]).is_relative_to(installed.parent)
    assert [each for each in COMMANDS if f"taskdash {each}" not in helped] == []
    assert run(program, "config", "example", cwd=tmp_path) == (ROOT / "config.example.toml").read_text(
        "utf-8"
    )


def test_the_dashboard_opens_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    with PtyScreen([installed / "taskdash", "--demo"], env=env, cwd=tmp_path) as screen:
        screen.wait_for("gpt-image-2", 90)
        screen.quit()


def test_tests_pass_on_the_wheel(installed: Path) -> None:
    said = run(installed / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTED_ON_THE_WHEEL)
    assert re.search(r"^\d+ passed in ", said, re.MULTILINE)
