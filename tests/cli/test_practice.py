"""What a person says of rows: which belong together, which are later, how much they count; other losses."""

import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.cli.conftest import flowers

from wengert.io.table_models import load_table_model

FAST = ("--preset", "plain", "--hidden", "none", "--epochs", 2, "--json")


def visits(rows=200, groups=20):
    """Rows of persons on days, with the amount of money that each spent, often none."""
    rng = np.random.default_rng(0)
    person = rng.integers(0, groups, rows)
    x = rng.normal(size=rows)
    return pl.DataFrame(
        {
            "person": [f"p{one}" for one in person],
            "day": [f"2024-{1 + one // 28:02}-{1 + one % 28:02}" for one in range(rows)],
            "x": x,
            "counts": rng.integers(0, 4, rows),
            "amount": np.where(rng.uniform(size=rows) < 0.4, 0.0, np.exp(x) * rng.gamma(2, 2, rows)).round(2),
        }
    )


@pytest.fixture
def visit_table(tables):
    return tables(visits(), "visits.csv")


def record(outcome):
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out)


def test_whole_groups_are_held_out(command, visit_table):
    train = ("train", visit_table, "--target", "amount", *FAST)
    kept = record(command(*train, "--group", "person", "--test-fraction", 0.2))
    assert "person" not in [one["name"] for one in kept["columns"] if one["kind"] != "dropped"]
    assert kept["roles"] == {"group": "person", "time": None, "weights": None}
    # Some whole persons are held out, and others to decide on the epoch.
    sizes = visits()["person"].value_counts()["count"].to_list()
    reachable = {0}
    for size in sizes:
        reachable |= {one + size for one in reachable}
    assert {kept["rows"]["held_out"], kept["rows"]["validation"]} <= reachable - {0}
    assert abs(kept["rows"]["held_out"] - 40) <= max(sizes) / 2
    assert record(command(*train, "--group", "person", "--cv", 3))["cross_validation"]["folds"] == 3
    said = command("inspect", "visits-model").out
    assert "keeps rows of the same value together" in said


def test_a_group_that_is_too_large_for_blindness_is_pointed_out(command, tables):
    large = pl.when(pl.arange(pl.len()) % 4 > 0).then(pl.lit("p0")).otherwise("person")
    path = tables(visits().with_columns(person=large), "visits.csv")
    train = ("train", path, "--target", "amount", "--hidden", 2, "--epochs", 1, "--test-fraction", 0)
    said = "a value of 'person' (--group) has more than half of the rows"
    outcome = command(*train, "--group", "person", "--executor", "numpy", "--json")
    assert said in " ".join(outcome.err.split())
    assert record(outcome)["rows"]["validation"] > 0
    assert said not in " ".join(command(*train, "--group", "person", "--preset", "plain").err.split())


def test_a_column_that_is_the_target_in_another_unit_is_warned_of(command, tables):
    cents = (pl.col("amount") * 100).alias("amount in cents")
    path = tables(visits().with_columns(cents), "visits.csv")
    said = " ".join(command("train", path, "--target", "amount", *FAST).err.split())
    assert "'amount in cents' tells the target 'amount' in other words or units" in said
    assert "(--drop 'amount in cents')" in said
    assert "tells" not in command("train", path, "--target", "counts", *FAST).err


def test_rows_on_both_sides_of_the_split_are_warned_of(command, tables):
    frame = flowers(90)
    twice = tables(pl.concat([frame, frame]), "twice.csv")
    outcome = command("train", twice, "--target", "kind", *FAST)
    seen = record(outcome)["trained_on"]["seen"]
    assert 20 < seen < 36
    assert f"warning: {seen} of these 36 rows equal rows that the model was trained on" in outcome.err
    once = command("train", tables(frame, "once.csv"), "--target", "kind", *FAST)
    assert record(once)["trained_on"] == {"seen": 0, "compared": 18, "rows": 18}
    assert "equal rows" not in once.err


def test_later_rows_are_held_out(command, visit_table):
    train = ("train", visit_table, "--target", "amount", "--preset", "plain", "--epochs", 2)
    assert "Scores on 40 rows held out, the last by day" in command(*train, "--time", "day").out
    model = load_table_model("visits-model")
    assert "day" in [column.name for column in model.preprocessor.columns]
    # The features of the last rows are not among those that it was trained on.
    assert model.seen(visits().tail(40)).seen == 0
    assert model.seen(visits().head(160)).seen == 160
    assert command(*train, "--time", "day", "--drop", "day").code == 0
    model = load_table_model("visits-model")
    assert "day" not in [column.name for column in model.preprocessor.columns]
    assert model.training["drop"] == ["day"]


