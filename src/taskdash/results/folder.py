"""The folder results are saved in: names of our own, nothing overwritten, nothing followed, nothing half done."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import unicodedata
from typing import TYPE_CHECKING, Final, Self

from taskdash.config.private_files import make_private_dir

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

MAX_STEM_CHARS: Final = 80
MAX_STEM_BYTES: Final = 200
MAX_SAME_NAME: Final = 10_000
_NOT_IN_NAMES = re.compile(r"[^\w.+-]+")
# Names of devices on Windows, where the folder may be shared to.
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)


def stem_of(label: str | None, task_id: str) -> str:
    """The first part of a file name: the label, else the ID, with nothing in it that means something to a system."""
    for text in (label or "", task_id):
        name = _NOT_IN_NAMES.sub("-", unicodedata.normalize("NFC", text)).strip(".-_+")
        name = name[:MAX_STEM_CHARS].encode("utf-8", "replace")[:MAX_STEM_BYTES].decode("utf-8", "ignore")
        name = name.rstrip(".-_+")
        if name:
            return f"task-{name}" if _DEVICES.fullmatch(name) else name
    return "task"


class Folder:
    """An open folder. Whoever moves or replaces it meanwhile does not lead files elsewhere."""

    def __init__(self, path: Path) -> None:
        """Open `path`, making it (0700) where it is missing.

        Raises:
            OSError: it cannot be made or opened, or is no folder.
        """
        make_private_dir(path)
        # The user chose the folder, so it may be a link; what is in it is never followed.
        self.path = path.resolve()
        self._descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    @contextlib.contextmanager
    def new_file(self) -> Iterator[NewFile]:
        """A file that nobody sees before `NewFile.keep`, and that is gone at the end of the block otherwise.

        Raises:
            OSError: it cannot be made.
        """
        name = f".taskdash-{secrets.token_hex(8)}.part"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(name, flags, 0o600, dir_fd=self._descriptor)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - opened by number, in the folder
            new = NewFile(self.path, self._descriptor, name, file)
            try:
                yield new
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=self._descriptor)


class NewFile:
    """A file in the making."""

    def __init__(self, folder: Path, folder_descriptor: int, name: str, file: BinaryIO) -> None:
        self.file = file
        self._folder = folder
        self._descriptor = folder_descriptor
        self._name = name

    def keep(self, stem: str, ending: str) -> Path:
        """Have it on the disk under `stem.ending`, or `stem-2.ending` and so on where that is taken.

        Raises:
            OSError: it cannot be done.
        """
        self.file.flush()
        os.fsync(self.file.fileno())
        for n in range(1, MAX_SAME_NAME):
            name = f"{stem}.{ending}" if n == 1 else f"{stem}-{n}.{ending}"
            try:
                self._give_name(name)
            except FileExistsError:
                continue
            os.fsync(self._descriptor)
            return self._folder / name
        raise FileExistsError(f"{stem}.{ending} and thousands of others of that name are there")

    def _give_name(self, name: str) -> None:
        """Give it a name that nothing has.

        Raises:
            FileExistsError: something has it.
        """
        folder = self._descriptor
        try:
            os.link(self._name, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        except FileExistsError:
            raise
        except (OSError, NotImplementedError):
            # A file system without links, such as FAT: take the name first, then put the file in its place.
            os.close(
                os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
            )
            os.replace(self._name, name, src_dir_fd=folder, dst_dir_fd=folder)
