"""Kinds of columns and tasks, and every reason to refuse one."""

import datetime
import decimal

import polars as pl
import pytest

from wengert.errors import DataError
from wengert.tabular import infer_columns, infer_task
from wengert.tabular.columns import infer_column
from wengert.tabular.reading.text_format import TextFormat
from wengert.tabular.task import task_of

MANY = range(40)


def kind_and_note(values, dtype=None):
    frame = pl.DataFrame({"x": pl.Series(values, dtype=dtype), "more": range(len(values))})
    column = infer_columns(frame.with_columns(y=pl.col("more")), "y")[0]
    assert column.name == "x"
    return column.kind, column.note


@pytest.mark.parametrize(
    ("values", "kind", "note"),
    [
        ([1.5, 2.5, None], "numeric", ""),
        ([3, 1, 2], "numeric", ""),
        ([2**62, 1, 0], "numeric", ""),
        ([decimal.Decimal("1.5"), decimal.Decimal("2.5")], "numeric", ""),
        ([float("nan"), 1.0, 2.0], "numeric", ""),
        ([1.0, None, 1.0], "numeric", ""),
        ([True, False, None], "boolean", ""),
        ([datetime.date(2020, 1, 1), datetime.date(2020, 1, 2)], "date", "days"),
        ([datetime.datetime(2020, 1, 1), datetime.datetime(2020, 1, 2)], "date", "days"),
        ([datetime.time(10), datetime.time(11)], "date", "days"),
        ([datetime.timedelta(1), datetime.timedelta(2)], "date", "days"),
        (["a", "b", "a"], "categorical", ""),
        (["a", None, "a"], "categorical", ""),
        ([7, 7, 7], "dropped", "same value"),
        (["a", "a"], "dropped", "same value"),
        ([True, True], "dropped", "same value"),
        ([None, None], "dropped", "no values"),
        ([float("nan"), float("nan")], "dropped", "no values"),
        (list(MANY), "numeric", "counts the rows"),
        (list(reversed(MANY)), "numeric", "counts the rows"),
        ([0, 1] * 20, "numeric", ""),
        ([f"A{i:04d}x" for i in MANY], "dropped", "identifies"),
        ([f"c{i % 30}" for i in range(90)], "categorical", "rare"),
        (["1", "2", "A"], "categorical", ""),
        (["1", "2", "-"], "numeric", ""),
        (["01", "2", "3"], "categorical", "'01'"),
        ([f"{i},{i:03d}" for i in range(1, 40)], "numeric", "is read as "),
        (["12,5", "7,25"], "numeric", "'12,5' is read as 12.5"),
        ([f"${i}.50" for i in MANY], "numeric", ".50' is read as "),
        ([f"{i}.5%" for i in range(5)], "numeric", "is read as "),
        (
            [str(i * i) for i in MANY] + ["x1"],
            "numeric",
            "1 cell is not a number and counts as missing, such as 'x1'",
        ),
        (
            [f"2024-03-{day:02d}" for day in range(1, 29)] * 2 + ["x", "y"],
            "date",
            "2 cells are not a date and count",
        ),
        (["True", "FALSE", ""], "boolean", ""),
        ([b"a", b"b", b"a"], "categorical", ""),
        (["01/02/2024", "03/04/2024"], "date", "'01/02/2024' is read with the day first"),
        (["01/31/2024", "03/04/2024"], "date", ""),
        (["2024-01-05", "2024-02-29 10:00:00+02:00"], "date", ""),
        (["5 May 2021", "June 7, 2021", "NaT"], "date", ""),
        ([f"This is review number {i}" for i in MANY], "dropped", "holds free text (40 texts in 40 rows"),
    ],
)
def test_kinds(values, kind, note):
    found, said = kind_and_note(values)
    assert found == kind
    assert (note in said) if note else said == "" or kind == "date"


@pytest.mark.parametrize("name", ["id", "user_id", "userId", "Unnamed: 0", "column_1", "__index_level_0__"])
def test_names_that_say_that_a_column_identifies_the_rows(name):
    shuffled = [7 * i % 41 for i in MANY]
    column = infer_column(pl.Series(name, shuffled))
    assert (column.kind, column.note) == ("dropped", "only identifies the rows, as its name says")
    assert infer_column(pl.Series("price", shuffled)).kind == "numeric"


def test_numbers_under_another_decimal_mark_than_the_one_given_are_told():
    frame = pl.DataFrame({"x": [f"{i / 8:g}" for i in MANY], "more": MANY, "y": MANY})
    column = infer_columns(frame, "y", given=TextFormat(decimal=","))[0]
    told = "holds numbers with another decimal mark, such as '0.125'"
    assert (column.kind, column.note) == ("dropped", told)


