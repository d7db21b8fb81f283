"""Several targets: a model for each, which does not see the others, and one table of predictions."""

import io
import json

import polars as pl
import pytest
from tests.cli.conftest import houses

from wengert.io.table_models import load_table_model

QUICK = ("--preset", "plain", "--hidden", "none", "--epochs", 2)


@pytest.fixture
def trained(command, price_table):
    targets = ("--target", "price", "--target", "garden", "--drop", "country")
    outcome = command("train", price_table, *targets, *QUICK, "--json", "--time-limit", 60)
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out)["targets"]


def test_each_target_has_a_model_without_the_others(trained):
    assert [one["target"] for one in trained] == ["price", "garden"]
    assert [one["model"] for one in trained] == ["houses-model/price", "houses-model/garden"]
    assert trained[0]["settings"]["time_limit"] == 30
    for one, other in (("price", "garden"), ("garden", "price")):
        model = load_table_model(f"houses-model/{one}")
        names = {column.name for column in model.preprocessor.columns}
        assert names == {"size", "district", "built"}
        assert other not in names


def test_predictions_stand_side_by_side(command, trained, tables):
    new = tables(houses(5).drop("price", "garden"), "new.csv")
    outcome = command("predict", "houses-model", new)
    assert outcome.code == 0, outcome.err
    made = pl.read_csv(io.StringIO(outcome.out))
    assert made.columns == ["predicted_garden", "predicted_price"]
    alone = command("predict", "houses-model/price", new)
    assert pl.read_csv(io.StringIO(alone.out))["predicted_price"].equals(made["predicted_price"])


def test_the_same_place_may_be_trained_again_and_no_other(command, trained, price_table, tmp_path):
    train = ("train", price_table, "--target", "price", "--target", "garden", *QUICK, "--quiet")
    assert command(*train).code == 0
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    outcome = command(*train, "--out", "full")
    assert outcome.code == 2
    assert "full holds something else than models of several targets" in outcome.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--target", "price", "--target", "price"), "the target 'price' is named twice"),
        (("--target", "price", "--target", "roof"), "the table has no column 'roof'"),
        (("--target", "price", "--target", "garden", "--report", "r.html"), "a report is of one model"),
    ],
)
def test_targets_that_cannot_be(command, price_table, options, message):
    outcome = command("train", price_table, *options, *QUICK)
    assert outcome.code == 2
    assert message in outcome.err


def test_a_list_in_a_file(command, price_table, tmp_path):
    (tmp_path / "both.toml").write_text('target = ["price", "garden"]\n')
    outcome = command("train", price_table, "--config", "both.toml", *QUICK, "--quiet")
    assert outcome.code == 0, outcome.err
    assert load_table_model("houses-model/garden").is_classifier
    outcome = command("lr-find", price_table, "--config", "both.toml", "--preset", "plain")
    assert outcome.code == 2
    assert "there are several targets: price, garden. Name one of them." in outcome.err


def test_what_takes_one_model_names_those_there_are(command, trained, tables):
    outcome = command("evaluate", "houses-model", tables(houses(5), "new.csv"))
    assert outcome.code == 2
    assert "houses-model has a model for each of several targets: houses-model/garden, " in outcome.err
    assert outcome.err.endswith("Name one of them.\n")
