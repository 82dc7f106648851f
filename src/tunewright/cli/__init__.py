"""Level 6: one file a verb; nothing heavy is imported before a verb needs it."""

from __future__ import annotations


def main() -> None:
    """The `tunewright` command."""
    from tunewright.cli.app import run_command  # `import tunewright.cli` stays free of all of it

    run_command()
