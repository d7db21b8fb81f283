"""The command and tables of `tests/cli`."""

from tests.cli.conftest import command as command, tables as tables
