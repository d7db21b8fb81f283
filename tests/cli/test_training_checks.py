"""`wengert lr-find` and `wengert doctor`: what they find, and what they refuse."""

import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import polars as pl
import pytest
from tests.cli.conftest import flowers

from wengert import nn, optim
from wengert.io.table_models import load_table_model, save_table_model
from wengert.tabular.table_model import TableModel
from wengert.tabular.training_checks import at_rate

PLAIN = ("--preset", "plain", "--hidden", "8")


@pytest.mark.parametrize("options", [PLAIN, (*PLAIN, "--optimizer", "sgd"), ("--hidden", "8")])
def test_a_rate_is_found_where_the_loss_falls(command, flower_table, options):
    outcome = command("lr-find", flower_table, "--target", "kind", *options, "--json")
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    rates, smoothed = np.array(found["rates"]), np.array(found["smoothed"])
    assert found["highest"] == pytest.approx(rates[smoothed.argmin()])
    assert 1e-4 < found["suggestion"] < found["highest"]
    assert smoothed.min() < 0.7 * smoothed[0]
    assert np.all(np.diff(rates) > 0)


def test_the_rate_for_people_and_as_a_picture(command, price_table, tmp_path):
    outcome = command("lr-find", price_table, "--target", "price", *PLAIN, "--plot", "curve.svg")
    assert outcome.code == 0, outcome.err
    assert "Learning rate for price" in outcome.out
    assert "learning rate to try: 0.0" in outcome.out
    assert "wengert train … --learning-rate 0.0" in outcome.out
    root = ElementTree.fromstring((tmp_path / "curve.svg").read_text("utf-8"))
    assert root.tag.endswith("svg")
    assert not (tmp_path / "houses-model").exists()


def test_a_test_of_rates_changes_all_groups_alike():
    groups = optim.ParameterGroups(
        (("*.bias", optim.Adam(optim.CosineCycles(0.02, 10))),), otherwise=optim.Adam(0.2)
    )
    changed = at_rate(groups, lambda t: 0.5 * 2**t)
    assert changed.otherwise.learning_rate(1) == 1.0
    assert changed.groups[0][1].learning_rate(1) == pytest.approx(0.1)


def test_a_healthy_model(command, flower_table):
    command("train", flower_table, "--target", "kind", *PLAIN, "--activation", "tanh", "--quiet")
    outcome = command("doctor", "flowers-model", "--data", flower_table)
    assert outcome.code == 0
    assert "flowers-model at 150 rows of flowers.csv" in outcome.out
    assert "layers.0" in outcome.out
    assert "dead" in outcome.out


def test_dead_units_are_found(command, flower_table, tmp_path):
    command("train", flower_table, "--target", "kind", *PLAIN, "--quiet", "--epochs", 1)
    model = load_table_model(tmp_path / "flowers-model")
    bias = np.full(8, -100, np.float32)
    bias[:2] = 1
    dead = nn.with_parameters(model.network, {"layers.0.bias": bias})
    save_table_model(TableModel(model.preprocessor, dead, model.training), tmp_path / "dead")
    out = command("doctor", "dead", "--data", flower_table).out
    assert "layers.0: 75% of the units are dead" in out
    assert "leaky_relu" in out
    found = json.loads(command("doctor", "dead", "--data", flower_table, "--json").out)
    assert "dead units" in [finding["kind"] for finding in found["findings"]]
    assert found["layers"][0]["update_ratio"] > 0


def test_a_model_that_gives_no_numbers_is_told_and_is_json_all_the_same(command, flower_table, tmp_path):
    command("train", flower_table, "--target", "kind", *PLAIN, "--quiet", "--epochs", 1)
    model = load_table_model(tmp_path / "flowers-model")
    ill = nn.with_parameters(model.network, {"layers.1.bias": np.full(3, np.nan, np.float32)})
    save_table_model(TableModel(model.preprocessor, ill, model.training), tmp_path / "ill")
    found = json.loads(command("doctor", "ill", "--data", flower_table, "--json").out)
    assert found["loss"] is None
    assert "not finite" in [finding["kind"] for finding in found["findings"]]


def test_a_scheduled_preset_is_examined_without_a_step(command, flower_table):
    command("train", flower_table, "--target", "kind", "--hidden", "8", "--epochs", 20, "--quiet")
    found = json.loads(command("doctor", "flowers-model", "--data", flower_table, "--json").out)
    assert all(layer["update_ratio"] is None for layer in found["layers"])
    assert all(layer["gradient_norm"] > 0 for layer in found["layers"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("lr-find", "flowers.csv"), "which column is to be predicted?"),
        (
            ("lr-find", "flowers.csv", "--target", "kind", *PLAIN, "--optimizer", "lbfgs"),
            "has no learning rate",
        ),
        (("lr-find", "flowers.csv", "--target", "kind", "--plot", "c.png"), "'c.png' does not end in .svg"),
        (("lr-find", "flowers.csv", "--target", "kind", "--plot", "no/c.svg"), "is no directory"),
        (("doctor", "missing", "--data", "flowers.csv"), "missing does not exist"),
    ],
)
def test_mistakes(command, flower_table, arguments, message):
    outcome = command(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert message in outcome.err


def test_a_model_that_does_not_say_how_it_was_trained(command, flower_table, tmp_path):
    command("train", flower_table, "--target", "kind", *PLAIN, "--quiet", "--epochs", 1)
    model = load_table_model(tmp_path / "flowers-model")
    save_table_model(TableModel(model.preprocessor, model.network, {}), tmp_path / "bare")
    outcome = command("doctor", "bare", "--data", flower_table)
    assert (outcome.code, "does not say how it was trained" in outcome.err) == (2, True)
    assert command("report", "bare", "--data", flower_table).code == 0
    assert command("evaluate", "bare", flower_table).code == 0


def test_another_table_must_have_the_columns(command, flower_table, tables):
    command("train", flower_table, "--target", "kind", *PLAIN, "--quiet", "--epochs", 1)
    other = tables(flowers().select("kind", pl.lit(1.0).alias("height")), "other.csv")
    outcome = command("doctor", "flowers-model", "--data", other)
    assert (outcome.code, "the table lacks 'length'" in outcome.err) == (2, True)
