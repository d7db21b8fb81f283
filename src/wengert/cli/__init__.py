"""The `wengert` command: its options, its reports, and what it says when something goes wrong."""

from wengert.cli.entry import main as main
