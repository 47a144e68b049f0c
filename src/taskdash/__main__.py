"""`python -m taskdash`."""

from taskdash.cli.main import run

if __name__ == "__main__":
    run()
