"""`taskdash`, and `python -m taskdash`: how every command line begins."""

import gc
from typing import NoReturn


def run() -> NoReturn:
    """Run the command line of this process and exit."""
    # Half of the first imports would call the collector, and none of what they bring ever goes.
    gc.disable()
    from taskdash.cli import process

    process.run()


if __name__ == "__main__":
    run()
