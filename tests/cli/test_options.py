"""Options of `wengert train`: the command line over the file over the defaults, all checked."""

import dataclasses
import inspect
import re

import pytest

from wengert.cli import main
from wengert.cli.config_file import _READERS, read_config
from wengert.cli.train_options import default_directory, dropped_columns, parse_hidden, train_options
from wengert.errors import ConfigurationError
from wengert.tabular.training_settings import (
    PLAIN_ACTIVATION,
    PLAIN_EPOCHS,
    PLAIN_HIDDEN,
    PLAIN_OPTIMIZER,
    TrainingSettings,
)
from wengert.train import TabularFeatures, tabular_recipe


@pytest.fixture
def config(tmp_path):
    def write(text):
        path = tmp_path / "train.toml"
        path.write_text(text, "utf-8")
        return str(path)

    return write


def test_command_line_over_file_over_defaults(config):
    path = config('target = "price"\nhidden = [8]\nlearning-rate = 1\nseed = 5\ndrop = ["id", "a,b"]\n')
    options = train_options("data/houses.csv", {"seed": 7, "hidden": "16,4"}, path)
    assert (options.target, options.drop, options.test_fraction, options.folds) == (
        "price",
        ("id", "a,b"),
        0.2,
        None,
    )
    assert str(options.directory) == "houses-model"
    assert options.settings == TrainingSettings(hidden=(16, 4), learning_rate=1.0, seed=7)


def test_the_way_to_score_is_replaced_as_a_whole(config):
    path = config('target = "y"\ntest_fraction = 0.5')
    assert train_options("x.csv", {}, path).test_fraction == 0.5
    options = train_options("x.csv", {"cv": 3}, path)
    assert (options.folds, options.test_fraction) == (3, 0)
    folds = config('target = "y"\ncv = 4')
    assert train_options("x.csv", {"test_fraction": 0.1}, folds).folds is None


def test_a_time_limit_is_shared_among_the_folds():
    options = train_options("x.csv", {"target": "y", "cv": 4, "time_limit": 10.0}, None)
    assert options.settings.time_limit == 2.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch = 3", "unknown key 'epoch'. Did you mean 'epochs'?"),
        ("zzz = 3", "unknown key 'zzz'. Known keys: activation,"),
        ("epochs = true", "'epochs' must be a whole number, got True"),
        ("epochs = 2.5", "'epochs' must be a whole number, got 2.5"),
        ('l2 = "0.1"', "'l2' must be a number, got '0.1'"),
        ('hidden = "128"', "'hidden' must be a list of whole numbers, such as [128, 64], got '128'"),
        ("hidden = [1, 2.0]", "'hidden' must be a list of whole numbers"),
        ('drop = "id"', "'drop' must be a list of column names"),
        ("target = 3", "'target' must be text in quotes"),
        ("batch-size = 3\nbatch_size = 4", "'batch_size' stands there twice"),
        ('mesh = "every"', "'mesh' must be a whole number or \"all\", got 'every'"),
        ("deterministic = 1", "'deterministic' must be true or false, got 1"),
        ("epochs = = 3", "cannot be read: Invalid value (at line 1, column 10)"),
        ("[train]\nepochs = 3", "unknown key 'train'"),
    ],
)
def test_a_file_with_a_mistake(config, text, message):
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        read_config(config(text))


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigurationError, match=r"none\.toml cannot be read: No such file"):
        read_config(str(tmp_path / "none.toml"))
    (tmp_path / "latin.toml").write_bytes(b'target = "\xe9"')
    with pytest.raises(ConfigurationError, match="cannot be read: 'utf-8'"):
        read_config(str(tmp_path / "latin.toml"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "Name it with --target COLUMN"),
        ({"cv": 3, "test_fraction": 0.1}, "Give one of them"),
        ({"cv": 1}, "2 or more, got 1"),
        ({"test_fraction": 1.0}, "less than 1, got 1.0"),
        ({"hidden": "12,"}, "--hidden takes whole numbers separated by commas"),
        ({"hidden": "12,0"}, "hidden is a whole number, from 1 to 2147483647, got 0"),
        ({"activation": "rela"}, "unknown activation 'rela'; did you mean 'relu'"),
        ({"optimizer": "adamm"}, "unknown optimizer 'adamm'; did you mean 'adam"),
        ({"epochs": 0}, "epochs is a whole number, from 1 to 2147483647, got 0"),
        ({"epochs": 10**24}, "epochs is a whole number, from 1 to 2147483647, got 1000"),
        ({"hidden": (10**24,)}, "hidden is a whole number, from 1 to 2147483647, got 1000"),
        ({"batch_size": -1}, "batch_size is a whole number, 1 or more, got -1"),
        ({"learning_rate": 0.0}, "learning_rate lies in (0, inf), got 0.0"),
        ({"learning_rate": float("nan")}, "learning_rate lies in (0, inf), got nan"),
        ({"preset": "tabula"}, "unknown preset 'tabula'; did you mean 'tabular'"),
        (
            {"optimizer": "adam"},
            "the tabular preset has its own optimizer. Leave optimizer out, or choose the plain",
        ),
        ({"l2": 0.0}, "the tabular preset has its own l2"),
        ({"preset": "plain", "l2": -1.0}, "l2 lies in [0, inf), got -1.0"),
        ({"dropout": 1.0}, "dropout lies in [0, 1), got 1.0"),
        ({"seed": -1}, "seed is a whole number, from 0 to 4294967295, got -1"),
        ({"time_limit": 0.0}, "time_limit lies in (0, inf), got 0.0"),
        ({"mesh": 8}, "mesh is for the executor xla, and this is llvm. Choose xla, or leave mesh out"),
        ({"device": "gpu", "executor": "numpy"}, "device is for the executor xla, and this is numpy"),
        ({"preset": "plain", "optimizer": "lbfgs", "batch_size": 8}, "so batch_size has no place in it"),
        ({"preset": "plain", "optimizer": "lbfgs", "dropout": 0.5}, "so dropout has no place in it"),
    ],
)
def test_options_out_of_range(given, message):
    target = {"target": "y"} if given else {}
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        train_options("x.csv", {**target, **given}, None)


