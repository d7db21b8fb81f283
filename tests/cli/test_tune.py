"""`wengert train --seeds` and `wengert tune`: several trainings, one model."""

import dataclasses
import json

import numpy as np
import polars as pl
import pytest

from wengert.io.table_models import load_table_model
from wengert.tabular.training_table import TrainingTable

PLAIN = ("--target", "kind", "--preset", "plain", "--hidden", "4", "--epochs", "4")


def test_the_model_of_several_seeds_is_the_mean_of_their_outputs(command, flower_table):
    # Without rows of their own to be held out, those of both would follow from the first seed.
    given = "train", flower_table, *PLAIN, "--test", flower_table
    outcome = command(*given, "--seed", 5, "--seeds", 2, "--json", "--out", "mean")
    assert outcome.code == 0
    record = json.loads(outcome.out)["seeds"]
    assert record["seeds"] == [5, 6]
    frame = pl.read_csv(flower_table)
    mean = load_table_model("mean")
    both = mean.network.layers[0].layers
    for seed, own in zip((5, 6), both, strict=True):
        assert command(*given, "--seed", seed, "--out", "alone").code == 0
        alone = load_table_model("alone")
        np.testing.assert_array_equal(alone.outputs(frame), own(alone.preprocessor.transform(frame)))
    outputs = [np.asarray(one(mean.preprocessor.transform(frame))) for one in both]
    np.testing.assert_allclose(mean.outputs(frame), np.mean(outputs, axis=0), rtol=1e-5, atol=1e-6)
    scores = [one["log_loss"] for one in record["each"]]
    assert record["scores"]["log_loss"]["mean"] == pytest.approx(np.mean(scores))
    assert record["scores"]["log_loss"]["deviation"] == pytest.approx(np.std(scores, ddof=1))


def test_ctrl_c_keeps_the_networks_of_the_seeds_that_were_finished(command, flower_table, monkeypatch):
    original = TrainingTable.train
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # one seed at a time

    def train(self, rows, settings, **options):
        model, trained = original(self, rows, settings, **options)
        if settings.seed == 2:
            trained = dataclasses.replace(trained, stopped="interrupted")
        return model, trained

    monkeypatch.setattr(TrainingTable, "train", train)
    outcome = command("train", flower_table, *PLAIN, "--seeds", 5, "--json", "--out", "model")
    assert outcome.code == 130
    record = json.loads(outcome.out)
    assert record["seeds"]["seeds"] == [0, 1]
    assert record["stopped"] == "interrupted"


def test_scores_of_seeds_are_printed_with_their_spread(command, flower_table):
    outcome = command("train", flower_table, *PLAIN, "--seeds", 2, "--out", "model")
    assert "Scores of 2 networks, one a seed: mean ± standard deviation" in outcome.out
    assert "seed 1: 4 epochs" in outcome.err
    assert command("inspect", "model").code == 0
    assert command("export", "model", "--format", "numpy").code == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--seeds", 1), "seeds is a number of networks, 2 or more, got 1"),
        (("--seeds", 3, "--cv", 3), "seeds and cv both say how far scores spread"),
    ],
)
def test_seeds_that_make_no_sense_are_refused(command, flower_table, options, message):
    outcome = command("train", flower_table, *PLAIN, *options)
    assert outcome.code == 2
    assert message in outcome.err


def test_a_search_gives_a_model_and_a_table_of_trials(command, flower_table):
    outcome = command("tune", flower_table, *PLAIN, "--trials", 3, "--out", "model")
    assert outcome.code == 0
    assert "Trials (4), by their loss on rows that compared them" in outcome.out
    assert "Scores on 30 rows held out" in outcome.out
    assert "trial 2, 2 epochs: loss" in outcome.err
    training = load_table_model("model").training
    assert [trial["number"] for trial in training["trials"]][:3] == [0, 1, 2]
    best = next(trial for trial in training["trials"][::-1] if trial["number"] == training["best_trial"])
    assert training["settings"] == {**best["settings"], "epochs": 4}
    assert command("predict", "model", flower_table).code == 0