def test_categorical_and_enum_types():
    assert kind_and_note(["a", "b"], pl.Categorical)[0] == "categorical"
    assert kind_and_note(["a", "b"], pl.Enum(["a", "b"]))[0] == "categorical"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([1.0, float("inf")], "'x', row 2"),
        ([float("-inf"), None], "'x', row 1"),
        ([[1], [2]], "List"),
        ([{"a": 1}, {"a": 2}], "Struct"),
    ],
)
def test_columns_that_cannot_be_used(values, said):
    with pytest.raises(DataError, match=said):
        kind_and_note(values)


def test_names_that_are_not_there():
    frame = pl.DataFrame({"Species": ["a", "b"], "width": [1, 2]})
    with pytest.raises(DataError, match="Did you mean 'Species'"):
        infer_columns(frame, "species")
    with pytest.raises(DataError, match="Did you mean 'width'"):
        infer_columns(frame, "Species", drop=["widht"])
    with pytest.raises(DataError, match="columns are 'Species', 'width'"):
        infer_columns(frame, "zzz")
    wide = pl.DataFrame({f"c{i}": [1] for i in range(30)})
    with pytest.raises(DataError, match="and 20 more"):
        infer_columns(wide, "zzz")


def test_nothing_to_learn_from():
    with pytest.raises(DataError, match="no column is left"):
        infer_columns(pl.DataFrame({"y": [1, 2]}), "y")
    with pytest.raises(DataError, match=r"no column is left.*'x' has the same value"):
        infer_columns(pl.DataFrame({"x": [1, 1], "y": [1, 2]}), "y")
    with pytest.raises(DataError, match="no column is left"):
        infer_columns(pl.DataFrame({"x": [1, 3], "y": [1, 2]}), "y", drop=["x"])


@pytest.mark.parametrize(
    ("values", "kind", "classes"),
    [
        ([0.5, 1.5, 2.0], "regression", ()),
        (list(range(100)), "regression", ()),
        ([1, 2, 3, 4, 5], "regression", ()),
        ([0, 1] * 3, "binary", (0, 1)),
        ([0.0, 1.0], "binary", (0.0, 1.0)),
        ([1, 2, 3] * 5, "multiclass", (1, 2, 3)),
        ([decimal.Decimal(1), decimal.Decimal(2)], "binary", (1.0, 2.0)),
        ([True, False], "binary", (False, True)),
        (["no", "yes", "no"], "binary", ("no", "yes")),
        (["c", "b", "a"], "multiclass", ("a", "b", "c")),
        ([2**63 - 1, 5] * 2, "binary", (5, 2**63 - 1)),
        ([2**64 - 1, 5] * 2, "binary", (str(2**64 - 1), "5")),
    ],
)
def test_tasks(values, kind, classes):
    task = infer_task(pl.Series("y", values))
    assert (task.kind, task.classes) == (kind, classes)
    assert [type(known) for known in task.classes] == [type(known) for known in classes]
    assert "'y'" in task.reason


@pytest.mark.parametrize("values", [["a"] * 3, [1, 1], [True], [2.0]])
def test_one_class_only_is_told(values):
    task = infer_task(pl.Series("y", values))
    assert task.kind == "multiclass"
    assert len(task.classes) == 1
    assert "only ever" in task.warning


def test_other_doubtful_targets_are_told():
    assert "one row only" in infer_task(pl.Series("y", ["a", "a", "b"])).warning
    assert "every row" in infer_task(pl.Series("y", [1.5, 1.5])).warning
    assert infer_task(pl.Series("y", ["a", "a", "b", "b"])).warning == ""


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([1.0, None, 2.0], r"'y', row 2: the value is missing \(1 of 3"),
        ([1.0, 2.0, float("nan")], "'y', row 3: the value is missing"),
        (["a", None], "'y', row 2: the value is missing"),
        ([None, None], "'y', row 1: the value is missing"),
        ([1.0, float("inf")], "'y', row 2: the value is infinite"),
        ([f"word {i}" for i in MANY], "40 different words"),
        ([datetime.date(2020, 1, 1)], "type Date"),
        ([[1]], "List"),
    ],
)
def test_targets_that_cannot_be_used(values, said):
    with pytest.raises(DataError, match=said):
        infer_task(pl.Series("y", values))


def test_a_target_whose_errors_could_not_be_measured_is_refused_by_its_row():
    with pytest.raises(DataError, match=r"'y', row 2: 1e\+308 is too large for errors to be measured"):
        infer_task(pl.Series("y", [0.5, 1e308, 2.5]))
    assert infer_task(pl.Series("y", [0.5, 1e299, 2.5])).kind == "regression"


@pytest.mark.parametrize("dtype", [pl.String, pl.Float64, pl.Int64, pl.Boolean])
def test_a_column_without_values_is_no_target(dtype):
    with pytest.raises(DataError, match="target column 'y' holds no values"):
        task_of(pl.Series("y", [], dtype))
