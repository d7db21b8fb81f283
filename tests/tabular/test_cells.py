"""What a cell is, in one table of cases for predicting, exported programs and estimators alike."""

import datetime
import decimal
import math
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import example, given, strategies as st
from tests.drawn import CHARACTERS
from tests.io.formats.test_python_predictor import loaded
from tests.io.test_table_model import trained

import wengert as wg
from wengert.errors import DataError
from wengert.estimators.tables import as_frame
from wengert.io.formats.python_predictor import to_python
from wengert.io.table_models import portable
from wengert.tabular.reading import cells
from wengert.tabular.reading.cell_reading import CellReading
from wengert.tabular.training_settings import TrainingSettings

UTC = datetime.UTC
REFUSED = "refused"
QUICK = TrainingSettings("plain", hidden=(4,), epochs=1)
NAN = math.nan
# Kind of the column and how its cells were written in training; a cell; what it means there.
QUANTITIES = [
    ("numeric", ".", "1.5", 1.5),
    ("numeric", ".", " -2 ", -2.0),
    ("numeric", ".", "+1e3", 1000.0),
    ("numeric", ".", ".5", 0.5),
    ("numeric", ".", "1,200", 1200.0),
    ("numeric", ".", "1,234,567.5", 1234567.5),
    ("numeric", ".", "12,34,567", 1234567.0),
    ("numeric", ".", "1 200", 1200.0),
    ("numeric", ".", "1\u202f200", 1200.0),
    ("numeric", ".", "1'200.5", 1200.5),
    ("numeric", ".", "12,5", REFUSED),
    ("numeric", ".", "1,2,3", REFUSED),
    ("numeric", ".", "1.2.3", REFUSED),
    ("numeric", ".", "1_000", REFUSED),
    ("numeric", ".", "0x10", REFUSED),
    ("numeric", ".", "5²", REFUSED),
    ("numeric", ".", "much", REFUSED),
    ("numeric", ".", "2024-01-05", REFUSED),
    ("numeric", ".", "62.0%", 62.0),
    ("numeric", ".", "$5", 5.0),
    ("numeric", ".", "-$1,200.50", -1200.5),
    ("numeric", ".", "€ 3", 3.0),
    ("numeric", ".", "(1,200)", -1200.0),
    ("numeric", ".", "(5", REFUSED),
    ("numeric", ".", "\u22123", -3.0),
    ("numeric", ".", "１２．５", 12.5),
    ("numeric", ".", "٣٫٥", 3.5),
    ("numeric", ".", "007", 7.0),
    ("numeric", ",", "12,5", 12.5),
    ("numeric", ",", "1.200", 1200.0),
    ("numeric", ",", "1.234.567,5", 1234567.5),
    ("numeric", ",", "12,50 EUR", 12.5),
    ("numeric", ",", "1.5", REFUSED),
    ("numeric", ".", "", NAN),
    ("numeric", ".", " ", NAN),
    ("numeric", ".", "NA", NAN),
    ("numeric", ".", "-", NAN),
    ("numeric", ".", "None", NAN),
    ("numeric", ".", "True", 1.0),
    ("numeric", ".", True, 1.0),
    ("numeric", ".", 7, 7.0),
    ("numeric", ".", np.float32(2.5), 2.5),
    ("numeric", ".", decimal.Decimal("2.25"), 2.25),
    ("numeric", ".", b"7", 7.0),
    ("numeric", ".", None, NAN),
    ("numeric", ".", NAN, NAN),
    ("numeric", ".", pd.NA, NAN),
    ("numeric", ".", datetime.date(2024, 1, 5), REFUSED),
    ("boolean", ".", "True", 1.0),
    ("boolean", ".", "FALSE", 0.0),
    ("boolean", ".", False, 0.0),
    ("boolean", ".", "1", 1.0),
    ("boolean", ".", 0.0, 0.0),
    ("boolean", ".", "-", NAN),
    ("boolean", ".", "", NAN),
    ("boolean", ".", "yes", REFUSED),
    ("date", "ymd", "2024-01-05", 19727.0),
    ("date", "ymd", "2024/1/5", 19727.0),
    ("date", "ymd", "2024-01-05T12:00", 19727.5),
    ("date", "ymd", "2024-01-05 12:00:00.5 AM", 19727 + 0.5 / 86400),
    ("date", "ymd", "2024-01-05 01:00:00+01:00", 19727.0),
    ("date", "ymd", "2024-01-05T00:00:00Z", 19727.0),
    ("date", "ymd", "Fri, 5 Jan 2024", 19727.0),
    ("date", "ymd", "January 5, 2024", 19727.0),
    ("date", "ymd", "05-Jan-24", 19727.0),
    ("date", "ymd", "2024-01", 19723.0),
    ("date", "ymd", "06:00", 0.25),
    ("date", "ymd", "05/01/2024", REFUSED),
    ("date", "ymd", "2024-13-01", REFUSED),
    ("date", "ymd", "2024-02-30", REFUSED),
    ("date", "ymd", "19727", REFUSED),
    ("date", "ymd", 19727, REFUSED),
    ("date", "ymd", "-", NAN),
    ("date", "dmy", "05/01/2024", 19727.0),
    ("date", "dmy", "5.1.24", REFUSED),
    ("date", "dmy", "05.01.24", 19727.0),
    ("date", "dmy", "2024-01-05", 19727.0),
    ("date", "mdy", "01/05/2024", 19727.0),
    ("date", "mdy", "13/01/2024", REFUSED),
    ("date", "ymd", datetime.date(2024, 1, 5), 19727.0),
    ("date", "ymd", datetime.datetime(2024, 1, 5, 12), 19727.5),
    ("date", "ymd", datetime.datetime(2024, 1, 5, 12, tzinfo=UTC), 19727.5),
    ("date", "ymd", datetime.time(6), 0.25),
    ("date", "ymd", np.datetime64("2024-01-05T12", "ns"), 19727.5),
    ("date", "ymd", pd.Timestamp("2024-01-05 02:00", tz="Europe/Berlin"), 19727 + 1 / 24),
    ("date", "ymd", pd.NaT, NAN),
]  # fmt: skip
CATEGORIES = [
    (1, "1"), (1.0, "1"), ("1", "1"), ("1.0", "1"), (np.int8(1), "1"), (decimal.Decimal("1.0"), "1"),
    (-0.0, "0"), ("-0", "0"), (True, "true"), ("True", "true"), ("TRUE", "true"), (np.bool_(True), "true"),
    (b"True", "true"), (b"1.0", "1"), (b"x", "x"), (" x ", "x"), ("01", "01"), ("1.10", "1.10"), (1.1, "1.1"),
    (np.float32(0.1), "0.1"), (0.1, "0.1"), (2**63 - 1, str(2**63 - 1)), ("", None), ("NA", None),
    (None, None), (NAN, None), (pd.NA, None), (pd.NaT, None), ("None", "None"), ("-", "-"), ("1e3", "1e3"),
]  # fmt: skip


