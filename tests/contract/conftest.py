"""The command, run within this process, and a table for it."""

from tests.cli.conftest import command as command, flower_table as flower_table, tables as tables
