"""The `kinelex` command: one file a subcommand."""

from kinelex.cli.main import main

__all__ = ["main"]