def test_hidden_layers():
    assert parse_hidden(" 128, 64 ") == (128, 64)
    assert parse_hidden("none") == ()


def test_dropped_columns_may_have_commas_in_their_names():
    assert dropped_columns(["a,b", "c, d", "e,"], ["a,b", "c"]) == ("a,b", "c", "d", "e")


def test_the_model_is_named_after_the_table():
    assert [str(default_directory(file)) for file in ("-", "data/a.b.csv", "x.parquet")] == [
        "table-model",
        "a.b-model",
        "x-model",
    ]


def test_the_batch_grows_with_the_table():
    sizes = [TrainingSettings().batch_size_for(rows) for rows in (7, 700, 1294, 10**6)]
    assert sizes == [7, 32, 64, 256]
    assert TrainingSettings(batch_size=100).batch_size_for(60) == 60
    assert TrainingSettings("plain", optimizer="lbfgs").batch_size_for(5000) is None


def test_the_help_names_what_there_is_and_its_defaults(capsys):
    main(["train", "--help"])
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    entries = {entry.split()[0]: entry for entry in text.split(" --")}
    for name, default in (("seed", TrainingSettings().seed), ("preset", TrainingSettings().preset)):
        assert f"[default: {default}]" in entries[name]
    assert f"[default: {PLAIN_OPTIMIZER}]" in entries["optimizer"]
    plain = {
        "epochs": PLAIN_EPOCHS,
        "activation": PLAIN_ACTIVATION,
        "hidden": ",".join(map(str, PLAIN_HIDDEN)),
    }
    for name, default in plain.items():
        assert f"; plain: {default}]" in entries[name]
    parameters = inspect.signature(tabular_recipe).parameters
    assert "[default: " + ",".join(map(str, parameters["hidden"].default)) + ";" in entries["hidden"]
    largest = tabular_recipe(TabularFeatures(2), 2, rows=256)
    assert f"[default: {largest.epochs}, fewer" in entries["epochs"]
    assert f"[default: up to {largest.batch_size};" in entries["batch-size"]
    assert f"[default: {PLAIN_OPTIMIZER}]" in entries["optimizer"]
    assert {name.replace("_", "-") for name in (*_READERS, "config", "json", "quiet")} <= set(entries)
    assert {field.name for field in dataclasses.fields(TrainingSettings)} < set(_READERS)


@pytest.mark.parametrize(
    "arguments", [("train", "x.csv", "--workers", "2.7"), ("launch", "--workers", "2.7", "x.py")]
)
def test_a_fraction_is_no_whole_number(arguments, capsys):
    assert main(arguments) == 2
    assert "--workers takes a whole number, got 2.7" in capsys.readouterr().err
