"""Options of `mfpt-edge join` that are kept for later: whether it would take them is known at once."""

import typer


def check_join_options(arguments: tuple[str, ...]) -> None:
    """Let the command line refuse options that `join` does not have, or would not take, as `join` would."""
    from mfpt_edge.commands.app import app

    join = typer.main.get_group(app).commands["join"]
    join.make_context("mfpt-edge join", list(arguments))
