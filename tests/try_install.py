"""Installs what this tree builds as users do, from an index on loopback with everything in it that is needed.

Run `python tests/try_install.py`: it builds wheel and source archive, has pip download what they depend on, serves all
of it on 127.0.0.1, and installs with pip (a wheel, a source archive, from the index), pipx and uv, as far as they are
here. Each copy is started, and the line that it names for the missing extra is run and must bring pictures.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

ROOT = Path(__file__).parents[1]
HINT = "from taskdash.results.previews import install_line; print(install_line())"
HAS_PICTURES = "import importlib.util, sys; sys.exit(importlib.util.find_spec('PIL') is None)"


def run(*command: str | Path, env: dict[str, str] | None = None, cwd: Path = ROOT) -> str:
    """Run a program to its good end; return what it printed."""
    line = [str(part) for part in command]
    done = subprocess.run(line, env=env, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def fill_index(index: Path) -> tuple[Path, Path]:
    """Put wheel and source archive, and all that they need, where an index has them; return the first two."""
    files = index.parent / "files"
    run(sys.executable, "-m", "hatchling", "build", "-d", files)
    (wheel,), (source,) = files.glob("taskdash-*.whl"), files.glob("taskdash-*.tar.gz")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "download", "--dest", files)
    run(*pip, f"{wheel}[preview]", "hatchling")
    for file in files.iterdir():
        folder = index / file.name.partition("-")[0].lower().replace("_", "-").replace(".", "-")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file.name).symlink_to(file)
    return wheel, source


def try_copy(name: str, python: Path, program: Path, env: dict[str, str]) -> None:
    """Start a copy of the program, and add the extra as it says."""
    version = run(program, "--version", env=env)
    settings = run(program, "config", "show", env=env).splitlines()
    line = run(python, "-c", HINT, env=env)
    run("sh", "-c", line, env=env)
    run(python, "-c", HAS_PICTURES, env=env)
    print(f"{name:<28} {version}, {len(settings)} settings; {line.replace(str(python.parents[1]), '...')}")


def environment(folder: Path) -> Path:
    """Make an empty environment; return its Python."""
    venv.create(folder, with_pip=True)
    return folder / "bin" / "python"


def main() -> None:
    """Install in every way, each into a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="taskdash-install-") as name:
        folder = Path(name)
        index = folder / "simple"
        wheel, source = fill_index(index)
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=name))
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/simple/"
        foreign = ("PIP_", "UV_", "PYTHON", "TASKDASH")
        env = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        env |= {
            "HOME": f"{name}/home", "PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": url, "PIP_NO_CACHE_DIR": "1",
            "PIPX_HOME": f"{name}/pipx", "PIPX_BIN_DIR": f"{name}/bin", "UV_INDEX_URL": url,
            "UV_CACHE_DIR": f"{name}/uv-cache", "UV_TOOL_DIR": f"{name}/uv", "UV_TOOL_BIN_DIR": f"{name}/uv-bin",
            "UV_PYTHON": sys.executable,
        }  # fmt: skip
        ways: dict[str, str | Path] = {
            "pip, a wheel": wheel,
            "pip, a source archive": source,
            "pip, an index": "taskdash",
        }
        for way, what in ways.items():
            python = environment(folder / way.replace(" ", "-"))
            run(python, "-m", "pip", "install", "--quiet", what, env=env)
            try_copy(way, python, python.with_name("taskdash"), env)
        if pipx := shutil.which("pipx"):
            run(pipx, "install", "--python", sys.executable, "taskdash", env=env)
            try_copy("pipx", folder / "pipx/venvs/taskdash/bin/python", folder / "bin/taskdash", env)
        if uv := shutil.which("uv"):
            run(uv, "tool", "install", "taskdash", env=env)
            try_copy("uv tool", folder / "uv/taskdash/bin/python", folder / "uv-bin/taskdash", env)
        missing = [tool for tool in ("pipx", "uv") if not shutil.which(tool)]
        print(f"not tried: {', '.join(missing) or 'nothing'}")
        server.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass


if __name__ == "__main__":
    main()