def test_another_table_is_scored_on(command, tables, flower_table):
    other = tables(flowers(60), "other.csv")
    train = ("train", flower_table, "--target", "kind")
    outcome = command(*train, *FAST[:-1], "--test", other)
    assert f"Scores on 60 rows of {other}" in outcome.out.replace("\n", "")
    document = record(command(*train, *FAST, "--test", other))
    assert (document["rows"]["held_out"], document["test"]) == (60, str(other))
    assert document["rows"]["training"] + document["rows"]["validation"] == 150
    evaluated = record(command("evaluate", "flowers-model", other, "--json"))
    assert evaluated["scores"] == document["scores"]
    assert record(command(*train, *FAST))["test"] is None


def test_a_weight_of_two_is_the_row_twice(command, tables):
    frame = flowers(90)
    twice = pl.Series("n", [1 + row % 2 for row in range(90)])
    options = ("--target", "kind", "--test-fraction", 0, "--hidden", "none", "--optimizer", "lbfgs")
    once = tables(frame.with_columns(twice), "once.csv")
    again = tables(frame[[row for row in range(90) for _ in range(twice[row])]], "again.csv")
    settings = ("--preset", "plain", "--l2", 0.1, "--epochs", 60)
    assert command("train", once, *options, *settings, "--weights", "n").code == 0
    assert command("train", again, *options, *settings).code == 0
    first, second = (load_table_model(f"{name}-model") for name in ("once", "again"))
    assert [column.name for column in first.preprocessor.columns] == ["length", "width"]
    different = first.log_probabilities(frame) - second.log_probabilities(frame)
    assert np.abs(different).max() < 0.2
    plain = command("train", once, *options, *settings, "--drop", "n")
    assert plain.code == 0


def test_class_weights_move_the_border(command, tables):
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    rare = x + rng.normal(size=300) > 2
    path = tables(pl.DataFrame({"x": x, "y": np.where(rare, "rare", "common")}), "rare.csv")
    options = ("train", path, "--target", "y", "--preset", "plain", "--hidden", "none", "--epochs", 40)
    recalls = {}
    for weights in (None, "balanced", "rare=10"):
        given = () if weights is None else ("--class-weight", weights)
        scores = record(command(*options, "--json", *given))["scores"]
        recalls[weights] = next(one["recall"] for one in scores["classes"] if one["class"] == "rare")
    assert recalls[None] < min(recalls["balanced"], recalls["rare=10"])


@pytest.mark.parametrize("preset", ["plain", "tabular"])
@pytest.mark.parametrize("loss", ["poisson", "tweedie"])
def test_counts_and_amounts_have_means_above_zero(command, tables, loss, preset):
    rng = np.random.default_rng(0)
    x = rng.normal(size=400)
    path = tables(pl.DataFrame({"x": x, "y": rng.poisson(np.exp(0.5 + 0.8 * x))}), "counts.csv")
    hidden = ("--hidden", "none", "--optimizer", "lbfgs") if preset == "plain" else ("--hidden", 8)
    train = ("train", path, "--target", "y", "--loss", loss, "--preset", preset, *hidden, "--epochs", 30)
    assert "regression" in command(*train).out
    model = load_table_model("counts-model")
    rows = pl.DataFrame({"x": np.linspace(-2, 1.5, 20)})
    predicted = model.predict(rows)["predicted_y"].to_numpy()
    assert (predicted > 0).all()
    assert np.abs(np.log(predicted) - (0.5 + 0.8 * rows["x"].to_numpy())).mean() < 0.3
    # The derivation and the exported file know the loss and its last layer.
    assert command("explain", "counts-model", "--row", 1).code == 0
    assert command("export", "counts-model", "--format", "numpy").code == 0


