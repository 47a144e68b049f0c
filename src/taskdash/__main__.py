"""The entry point of `taskdash` and `python -m taskdash`."""

import gc
from typing import NoReturn


def run() -> NoReturn:
    """Run the command line of this process and exit."""
    # The first imports would trigger the garbage collector many times, and nothing they load is ever freed.
    gc.disable()
    from taskdash.cli import process

    process.run()


if __name__ == "__main__":
    run()