def test_a_search_as_json(command, flower_table):
    outcome = command("tune", flower_table, *PLAIN, "--trials", 2, "--json", "--quiet")
    document = json.loads(outcome.out)
    assert len(document["trials"]) == 2
    assert document["scores"]["accuracy"] > 0.3
    assert not outcome.err


def test_a_search_takes_the_executor_that_is_named(command, flower_table):
    outcome = command("tune", flower_table, *PLAIN, "--trials", 1, "--executor", "numpy", "--out", "model")
    assert outcome.code == 0
    assert load_table_model("model").training["settings"]["executor"] == "numpy"


def test_a_device_that_is_not_there_is_said_before_the_table_is_read(command):
    pytest.importorskip("jax", reason="JAX, of the extra `xla`, is not installed")
    for options, message in (
        (("--device", "tpu:7"), "JAX finds no device 'tpu:7'; there is 'cpu:0'"),
        (("--mesh", "64"), "a mesh of 64 devices is larger than what there is: 1 of 'cpu'"),
        (("--mesh", "2.7"), "mesh is a number of devices or 'all', got '2.7'"),
        (("--precision", "half"), "unknown precision 'half'"),
    ):
        outcome = command("train", "none.csv", *PLAIN, "--executor", "xla", *options)
        assert outcome.code == 2
        assert message in outcome.err


@pytest.mark.parametrize("preset", ["plain", "tabular"])
def test_a_mesh_trains_a_table(command, flower_table, preset):
    pytest.importorskip("jax", reason="JAX, of the extra `xla`, is not installed")
    named = ("--target", "kind", "--preset", preset, "--hidden", "4", "--epochs", "2", "--batch-size", "16")
    devices = ("--executor", "xla", "--mesh", "all", "--device", "cpu")
    exact = ("--deterministic",) if preset == "plain" else ()  # members share the rows of a batch otherwise
    outcome = command("train", flower_table, *named, *devices, *exact, "--json", "--out", "model")
    assert outcome.code == 0
    settings = json.loads(outcome.out)["settings"]
    assert (settings["mesh"], settings["deterministic"]) == ("all", preset == "plain")


def test_ctrl_c_saves_the_best_model_so_far(command, flower_table, monkeypatch):
    original = TrainingTable.train
    made = []

    def train(self, rows, settings, **options):
        if made:
            raise KeyboardInterrupt
        made.append(original(self, rows, settings, **options))
        return made[-1]

    monkeypatch.setattr(TrainingTable, "train", train)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # one trial at a time
    outcome = command("tune", flower_table, *PLAIN, "--out", "model")
    assert outcome.code == 130
    assert "Trials (1)" in outcome.out
    assert load_table_model("model").training["best_trial"] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--trials", 0), "trials is a number of settings, 1 or more, got 0"),
        (("--sampler", "randm"), "unknown sampler 'randm'; did you mean 'random'?"),
        (("--config", "cv.toml"), "cv and seeds are no options of a search"),
        (("--config", "two.toml"), "there are several. Name one of them"),
    ],
)
def test_bad_options_of_a_search_are_refused(command, flower_table, arguments, message, tmp_path):
    (tmp_path / "cv.toml").write_text("cv = 3")
    (tmp_path / "two.toml").write_text('target = ["kind", "length"]')
    target = () if "two.toml" in arguments else ("--target", "kind")
    outcome = command("tune", flower_table, *target, *arguments)
    assert outcome.code == 2
    assert message in outcome.err.replace("\n", " ")


def test_a_table_too_small_to_compare_on_is_refused(command, tables):
    frame = pl.DataFrame({"a": range(40), "kind": ["x", "y"] * 20})
    outcome = command("tune", tables(frame), "--target", "kind")
    assert outcome.code != 0
    assert "32 rows are too few to compare settings on" in outcome.err.replace("\n", " ")
