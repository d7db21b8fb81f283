"""What people read: what was inferred, the scores, where the model is; and what machines read."""

import json
import re

import polars as pl
import pytest
from tests.cli.conftest import flowers, houses

from wengert.io.table_models import load_table_model


def lines(text):
    """Return the lines without the blanks at their ends, which nobody sees."""
    return [line.rstrip() for line in text.splitlines()]


def test_training_tells_what_it_took_the_columns_for(command, price_table):
    outcome = command(
        "train", price_table, "--target", "price", "--epochs", 3, "--drop", "garden", "--preset", "plain"
    )
    assert outcome.code == 0
    assert lines(outcome.out)[:11] == [
        "",
        "Target price: regression",
        "  'price' holds fractional numbers",
        "",
        "4 columns → 7 features",
        "  column    kind         treatment                              notes",
        "  size      numeric      standardised; missing → median, with",
        "                         a mark",
        "  district  categorical  3 indicators, one for missing",
        "  built     date         standardised                           is used as days since 1970-01-01",
        "  country   dropped      left out" + " " * 31 + "has the same value in every row (NL)",
    ]
    rest = "\n".join(lines(outcome.out)[11:])
    assert re.search(
        r"Trained on 115 rows for 3 epochs \(all epochs\); the weights are those of epoch 3\. [\d.]+ s",
        rest,
    )
    assert re.search(r"Scores on 32 rows held out\n  R²    \S+\n  RMSE  [\d,]+\n  MAE   [\d,]+\n", rest)
    assert "Model saved in houses-model\n  wengert predict houses-model " in rest


def test_many_columns_of_one_sort_share_a_line(command, tables):
    wide = pl.DataFrame({f"x{i}": [(i * row) % 7 for row in range(40)] for i in range(1, 30)})
    path = tables(wide.with_columns(y=pl.Series(["a", "b"] * 20)))
    out = command("train", path, "--target", "y", "--epochs", 1).out
    assert "x1, x2, … x29 (25 columns)" in out


def test_scores_of_classes(command, flower_table):
    train = ("train", flower_table, "--target", "kind", "--hidden", 4)
    out = "\n".join(lines(command(*train, "--epochs", 1).out))
    assert "Target kind: classification into 3 classes" in out
    assert re.search(
        r"\n  accuracy           [\d.]+\n  balanced accuracy  [\d.]+\n  mean F₁            [\d.]+\n", out
    )
    assert re.search(r"\n  class  rows  precision  recall     F₁\n  lily     10 ", out)
    assert re.search(r"\n  actual  lily  rose  tulip\n  lily  ", out)


