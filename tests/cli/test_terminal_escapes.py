"""Whatever stands in a table, a name of a file or an option, the terminal is given no control characters."""

import json
import re
import sys
from pathlib import Path

import polars as pl
import pytest

# Clear the screen, set the title (OSC, ended by BEL or ST), one-byte controls, overwrite, turn letters.
ATTACKS = (
    "\x1b[2J",
    "\x1b]0;owned\x07",
    "\x1b]8;;http://x\x1b\\",
    "\x9b31m",
    "\x08\x08\x7f",
    "\u202eabc\u2066",
)
ACTIVE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def hostile_table(attack, rows=60):
    """A table with the attack in the names, words and classes."""
    return pl.DataFrame(
        {
            f"x{attack}": [0.1 * (row * 7 % 13) for row in range(rows)],
            f"word[bold]{attack}": [f"w{attack}{row % 3}" for row in range(rows)],
            f"target{attack}": [f"c{attack}{row % 2}" for row in range(rows)],
        }
    )


def quiet(outcome):
    found = ACTIVE.search(outcome.out + outcome.err)
    assert found is None, (found, outcome)
    return outcome


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_command_sends_them(command, tables, tmp_path, attack):
    frame = hostile_table(attack)
    path = tables(frame, f"t{attack.replace('/', '')}.parquet")
    target = frame.columns[-1]
    model = f"m{attack.replace('/', '')}"
    trained = quiet(
        command(
            "train",
            path,
            "--target",
            target,
            "--preset",
            "plain",
            "--epochs",
            2,
            "--hidden",
            4,
            "--out",
            model,
        )
    )
    assert trained.code == 0
    for arguments in (
        ("inspect", path),
        ("inspect", model),
        ("evaluate", model, path),
        ("evaluate", model, path, "--plots", f"p{attack.replace('/', '')}"),
        ("compare", model, model, "--data", path),
        ("doctor", model, "--data", path),
        ("report", model, "--data", path, "--out", f"r{attack.replace('/', '')}.html"),
        ("export", model, "--format", "numpy", "--out", f"e{attack.replace('/', '')}.py"),
        ("explain", model, "--row", 1),
        ("draw", model, "--row", 1, "--out", f"d{attack.replace('/', '')}.svg"),
    ):
        assert quiet(command(*arguments)).code == 0, arguments
    # Machine-readable output is for programs, and JSON needs none of these characters.
    document = command("evaluate", model, path, "--json").out
    assert not ACTIVE.search(document.replace("\x7f", ""))
    assert json.loads(document)["target"] == target


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_error_sends_them(command, tables, attack):
    frame = hostile_table(attack)
    path = tables(frame, "t.parquet")
    odd = frame.with_columns(pl.Series("n", [f"{row}{attack}" for row in range(60)]))
    wide = tables(odd, "odd.parquet")
    for arguments in (
        ("inspect", f"nothing{attack}"),
        ("inspect", f"nothing{attack}.csv"),
        ("train", path, "--target", f"no{attack}"),
        ("train", path, "--target", "x", "--drop", attack),
        ("train", wide, "--target", "n"),
        ("train", path, "--target", frame.columns[-1], "--preset", attack),
        ("explain", f"sin(x{attack})"),
        ("check", "x*x", "--claim", f"x={attack}"),
        (f"--{attack}",),
        (attack,),
    ):
        assert quiet(command(*arguments)).code == 2, arguments


def test_predictions_are_verbatim_for_programs_and_safe_on_a_terminal(command, tables, monkeypatch):
    frame = hostile_table("\x1b[2J")
    path = tables(frame, "t.parquet")
    command(
        "train",
        path,
        "--target",
        frame.columns[-1],
        "--preset",
        "plain",
        "--epochs",
        1,
        "--out",
        "m",
        "--quiet",
    )
    assert "c\x1b[2J" in command("predict", "m", path).out
    command("predict", "m", path, "--output", "p.csv")
    assert "c\x1b[2J" in Path("p.csv").read_text()
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda self: True, raising=False)
    shown = command("predict", "m", path).out
    assert "\x1b" not in shown
    assert r"c\x1b[2J" in shown


def test_a_bug_is_shown_without_them(command, monkeypatch):
    def fail(path):
        raise RuntimeError("a\x1b[2J")

    monkeypatch.setattr("wengert.cli.commands.inspect.run", fail)
    assert quiet(command("inspect", "x")).code == 1
