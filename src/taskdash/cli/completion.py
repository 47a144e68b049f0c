"""`taskdash completion`: what a shell needs to complete commands, options and task IDs."""

from __future__ import annotations

import click
from click.shell_completion import ShellComplete, get_completion_class

from taskdash.cli.options import common_options
from taskdash.cli.output import print_lines


@click.command(
    epilog='Example: eval "$(taskdash completion bash)"',
    short_help="Print the completion script of a shell.",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@common_options
@click.pass_context
def completion(context: click.Context, *, shell: str) -> None:
    """Print the script that makes a shell complete commands, options and task IDs.

    For bash and zsh put `eval "$(taskdash completion bash)"` (or zsh) into ~/.bashrc or ~/.zshrc; for fish put
    `taskdash completion fish | source` into ~/.config/fish/config.fish.
    """
    script = get_completion_class(shell)
    assert script is not None  # noqa: S101 - click knows each of the three
    root = context.find_root().command
    # The `source` of its own that bash has would first start a bash, to see whether it is new enough.
    print_lines([ShellComplete.source(script(root, {}, "taskdash", "_TASKDASH_COMPLETE"))])