def means(read, cell):
    try:
        return read(cell)
    except (ValueError, TypeError):
        return REFUSED


def same(found, wanted):
    return found == wanted or (found != found and wanted != wanted)


def column_of(cell):
    """Return a cell as a column of polars, as an estimator makes it of a column of objects."""
    values = np.empty((1, 1), object)
    values[0, 0] = cell
    return as_frame(values)["x0"].alias("x")


TRAINED = {
    ("numeric", "."): ["0.5", "7.25", "", "9"],
    ("numeric", ","): ["0,5", "7,25", "", "9"],
    ("boolean", "."): ["true", "false", "", "true"],
    ("date", "ymd"): ["2020-01-01", "2021-05-07", "", "2021-05-08"],
    ("date", "dmy"): ["01/01/2020", "25/05/2021", "", "08/05/2021"],
    ("date", "mdy"): ["01/01/2020", "05/25/2021", "", "05/08/2021"],
}


def models():
    """One model for each way to read a column, and the program that is exported of it."""
    for kind, texts in TRAINED.items():
        model = trained(pl.DataFrame({"x": texts * 3, "y": [1.5, 2.5, 3.5, 4.5] * 3}), "y", QUICK)
        yield kind, (model, loaded(to_python(portable(model)))["predict"])


@pytest.fixture(scope="module")
def by_kind():
    return dict(models())


@pytest.mark.parametrize(("kind", "marks", "cell", "wanted"), QUANTITIES)
def test_quantities_mean_the_same_everywhere(by_kind, kind, marks, cell, wanted):
    decimal_mark, order = (marks, "ymd") if len(marks) == 1 else (".", marks)
    reading = CellReading("x", kind, decimal_mark, order)
    found = means(lambda one: cells.quantity(one, kind, decimal_mark, order), cell)
    assert same(found, pytest.approx(wanted, abs=1e-10) if wanted != REFUSED and wanted == wanted else wanted)
    # A plain value of the same meaning gives the prediction to compare with.
    model, predict = by_kind[kind, marks]
    assert model.preprocessor.reading.columns[0] == reading
    column = column_of(cell)
    typed = means(lambda one: model.predict(pl.DataFrame({"x": one})), column)
    exported = means(lambda one: predict({"x": [one]}), cell)
    if wanted == REFUSED:
        assert (typed, exported) == (REFUSED, REFUSED)
        return
    plain = pl.Series("x", [None if wanted != wanted else wanted], pl.Float64)
    if kind == "date":
        plain = (plain * 86_400_000_000).round().cast(pl.Int64).cast(pl.Datetime("us"))
    expected = model.predict(plain.to_frame()).to_series()[0]
    assert typed.to_series()[0] == expected
    np.testing.assert_allclose(exported, expected, rtol=1e-6)


