"""Explains why a result was not saved, and whether a retry may help, or why there is no picture."""

from __future__ import annotations

from dataclasses import dataclass


class DownloadError(Exception):
    """A result was not saved; the message says why, and is safe to show."""

    passing = False
    """Whether a retry may succeed a little later, so that bytes already received are worth keeping."""


class PassingError(DownloadError):
    """The server or the network failed for now."""

    passing = True

    def __init__(self, message: str, *, after_s: float = 0.0) -> None:
        """Take the reason, and how long the server asked to be left alone."""
        super().__init__(message)
        self.after_s = after_s


class ExpiredError(DownloadError):
    """The link is dead, or its file is not there yet."""

    def __init__(self, message: str, *, may_come: bool = False) -> None:
        """Take the reason, and whether servers answer the same for a file that is not there yet."""
        super().__init__(message)
        self.may_come = may_come


class PrivateHostError(DownloadError):
    """The link leads into a network of the user's own."""


class DiskError(DownloadError):
    """The file cannot be written to the folder or the disk."""


class LockedError(DownloadError):
    """Another process is saving it, which says nothing about the result."""


@dataclass(frozen=True, slots=True)
class Refused:
    """There is no picture."""

    why: str
    is_other: bool = False
    """Nothing is wrong: it is a video, or something else that is not a picture, as `why` says."""
    is_expired: bool = False
    """The link is dead; the record may have another one."""