def test_a_quantile_lies_above_as_many(command, tables):
    rng = np.random.default_rng(0)
    x = rng.uniform(size=600)
    path = tables(pl.DataFrame({"x": x, "y": x + rng.exponential(size=600)}), "waits.csv")
    train = ("train", path, "--target", "y", "--preset", "plain", "--hidden", "none", "--epochs", 60)
    trained = command(*train, "--loss", "quantile", "--quantile", 0.9)
    assert trained.code == 0
    assert re.search(r"pinball loss +0\.\d+ *\n +D² +0\.\d+ *\n +R²", trained.out)
    scored = json.loads(command("evaluate", "waits-model", path, "--json").out)["scores"]
    assert scored["d2"] > scored["r2"]
    assert command("report", "waits-model", "--data", path).code == 0
    assert "pinball loss" in Path("waits-model.html").read_text()
    model = load_table_model("waits-model")
    rows = pl.read_csv(path)
    below = (rows["y"] <= model.predict(rows)["predicted_y"]).mean()
    assert 0.86 < below < 0.94


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, ("--group", "persons"), "no column 'persons' (for --group). Did you mean 'person'?"),
        ({}, ("--group", "amount"), "column 'amount' is the target and cannot be that of --group as well"),
        ({"person": "one"}, ("--group", "person"), "all rows are of one group"),
        ({}, ("--group", "person", "--cv", 21), "21 folds need at least 21 groups, and the table has 20"),
        (
            {"person": None},
            ("--group", "person"),
            "--group, row 1: the cell is empty (200 of 200",
        ),
        ({}, ("--group", "person", "--time", "day"), "Give one of them"),
        ({}, ("--time", "person"), "'person' of --time holds String such as"),
        ({"day": "2024-05-01"}, ("--time", "day"), "all rows have the same time"),
        ({"x": None}, ("--time", "x"), "column 'x' of --time, row 1: the cell is empty"),
        ({"x": -1.0}, ("--weights", "x"), "column 'x' of --weights, row 1: -1 is below 0"),
        ({"x": 0.0}, ("--weights", "x"), "all weights are 0"),
        ({}, ("--weights", "person"), "'person' of --weights holds String"),
        ({}, ("--class-weight", "balanced"), "class_weight weighs classes, and the target is a number"),
        ({}, ("--loss", "hubber"), "unknown loss 'hubber'; did you mean 'huber'"),
        ({}, ("--loss", "quantile"), "Give both"),
        ({}, ("--quantile", 0.5), "Give both"),
        ({}, ("--loss", "quantile", "--quantile", 1.0), "quantile lies in (0, 1), got 1.0"),
        (
            {"amount": -3.5},
            ("--loss", "poisson"),
            "target column 'amount', row 1: -3.5 is below 0, and the loss poisson takes counts",
        ),
        (
            {"amount": -3.5},
            ("--loss", "tweedie"),
            "-3.5 is below 0, and the loss tweedie takes counts or amounts",
        ),
        ({}, ("--test", "none.csv"), "--test none.csv: none.csv does not exist"),
        (
            {},
            ("--loss", "poisson", "--test", "less.csv"),
            "--test less.csv: target column 'amount', row 1: -1",
        ),
        ({}, ("--test", "visits.csv", "--cv", 3), "Give one of them"),
    ],
)
def test_what_cannot_be_done_is_refused_before_training(command, tables, change, options, message):
    frame = visits().with_columns(**{name: pl.lit(value) for name, value in change.items()})
    path = tables(frame, "visits.csv")
    tables(visits().with_columns(amount=-1), "less.csv")
    outcome = command("train", path, "--target", "amount", *options)
    assert outcome.code == 2
    assert message in " ".join(outcome.err.split())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rosse=2", "there is no class 'rosse'; the classes are lily, rose, tulip"),
        ("equal", "class_weight is balanced, or a weight for each class such as lily=2,tulip=1"),
        ("rose=0", "a number above 0 for each class, got '0' for the class 'rose'"),
    ],
)
def test_class_weights_that_are_none(command, flower_table, text, message):
    outcome = command("train", flower_table, "--target", "kind", "--class-weight", text)
    assert outcome.code == 2
    assert message in " ".join(outcome.err.split())


def test_a_loss_of_numbers_for_classes(command, flower_table):
    outcome = command("train", flower_table, "--target", "kind", "--loss", "huber")
    assert outcome.code == 2
    assert "loss 'huber' is one of numbers, and the target 'kind' has classes" in " ".join(
        outcome.err.split()
    )


def test_the_table_to_score_on_lacks_a_column(command, tables, flower_table):
    other = tables(flowers(60).drop("width"), "other.csv")
    outcome = command("train", flower_table, "--target", "kind", "--test", other)
    assert outcome.code == 2
    assert "the table lacks 'width', which the model was trained with" in " ".join(outcome.err.split())
    lacking = tables(flowers(60).drop("kind"), "lacking.csv")
    outcome = command("train", flower_table, "--target", "kind", "--test", lacking)
    assert "no column 'kind' (the target)" in " ".join(outcome.err.split())