@pytest.mark.parametrize(("cell", "wanted"), CATEGORIES)
def test_categories_mean_the_same_everywhere(cell, wanted):
    assert cells.category(cell) == wanted
    words = [name for name in ("1", "x", "true", "01", "0.1", "other") if name != wanted]
    names = [*words, *([wanted] if wanted is not None else []), None]
    frame = pl.DataFrame(
        {"x": pl.Series(names * 3, dtype=pl.Categorical), "y": [i / 2 for i in range(len(names) * 3)]}
    )
    model = trained(frame, "y", QUICK)
    expected = model.predict(pl.DataFrame({"x": pl.Series([wanted], dtype=pl.String)})).to_series()[0]
    column = column_of(cell)
    if not column.dtype.is_temporal():
        assert model.predict(pl.DataFrame({"x": column})).to_series()[0] == expected
    np.testing.assert_allclose(
        loaded(to_python(portable(model)))["predict"]({"x": [cell]}), expected, rtol=1e-6
    )
    for spelling in cells.spellings(wanted) if wanted is not None else ():
        assert cells.category(spelling) == wanted


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**20), 10**20))
@example(0.1)
def test_a_number_reads_back_from_any_spelling(value):
    assert cells.number(repr(value)) == float(value)
    fixed = f"{value:,.3f}" if abs(value) < 1e15 else f"{value:,.0f}"
    wanted = float(fixed.replace(",", ""))
    assert cells.number(fixed) == wanted
    european = fixed.translate(str.maketrans(",.", ".,"))
    assert cells.number(european, ",") == wanted
    assert (
        cells.number(european.translate(str.maketrans("0123456789-", "０１２３４５６７８９－")), ",")
        == wanted
    )
    assert (
        cells.number(f"{fixed} %") == cells.number(f"${fixed}") == cells.number(f"{fixed}\u00a0€") == wanted
    )


@given(st.datetimes(datetime.datetime(1970, 1, 1), datetime.datetime(2068, 12, 31)))
def test_a_moment_reads_back_from_any_spelling(moment):
    exact = cells.quantity(moment, "date")
    assert cells.days(str(moment)) == cells.days(moment.isoformat()) == exact
    assert cells.days(f"{moment:%d/%m/%Y %H:%M:%S.%f}", "dmy") == exact
    assert cells.days(f"{moment:%m-%d-%Y %I:%M:%S.%f %p}", "mdy") == exact
    assert (
        cells.days(f"{moment:%b %d, %Y, %H:%M:%S.%f}")
        == cells.days(f"{moment:%d. %B %Y %H:%M:%S.%f}")
        == exact
    )
    assert cells.days(f"{moment:%d.%m.%y}", "dmy") == math.floor(exact)
    shifted = moment.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=-3, minutes=-30)))
    assert cells.days(str(shifted)) == cells.quantity(shifted, "date") == pytest.approx(exact + 3.5 / 24)


@given(st.text(CHARACTERS, max_size=12) | st.text("0123456789.,-+eE()%$ /:", max_size=12))
@example("\x1f")
def test_text_and_columns_are_read_alike(text):
    """Polars reads plain numbers, and Python the others: together they read what Python alone would."""
    for kind, mark, order in [("numeric", ".", "ymd"), ("numeric", ",", "ymd"), ("date", ".", "dmy")]:
        reading = CellReading("x", kind, mark, order)
        wanted = means(reading.quantity, text)
        column = pl.Series("x", [text, None])
        try:
            values = reading.apply(column)
        except DataError:
            assert wanted == REFUSED
            continue
        assert wanted != REFUSED
        if values.dtype.is_temporal():
            values = values.cast(pl.Datetime("us")).to_physical() / cells.MICROSECONDS_A_DAY
        found = values.cast(pl.Float64).fill_null(NAN)[0]
        assert same(found, wanted) or found == pytest.approx(wanted, abs=1e-10)


@pytest.mark.parametrize(("mark", "text"), [(",", "89.6"), (".", "12,5"), (".", "1.200,50 €")])
def test_a_number_with_the_other_mark_is_refused_with_what_to_say(mark, text):
    with pytest.raises(DataError, match=r"column 'x', row 1.*--decimal [.,]\)") as caught:
        CellReading("x", "numeric", mark).apply(pl.Series("x", [text]))
    other = str(caught.value)[-3]
    assert other != mark
    assert CellReading("x", "numeric", other).apply(pl.Series("x", [text]))[0] > 10
    with pytest.raises(DataError) as caught:
        CellReading("x", "numeric", mark).apply(pl.Series("x", ["much"]))
    assert "--decimal" not in str(caught.value)


def test_estimators_say_what_they_leave_out_and_read(rng):
    frame = pd.DataFrame(
        {
            "x": rng.normal(size=60),
            "price": [f"${1000 + i:,}" for i in range(60)],
            "remark": [f"this is remark number {i}" for i in range(60)],
            "customer_id": rng.permutation(60),
        }
    )
    model = wg.MLPRegressor(
        hidden_layer_sizes=(3,), categorical_features="from_dtype", max_iter=3, random_state=0
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(frame, frame["x"])
    said = " ".join(str(one.message) for one in caught if isinstance(one.message, wg.errors.DataWarning))
    assert "'remark' holds free text (60 texts in 60 rows" in said
    assert "'customer_id' only identifies the rows, as its name says" in said
    assert "'price' '$1,000' is read as 1000" in said
    assert [column.name for column in model.preprocessor_.columns] == ["x", "price"]
