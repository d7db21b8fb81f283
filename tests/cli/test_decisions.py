"""`--interval` and `--threshold`: what is predicted with them, and how often it is right."""

import io
import json

import numpy as np
import polars as pl
import pytest
from tests.cli.conftest import flowers

BAG = ("--hidden", 8, "--epochs", 16, "--test-fraction", 0)
PLAIN = ("--preset", "plain", "--hidden", "none", "--optimizer", "lbfgs", "--epochs", 40)


@pytest.fixture
def waits(tables):
    rng = np.random.default_rng(0)
    x = rng.uniform(size=1200)
    frame = pl.DataFrame({"x": x, "y": 3 * x + rng.gumbel(size=1200)})
    tables(frame[800:], "new.csv")
    return tables(frame[:800], "waits.csv")


@pytest.fixture
def ill(tables):
    rng = np.random.default_rng(0)
    x = rng.normal(size=900)
    y = rng.uniform(size=900) < 1 / (1 + np.exp(2 - 1.5 * x))
    frame = pl.DataFrame({"x": x, "state": np.where(y, "ill", "healthy")})
    frame = frame.with_columns(pl.col("state").replace({"ill": "sick"}))
    tables(frame[500:], "new.csv")
    return tables(frame[:500], "ill.csv")


def csv(outcome):
    assert outcome.code == 0, outcome.err
    return pl.read_csv(io.StringIO(outcome.out))


@pytest.mark.parametrize("options", [PLAIN, (*PLAIN, "--cv", 4), BAG])
def test_limits_of_numbers_hold_the_truth_as_often_as_asked(command, waits, options):
    assert command("train", waits, "--target", "y", *options, "--quiet").code == 0
    made = csv(command("predict", "waits-model", "new.csv", "--interval", 0.8))
    assert made.columns == ["predicted_y", "low_y", "high_y"]
    truth = pl.read_csv("new.csv")["y"]
    covered = ((made["low_y"] <= truth) & (truth <= made["high_y"])).mean()
    assert 0.74 < covered < 0.86
    evaluated = command("evaluate", "waits-model", "new.csv", "--interval", 0.8, "--json")
    interval = json.loads(evaluated.out)["interval"]
    assert interval == pytest.approx(
        {"level": 0.8, "covered": covered, "width": (made["high_y"] - made["low_y"])[0]}
    )
    said = command("evaluate", "waits-model", "new.csv", "--interval", 0.8).out
    assert f"Of the intervals of 0.8, {covered:.1%} hold the truth; they are" in " ".join(said.split())


def test_sets_of_classes(command, tables):
    path = tables(flowers(900).drop("width")[:600], "flowers.csv")  # two kinds are of one length
    new = tables(flowers(900).drop("width")[600:], "new.csv")
    assert command("train", path, "--target", "kind", *PLAIN, "--quiet").code == 0
    made = csv(command("predict", "flowers-model", new, "--interval", 0.9, "--probabilities"))
    sets = [set(one.split(" | ")) for one in made["set_kind"]]
    assert all(one in kinds for one, kinds in zip(made["predicted_kind"], sets, strict=True))
    covered = np.mean([one in kinds for one, kinds in zip(pl.read_csv(new)["kind"], sets, strict=True)])
    assert 0.84 < covered < 0.96
    assert {len(one) for one in sets} == {1, 2}
    said = command("evaluate", "flowers-model", new, "--interval", 0.9).out
    assert f"{covered:.1%} hold the truth; they have {np.mean([*map(len, sets)]):.3g} classes" in said


def test_the_threshold_of_two_classes(command, ill):
    assert command("train", ill, "--target", "state", *PLAIN, "--quiet").code == 0
    shares = csv(command("predict", "ill-model", "new.csv", "--probabilities"))["probability_sick"]
    for text, threshold in (("0.2", 0.2), ("cost=9", 0.1)):
        made = csv(command("predict", "ill-model", "new.csv", "--threshold", text))["predicted_state"]
        assert ((made == "sick") == (shares >= threshold)).all()
    scores = {}
    for text in ("0.5", "f1"):
        outcome = command("evaluate", "ill-model", "new.csv", "--threshold", text, "--json")
        document = json.loads(outcome.out)
        scores[text] = next(one for one in document["scores"]["classes"] if one["class"] == "sick")
    assert document["threshold"] < 0.5  # the rarer class is predicted more readily
    assert scores["f1"]["f1"] > scores["0.5"]["f1"]
    assert scores["f1"]["recall"] > scores["0.5"]["recall"]
    said = command("evaluate", "ill-model", "new.csv", "--threshold", "f1").out
    assert f"Predicted is sick from a probability of {document['threshold']:.4g} on." in said


def test_members_that_have_not_seen_a_row_tell_sets_and_threshold(command, ill):
    """Where no rows are held out."""
    assert command("train", ill, "--target", "state", *BAG, "--quiet").code == 0
    made = csv(command("predict", "ill-model", "new.csv", "--interval", 0.8))
    actual = pl.read_csv("new.csv")["state"]
    covered = np.mean(
        [one in kinds.split(" | ") for one, kinds in zip(actual, made["set_state"], strict=True)]
    )
    assert 0.74 < covered < 0.86
    document = json.loads(command("evaluate", "ill-model", "new.csv", "--threshold", "f1", "--json").out)
    assert document["threshold"] < 0.5


def test_what_needs_rows_held_out(command, ill):
    train = ("train", ill, "--target", "state", *PLAIN, "--quiet", "--test-fraction")
    assert command(*train, 0).code == 0
    for command_name in ("predict", "evaluate"):
        outcome = command(command_name, "ill-model", "new.csv", "--interval", 0.9)
        assert outcome.code == 2
        assert "an interval needs rows that were held out in training, and the model had none" in outcome.err
    outcome = command("predict", "ill-model", "new.csv", "--threshold", "f1")
    assert "--threshold f1 is found on rows held out" in outcome.err
    assert command(*train, 0.02).code == 0  # ten rows
    outcome = command("predict", "ill-model", "new.csv", "--interval", 0.95)
    assert "an interval of 0.95 needs at least 19 rows held out, and the model had 10" in outcome.err