@pytest.mark.parametrize("width", [60, 80, 100])
def test_narrow_terminals_lose_nothing(command, price_table, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    out = command("inspect", price_table).out
    assert "…" not in out
    assert all(len(line) <= width for line in lines(out))
    assert "district" in out


def test_names_with_square_brackets_are_no_markup(command, tables):
    frame = flowers().rename({"width": "[red]width[/red]", "kind": "[/]"})
    path = tables(frame)
    outcome = command("train", path, "--target", "[/]", "--epochs", 1)
    assert outcome.code == 0, outcome.err
    assert "[red]width[/red]" in outcome.out
    assert "Target [/]:" in outcome.out


def test_json_and_quiet(command, flower_table):
    train = ("train", flower_table, "--target", "kind", "--epochs", 3, "--hidden", 8)
    outcome = command(*train, "--json", "--cv", 3, "--time-limit", 100)
    document = json.loads(outcome.out)
    assert document["cross_validation"]["folds"] == 3
    assert set(document["cross_validation"]["scores"]) == {
        "accuracy",
        "balanced_accuracy",
        "f1",
        "mcc",
        "roc_auc",
        "average_precision",
        "log_loss",
        "calibration_error",
    }
    assert document["scores"] is None
    assert document["rows"] == {"all": 150, "training": 150, "validation": 0, "held_out": 0}
    assert document["settings"]["time_limit"] == 25
    assert 0 <= document["unseen"]["part"] <= 1
    assert document["unseen"]["result"] <= document["unseen"]["straight_line"]
    assert [line.split(":")[0] for line in lines(outcome.err) if line.startswith("fold")] == [
        "fold 1 of 3",
        "fold 2 of 3",
        "fold 3 of 3",
    ]
    assert command(*train, "--quiet").out == ""
    evaluated = command("evaluate", "flowers-model", flower_table, "--json")
    assert json.loads(evaluated.out)["scores"]["classes"][0]["class"] == "lily"


def test_without_rows_held_out_there_are_no_scores(command, flower_table):
    out = command("train", flower_table, "--target", "kind", "--epochs", 2, "--test-fraction", 0).out
    assert "No scores, since no rows were held out" in out
    assert "Trained on 150 rows" in out


def test_inspect_a_model(command, flower_table):
    command("train", flower_table, "--target", "kind", "--epochs", 30, "--hidden", 5, "--seed", 9)
    out = "\n".join(lines(command("inspect", "flowers-model").out))
    assert "flowers-model: predicts kind, classification into 3 classes\n  classes: lily, rose, tulip" in out
    assert re.search(r"layers.1.network.layers.0 +NTKDense +\(8, N, 5\) +120\n", out)
    assert re.search(r"\n  hidden +5\n", out)
    assert re.search(r"\n  seed +9\n", out)
    assert "Trained on 120 rows for 30 epochs" in out
    assert "Scores on 30 rows held out\n  accuracy " in out


def test_inspect_a_table(command, tables):
    frame = houses(40).with_columns(note=pl.Series([f"a very nice house, number {n}" for n in range(40)]))
    out = command("inspect", tables(frame, "houses.parquet")).out
    assert "houses.parquet: 40 rows, 7 columns" in out
    assert re.search(r"size +numeric +3 +regression", out)
    assert re.search(r"garden +boolean +classes: 2", out)
    assert re.search(r"price +numeric +regression", out)
    assert re.search(r"note +dropped .* holds free text", out)


def test_evaluate_gives_the_scores_that_prediction_gives(command, flower_table, tmp_path):
    command("train", flower_table, "--target", "kind", "--quiet")
    assert command("predict", "flowers-model", flower_table, "--output", "p.csv").out == ""
    predicted = pl.read_csv(tmp_path / "p.csv")["predicted_kind"]
    right = (predicted == pl.read_csv(flower_table)["kind"]).mean()
    assert load_table_model(tmp_path / "flowers-model").score(pl.read_csv(flower_table))["accuracy"] == right
    assert f"accuracy           {right:.4g}" in command("evaluate", "flowers-model", flower_table).out


def test_the_same_seed_gives_the_same_bytes(command, flower_table, tmp_path):
    saved = []
    for out in ("first", "second"):
        command("train", flower_table, "--target", "kind", "--epochs", 4, "--dropout", 0.2, "--out", out)
        saved.append([(tmp_path / out / name).read_bytes() for name in ("config.json", "model.safetensors")])
    assert saved[0] == saved[1]
    command("train", flower_table, "--target", "kind", "--epochs", 4, "--seed", 1, "--out", "third")
    assert (tmp_path / "third" / "model.safetensors").read_bytes() != saved[0][1]


def test_scores_say_on_which_rows_they_are(command, flower_table, tmp_path):
    """Of the rows of the table a fifth was held out, and the others are known again in every command."""
    flowers().write_parquet(tmp_path / "same.parquet")
    command("train", flower_table, "--target", "kind", "--epochs", 3, "--test-fraction", 0.2, "--out", "m")
    trained = json.loads((tmp_path / "m" / "config.json").read_text())["training"]
    known, rows = trained["rows"]["training"] + trained["rows"]["validation"], trained["rows"]["all"]
    assert known < rows
    told = f"{known} of these {rows} rows equal rows that"
    for table in (flower_table, "same.parquet"):
        assert told in command("evaluate", "m", table).out.replace("\n  ", " ")
        found = json.loads(command("evaluate", "m", table, "--json").out)
        assert found["trained_on"] == {"seen": known, "compared": rows, "rows": rows}
    command("report", "m", "--data", flower_table, "--out", "r.html")
    assert told in (tmp_path / "r.html").read_text()
    both = command("compare", "m", "m", "--data", flower_table).out.replace("\n  ", " ")
    assert f"{told} A was trained on" in both
    assert f"{told} B was trained on" in both
    assert (
        "fingerprints" not in command("train", flower_table, "--target", "kind", "--epochs", 1, "--json").out
    )
    new = flowers(40).with_columns(pl.col(pl.Float64) + 0.001)
    new.write_csv(tmp_path / "new.csv")
    assert "was trained on" not in command("evaluate", "m", "new.csv").out
    assert json.loads(command("evaluate", "m", "new.csv", "--json").out)["trained_on"]["seen"] == 0
