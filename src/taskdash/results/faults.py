"""Says why a result was not saved, and whether it is worth another try; why there is no picture of it."""

from __future__ import annotations

from dataclasses import dataclass


class DownloadError(Exception):
    """A result was not saved; the message says why, and is fit to be shown."""

    passing = False
    """Whether the same may go well a little later, and what has arrived is worth keeping until then."""


class PassingError(DownloadError):
    """The server or the way to it failed for now."""

    passing = True

    def __init__(self, message: str, *, after_s: float = 0.0) -> None:
        """Tell why, and how long the server asked to be left alone."""
        super().__init__(message)
        self.after_s = after_s


class ExpiredError(DownloadError):
    """The link leads nowhere any more, or not yet."""

    def __init__(self, message: str, *, may_come: bool = False) -> None:
        """Tell why, and whether a server says the same of what is not there yet."""
        super().__init__(message)
        self.may_come = may_come


class PrivateHostError(DownloadError):
    """The link leads into a network of the user's own."""


class DiskError(DownloadError):
    """The folder or the disk does not take it."""


class LockedError(DownloadError):
    """Another process is saving it, which says nothing of the result."""


@dataclass(frozen=True, slots=True)
class Refused:
    """There is no picture."""

    why: str
    is_other: bool = False
    """Nothing is wrong: it is a video, or something else that is no picture; `why` says what."""
    is_expired: bool = False
    """The link is dead: its record may have another one."""
