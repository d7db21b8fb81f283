"""A model of a table: learns, survives saving bit for bit, and refuses what does not fit."""

import copy
import dataclasses
import pickle

import numpy as np
import polars as pl
import pytest
from tests.cli.conftest import flowers, houses

from wengert import nn
from wengert.errors import ConfigurationError, DataError, ModelFileError, NonFiniteError
from wengert.io.model_directory import load_model, save_model
from wengert.io.table_models import load_table_model, save_table_model
from wengert.optim import OPTIMISERS
from wengert.tabular.training_settings import TrainingSettings
from wengert.tabular.training_table import TrainingTable, cross_validate
from wengert.train import evaluation

QUICK = TrainingSettings(hidden=(8,), epochs=3)
PLAIN = TrainingSettings("plain", hidden=(8,), epochs=3)


def trained(frame, target, settings=QUICK):
    table = TrainingTable.infer(frame, target)
    model = table.train(np.arange(frame.height), settings)[0]
    return dataclasses.replace(model, training={})  # whose record the command completes


@pytest.mark.parametrize(
    ("frame", "target"), [(houses(), "price"), (flowers(), "kind"), (flowers(90, 2), "kind")]
)
def test_a_reloaded_model_predicts_the_same_bits(tmp_path, frame, target):
    model = trained(frame, target)
    save_table_model(model, tmp_path / "model")
    again = load_table_model(tmp_path / "model")
    assert again.outputs(frame).tobytes() == model.outputs(frame).tobytes()
    assert again.predict(frame).equals(model.predict(frame))
    assert again.score(frame) == model.score(frame)
    shuffled = frame.select(sorted(frame.columns)).drop(target)
    assert again.predict(shuffled).equals(model.predict(frame))


@pytest.mark.parametrize(
    "settings", [TrainingSettings("tabular", (32,), epochs=60), TrainingSettings("plain")]
)
def test_it_learns_numbers_and_classes(settings):
    frame = houses(400)
    table = TrainingTable.infer(frame, "price")
    kept, held = table.hold_out(0.2, 0)
    assert table.train(kept, settings)[0].score(frame[held])["r2"] > 0.85
    frame = flowers(400, 2)
    table = TrainingTable.infer(frame, "kind")
    scores, _, interrupted = cross_validate(table, table.folds(3, 0), settings)
    assert not interrupted
    assert min(fold["accuracy"] for fold in scores) > 0.95


@pytest.mark.parametrize("optimizer", OPTIMISERS)
def test_every_optimiser_learns(optimizer):
    frame = flowers(200, 2)
    model = trained(frame, "kind", TrainingSettings("plain", hidden=(16,), optimizer=optimizer, epochs=60))
    assert model.score(frame)["accuracy"] > 0.95


def test_a_linear_model_is_logistic_regression():
    model = trained(flowers(), "kind", TrainingSettings("plain", hidden=()))
    assert [type(layer).__name__ for layer in model.network.layers] == ["Dense"]
    assert model.score(flowers())["accuracy"] > 0.85


def test_classes_keep_their_type():
    for values in ([3, 7] * 20, [True, False] * 20, ["3", "x"] * 20):
        frame = pl.DataFrame({"a": range(40), "b": [row % 2 for row in range(40)], "y": values})
        predicted = trained(frame, "y").predict(frame)["predicted_y"]
        assert predicted.dtype == frame["y"].dtype
        assert set(predicted) <= set(values)


def test_few_rows_are_all_learnt_from():
    table = TrainingTable.infer(flowers(9), "kind")
    _, trained_network = table.train(np.arange(9), QUICK)
    assert (trained_network.training_rows, trained_network.validation_rows) == (9, 0)


def test_a_model_that_has_predicted_is_copied(monkeypatch):
    monkeypatch.setattr(evaluation, "ROWS_TO_COMPILE", 1)
    frame = flowers(30)
    model = trained(frame, "kind", PLAIN)
    outputs = model.outputs(frame)
    for again in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert again.outputs(frame).tobytes() == outputs.tobytes()


def test_probabilities_of_a_regression():
    with pytest.raises(ConfigurationError, match="Leave out --probabilities"):
        trained(houses(), "price").predict(houses(), probabilities=True)


def test_outputs_that_overflow_name_the_row():
    model = trained(flowers(), "kind", PLAIN)
    huge = nn.with_parameters(
        model.network,
        {name: np.full_like(array, 1e30) for name, array in nn.parameters(model.network).items()},
    )
    with pytest.raises(DataError, match="row 1: the prediction is not a finite number"):
        dataclasses.replace(model, network=huge).predict(flowers())


def test_divergence_before_anything_was_learnt():
    settings = TrainingSettings("plain", optimizer="sgd", learning_rate=1e30, hidden=(8,))
    with pytest.raises(
        NonFiniteError, match=r"diverged at step \d+ .* Lower the learning rate\. Nothing was"
    ):
        trained(flowers(), "kind", settings)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda saved: {"parameters": {}}, "'layers.0.bias' has shape (8,)"),
        (lambda saved: {"parameters": saved.parameters | {"z": np.zeros(1)}}, "'z' has shape None"),
        (
            lambda saved: {
                "parameters": {name: np.zeros(a.shape, int) for name, a in saved.parameters.items()}
            },
            "must be floating-point",
        ),
        (lambda saved: {"architecture": {"type": "Dens"}}, "did you mean 'Dense'"),
        (lambda saved: {"architecture": nn.to_config(nn.Dense(10**9, 10**9))}, "does not fit together"),
        (lambda saved: {"preprocessing": {}}, "the preprocessing of the model cannot be read"),
    ],
)
def test_parts_that_do_not_fit_together(tmp_path, change, message):
    """Each file is whole, so only the parts themselves can tell; nothing large is allocated for them."""
    save_table_model(trained(flowers(), "kind", PLAIN), tmp_path / "model")
    saved = load_model(tmp_path / "model")
    save_model(tmp_path / "model", dataclasses.replace(saved, **change(saved)))
    with pytest.raises(ModelFileError) as caught:
        load_table_model(tmp_path / "model")
    assert message in str(caught.value)


def test_a_network_with_other_outputs_than_classes(tmp_path):
    save_table_model(trained(flowers(90, 2), "kind"), tmp_path / "two")
    save_table_model(trained(flowers(90, 3), "kind"), tmp_path / "three")
    two, three = load_model(tmp_path / "two"), load_model(tmp_path / "three")
    save_model(tmp_path / "two", dataclasses.replace(two, preprocessing=three.preprocessing))
    with pytest.raises(ModelFileError, match="outputs do not fit the target"):
        load_table_model(tmp_path / "two")


def test_a_table_without_a_column_is_told_all_that_it_has():
    frame = houses()
    model = trained(frame, "price")
    kept, *lost = model.preprocessor.columns
    table = pl.DataFrame({kept.name: frame[kept.name], "zzzzzz": frame["price"]})
    with pytest.raises(DataError, match=f"lacks '{lost[0].name}'.* Its columns are '{kept.name}', 'zzzzzz'"):
        model.predict(table)
