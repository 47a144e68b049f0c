"""Where this runs: whose screen a browser would open on, and whose clipboard a program here would fill."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_SSH_VARIABLES: Final = ("SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT")
KERNEL: Final = Path("/proc/sys/kernel/osrelease")


def is_remote(environ: Mapping[str, str]) -> bool:
    """Whether the user sits at another machine: what opens here, opens where nobody looks."""
    return any(environ.get(name) for name in _SSH_VARIABLES)


def is_wsl(environ: Mapping[str, str]) -> bool:
    """Whether this Linux runs inside Windows, whose programs can be started from here."""
    if environ.get("WSL_DISTRO_NAME") or environ.get("WSL_INTEROP"):
        return True
    try:
        return "microsoft" in KERNEL.read_text("ascii", "replace").lower()
    except OSError:
        return False


def has_display(environ: Mapping[str, str]) -> bool:
    """Whether programs with windows have a screen to open them on."""
    return sys.platform == "darwin" or bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))
