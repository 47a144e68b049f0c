"""`taskdash`, and `python -m taskdash`: how every command line begins.

Nothing else is imported before the collector is off, which half of the first imports would call, and before what they
need not have is put off.
"""

import gc
from typing import NoReturn

from taskdash.put_off import put_off


def run() -> NoReturn:
    """Run the command line of this process and exit."""
    gc.disable()
    with put_off():
        from taskdash.cli import main
    main.run()


if __name__ == "__main__":
    run()
