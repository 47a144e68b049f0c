"""Config files as tests write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from jsonschema import Draft202012Validator

from taskdash.config.settings import Settings

CANARY = "sk-CANARY-0123456789abcdef"
KIE = '[profiles.kie]\nbase_url = "https://api.kie.ai"\n'


class Load(Protocol):
    """Loads a text as the file `my.toml`."""

    def __call__(self, text: str | bytes, *, profile: str | None = None, **environ: str) -> Settings: ...


def write(path: Path, text: str | bytes, mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path


def fits(value: object, schema: dict[str, Any]) -> bool:
    """Return whether a value is what a JSON Schema says."""
    return bool(Draft202012Validator(schema).is_valid(value))
