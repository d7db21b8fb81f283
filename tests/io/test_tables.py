"""Every table that can be read is read exactly; every other one is refused with a reason."""

import bz2
import contextlib
import csv
import gzip
import io
import os
import pickle
import sys
import zipfile
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given, strategies as st
from polars.testing import assert_frame_equal, assert_series_equal

from wengert.errors import ConfigurationError, DataError
from wengert.io import delimited_text, read_table
from wengert.io.delimited_text import read_delimited
from wengert.io.parquet_stream import ParquetStream
from wengert.tabular.reading.cells import MISSING
from wengert.tabular.reading.table_reading import TableReading
from wengert.tabular.reading.text_format import NOTHING_SAID, TextFormat

cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), min_size=1, max_size=8)
words = cells.map(lambda cell: "w" + cell.strip()).filter(lambda cell: cell not in MISSING)
column_names = st.lists(words, min_size=1, max_size=5, unique=True)
PARQUET = io.BytesIO()
pl.DataFrame({"a": range(200), "b": [f"s{i % 7}" for i in range(200)]}).write_parquet(PARQUET)


def write(folder, name, data):
    file = folder / name
    file.write_bytes(data)
    return file


@given(st.data())
def test_csv_round_trip_of_words(data):
    names = data.draw(column_names)
    rows = data.draw(st.lists(st.tuples(*[words] * len(names)), min_size=1, max_size=6))
    separator = data.draw(st.sampled_from(",;\t"))
    out = io.StringIO()
    csv.writer(out, delimiter=separator).writerows([names, *rows])
    frame = read_delimited(out.getvalue().encode(), "f", TextFormat(separator))
    assert frame.columns == names
    assert frame.rows() == rows


@given(st.lists(st.tuples(*[st.floats(allow_nan=False, allow_infinity=False)] * 2), min_size=1))
def test_csv_round_trip_of_numbers(rows):
    text = "a,b\n" + "\n".join(f"{a!r},{b!r}" for a, b in rows)
    frame = read_delimited(text.encode(), "f", NOTHING_SAID)
    frame = TableReading.infer(frame)[0].apply(frame)
    np.testing.assert_allclose(frame.to_numpy(), rows, rtol=1e-15, atol=1e-320)


@given(
    st.lists(st.lists(st.text("ab1 \t\r.é#", max_size=3), min_size=1, max_size=4), min_size=1, max_size=6),
    st.sampled_from(["\n", "\r\n", "\n\n"]),
    st.sampled_from(["", "\n", "\r\n \n"]),
)
def test_long_texts_are_read_as_short_ones_are(rows, line_end, last):
    text = line_end.join(map(",".join, [["x", "y", "z"], *rows])) + last

    def outcome(least):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(delimited_text, "_LONG", least)
            try:
                frame = read_delimited(text.encode(), "f", NOTHING_SAID)
            except DataError as error:
                return str(error)
        return frame.columns, frame.rows()

    assert outcome(0) == outcome(len(text) + 1)


def test_long_texts_are_not_divided_in_python():
    text = "x,y\n" + "1,word\n" * 200_000
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited_text, "_cells", None)
        assert read_delimited(text.encode(), "f", NOTHING_SAID).shape == (200_000, 2)


@given(st.binary(max_size=60))
def test_arbitrary_bytes_never_break_out(data):
    with contextlib.suppress(DataError):
        frame = read_delimited(data, "f", NOTHING_SAID)
        assert frame.width > 0
        assert frame.height > 0


@given(st.text("ab1,;\"'\n\r \t.", max_size=40))
def test_text_that_is_nearly_a_table_never_breaks_out(text):
    with contextlib.suppress(DataError):
        read_delimited(text.encode(), "f", NOTHING_SAID)


@pytest.mark.parametrize(
    ("data", "columns", "rows"),
    [
        (b"\xef\xbb\xbfa,b\n1,2\n", ["a", "b"], [(1, 2)]),
        (b"a,b\r\n1,2\r\n", ["a", "b"], [(1, 2)]),
        (b"a,b\r1,2\r", ["a", "b"], [(1, 2)]),
        (b"a,b\n1,2", ["a", "b"], [(1, 2)]),
        (b"\n\na,b\n\n1,2\n\n", ["a", "b"], [(1, 2)]),
        (b"a\n1\n\n2\n", ["a"], [(1,), (None,), (2,)]),
        (b" a, b \n 1, x\n 2, y \n", ["a", "b"], [(1, "x"), (2, "y")]),
        (b"a;b\n1;2\n", ["a", "b"], [(1, 2)]),
        (b"a\tb\n1\t2\n", ["a", "b"], [(1, 2)]),
        (b",b\n0,x\n", ["column_1", "b"], [(0, "x")]),
        (b"0,1\n5,6\n", ["0", "1"], [(5, 6)]),
        (b'a,b\n"x,1\ny",2\n', ["a", "b"], [("x,1\ny", 2)]),
        (b"a,b\n?,x\n2.5,NA\nNaN,null\n", ["a", "b"], [(None, "x"), (2.5, None), (None, None)]),
        (b"a,b\n1,None\n2,x\n", ["a", "b"], [(1, "None"), (2, "x")]),
        (b"a,b\n1,None\n2,7\n", ["a", "b"], [(1, None), (2, 7)]),
        (b"a|b\n1|2\n", ["a", "b"], [(1, 2)]),
        (b"sep=;\na;b\n1;2\n", ["a", "b"], [(1, 2)]),
        (b"# made on Monday, by hand\n#\na,b\n1,2\n", ["a", "b"], [(1, 2)]),
        (b"#a,b\n1,2\n", ["#a", "b"], [(1, 2)]),
        (b"[a],{b}\n1,2\n", ["[a]", "{b}"], [(1, 2)]),
        (b'a, b\n1, "x, y"\n', ["a", "b"], [(1, "x, y")]),
        (b"a,b\n1," + b"x" * 200_000 + b"\n", ["a", "b"], [(1, "x" * 200_000)]),
        (b'a,b\n5" pipe,2\n6" pipe,3\n', ["a", "b"], [('5" pipe', 2), ('6" pipe', 3)]),
        (b"size, m;price\n1,5;20\n2,5;30\n", ["size, m", "price"], [(1.5, 20), (2.5, 30)]),
        (b"price\n12,5\n13,1\n", ["price"], [(12.5,), (13.1,)]),
        ("a,b\n\uff11\uff0e\uff15,x\n2,y\n".encode(), ["a", "b"], [(1.5, "x"), (2.0, "y")]),
        ("a,b\n1,é\n".encode("utf-16"), ["a", "b"], [(1, "é")]),
        (b'a,b\n"1,200",01\n"12,000",07\n', ["a", "b"], [(1200, "01"), (12000, "07")]),
        (b"a,b\n62.0%,$5\n7.5%,\xe2\x82\xac7\n", ["a", "b"], [(62.0, 5), (7.5, 7)]),
        (b"a,b\nTrue,1\n ,2\nfalse,3\n", ["a", "b"], [(True, 1), (None, 2), (False, 3)]),
    ],
)
def test_tolerated_spellings(tmp_path, data, columns, rows):
    frame = read_table(write(tmp_path, "t.csv", data))
    assert frame.columns == columns
    assert frame.rows() == rows


def test_text_stays_text_where_that_is_asked_for(tmp_path):
    file = write(tmp_path, "t.csv", b"code,x\n01234,1\n 00001,NA\n")
    assert read_table(file, as_text=True).rows() == [("01234", "1"), ("00001", "NA")]


def test_what_is_said_of_a_file(tmp_path):
    data = "maß;wert\n1.234;n.v.\n2,5;7\n".encode("cp1252")
    frame = read_table(write(tmp_path, "t.csv", data), given=TextFormat(";", "cp1252", ",", ("n.v.",)))
    assert frame.rows(named=True) == [{"maß": 1234.0, "wert": None}, {"maß": 2.5, "wert": 7}]
    spaced = write(tmp_path, "t.txt", b"a  b\n1  2\n")
    assert read_table(spaced, given=TextFormat(" ")).rows() == [(1, 2)]
    plain = write(tmp_path, "t.csv", "a,b\n1,2\n".encode("utf-16-le"))
    assert read_table(plain, given=TextFormat(encoding="utf-16-le")).rows() == [(1, 2)]
    for wrong in ({"separator": ", "}, {"decimal": ";"}):
        with pytest.raises(ConfigurationError):
            TextFormat(**wrong)
    for encoding in ("utf-99", "a\0b", "undefined", "\ud800"):
        with pytest.raises(ConfigurationError, match="there is no encoding"):
            TextFormat(encoding=encoding)


def test_packed_and_other_suffixes(tmp_path):
    for name in ("t.csv.gz", "t.TXT.GZ"):
        packed = write(tmp_path, name, gzip.compress(b"a,b\n1,2\n"))
        assert read_table(packed).rows() == [(1, 2)]
    assert read_table(write(tmp_path, "u.csv.gz", b"a,b\n1,2\n")).rows() == [(1, 2)]
    assert read_table(write(tmp_path, "t.tab", b"a\tb\n1\t2,5\n")).rows() == [(1, 2.5)]
    assert read_table(write(tmp_path, "commas.tsv", b"a,b\n1,2\n")).rows() == [(1, 2)]
    with pytest.raises(DataError, match="damaged gzip"):
        read_table(write(tmp_path, "t.csv.gz", gzip.compress(b"a,b\n1,2\n" * 99)[:-9]))
    with pytest.raises(DataError, match=r"t\.zip\.gz ends in '\.gz'"):
        read_table(tmp_path / "t.zip.gz")


def test_late_words_among_numbers_are_seen(tmp_path):
    file = write(tmp_path, "t.csv", b"a,b\n" + b"1,2\n" * 3000 + b"x,3\n")
    assert read_table(file)["a"][-1] == "x"


REFUSED = {
    "empty": (b"", "empty"),
    "only blanks": (b" \n\n ", "empty"),
    "header only": (b"a,b\n", "no rows"),
    "duplicate names": (b"a,b,a\n1,2,3\n", "'a'"),
    "duplicate names but for blanks": (b"a, a\n1,2\n", "'a'"),
    "a title": (b"Report 2024,,\n,,\nname,age,city\na,1,b\n", "name for 1 of its 3 columns"),
    "merged names": (b"Who,,,Where,\nname,age,sex,city,street\na,1,f,b,c\n", "name for 2 of its 5 columns"),
    "no header": (b"5.1,3.5,0\n4.9,3.0,0\n", "no header"),
    "row too long": (b"a,b\n1,2\n1,2,3\n", r"row 2 \(line 3\) has 3 fields"),
    "row too short": (b"a,b\n1,2\n\n1\n", r"row 3 \(line 4\) has 1 fields"),
    "open quote": (b'a,b\n1,2\n"3,4\n', "row 2"),
    "quote in the middle": (b'a,b\n"x"y,2\n', "row 1"),
    "Latin-1": ("a,b\n1,2\né,3\n".encode("latin-1"), "line 3 has the byte 0xe9"),
    "NUL": (b"a,b\n1,\0\n", "line 2 has a NUL"),
    "several rows": (b"a,b\n1\n2\n3,4\n5,6,7\n", r"row 1 .*row 2 .*row 4 .* 3 fields"),
    "comment below": (b"a,b\n1,2\n# so far\n", r"row 2 \(line 3\) has 1 fields, a comment"),
    "UTF-16 without mark": ("a,b\n1,2\n".encode("utf-16-le"), "NUL"),
    "Parquet": (PARQUET.getvalue(), "Parquet"),
    "gzip": (gzip.compress(b"a,b\n1,2\n", mtime=0), "gzip"),
    "bzip2": (bz2.compress(b"a,b\n1,2\n"), "bzip2"),
    "pickle": (pickle.dumps({"a": [1]}), "pickle"),
    "Excel": (b"PK\x03\x04" + b"x" * 50, "Excel"),
    "web page": (b"\n<!DOCTYPE html><html>", "web page"),
    "JSON": (b'{"a": [1, 2]}', "JSON"),
}


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
@pytest.mark.parametrize("case", REFUSED)
def test_refused_text(tmp_path, case, suffix):
    data, said = REFUSED[case]
    if suffix == ".tsv":
        data = data.replace(b",", b"\t") if data[:1] in b"ab5 \n" and case != "web page" else data
    file = write(tmp_path, "table" + suffix, data)
    with pytest.raises(DataError, match=said) as caught:
        read_table(file)
    assert "table" + suffix in str(caught.value)


def test_a_title_above_the_header_is_refused_by_its_lines(tmp_path):
    file = write(tmp_path, "t.csv", b"Table 1\n\na,b\n1,2\n3,4\n")
    with pytest.raises(DataError, match=r"row 2 \(line 3\) has 2 fields.*remove lines above the header"):
        read_table(file)


@pytest.mark.parametrize("text", ["a,,\n1,2,3\nx,2,y\n", "a,b,,,,\n1,x,,,,\n2,y,,,,\n", ",a\nx,y\nz,z\n"])
def test_columns_without_names_are_no_title(tmp_path, text):
    frame = read_table(write(tmp_path, "t.csv", text.encode()))
    assert frame.height == 2
    assert {"a", "column_3"} & {*frame.columns}


def test_a_title_above_a_long_table_is_refused_too(tmp_path):
    rows = "".join(f"row {row},{row},word\n" for row in range(80_000))
    file = write(tmp_path, "t.csv", f"Report 2024,,\nname,age,city\n{rows}".encode())
    with pytest.raises(DataError, match="name for 1 of its 3 columns"):
        read_table(file)


def test_what_a_file_of_an_unknown_suffix_is(tmp_path):
    with zipfile.ZipFile(tmp_path / "book.xlsx", "w") as archive:
        archive.writestr("xl/workbook.xml", "")
    with pytest.raises(DataError, match=r"book.xlsx is a ZIP archive or an Excel workbook: .*as CSV"):
        read_table(tmp_path / "book.xlsx")


def test_an_archive_named_csv(tmp_path):
    with zipfile.ZipFile(tmp_path / "t.csv", "w") as archive:
        archive.writestr("t.csv", "a,b\n1,2\n")
    with pytest.raises(DataError, match="ZIP"):
        read_table(tmp_path / "t.csv")


def test_missing_directory_and_unknown_suffix(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        read_table(tmp_path / "t.csv")
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(DataError, match="is a directory"):
        read_table(tmp_path / "d.csv")
    with pytest.raises(DataError, match="is a directory"):
        read_table(tmp_path)
    with pytest.raises(DataError, match="xlsx"):
        read_table(tmp_path / "t.xlsx")
    with pytest.raises(DataError):
        read_table("a\0b.csv")


def test_a_table_as_r_writes_it(tmp_path):
    file = write(tmp_path, "r.txt", b'"a" "b"\n"1" 1.5 2\n"2" 2 3\n')
    with pytest.raises(DataError, match="If blanks stand between the cells, say so"):
        read_table(file)
    with pytest.raises(DataError, match=r"one cell more than the header has names \(2\).*row.names = FALSE"):
        read_table(file, given=TextFormat(" "))


def test_parquet_round_trip(tmp_path):
    frame = pl.DataFrame({"a": [1.5, None], "b": ["x", "NA"], "c": [True, False]})
    frame.write_parquet(tmp_path / "t.parquet")
    assert_frame_equal(read_table(tmp_path / "t.parquet"), frame)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"a,b\n1,2\n", "text"),
        (gzip.compress(b"a", mtime=0), "gzip"),
        (b"PAR1", "truncated"),
        (PARQUET.getvalue()[:-1], "truncated"),
        (b"PAR1" + b"\0" * 40 + b"PAR1", "damaged"),
    ],
)
def test_refused_parquet(tmp_path, data, said):
    with pytest.raises(DataError, match=said) as caught:
        read_table(write(tmp_path, "t.parquet", data))
    assert "t.parquet" in str(caught.value)


def test_parquet_cut_or_damaged_anywhere_never_breaks_out(tmp_path, rng):
    intact = PARQUET.getvalue()
    for length in rng.integers(0, len(intact), 60):
        with pytest.raises(DataError):
            read_table(write(tmp_path, "t.parquet", intact[:length]))
    for position in rng.integers(0, len(intact), 120):
        damaged = bytearray(intact)
        damaged[position] ^= 0xFF
        with contextlib.suppress(DataError):
            read_table(write(tmp_path, "t.parquet", bytes(damaged)))


def test_parquet_without_rows_or_columns(tmp_path):
    pl.DataFrame({"a": pl.Series([], dtype=pl.Int64)}).write_parquet(tmp_path / "rows.parquet")
    with pytest.raises(DataError, match="no rows"):
        read_table(tmp_path / "rows.parquet")
    pl.DataFrame().write_parquet(tmp_path / "columns.parquet")
    with pytest.raises(DataError, match="no columns"):
        read_table(tmp_path / "columns.parquet")


@pytest.mark.parametrize("zone", ["+05:30", "-03:00", "Asia/Kolkata", "UTC", "Mars/Olympus"])
def test_moments_of_any_zone_are_those_of_utc(tmp_path, zone):
    """Pandas writes the offset as the zone of a column where its texts had offsets."""
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    moments = [0, None, 1_700_000_000]
    parquet.write_table(pa.table({"t": pa.array(moments, pa.timestamp("s", zone))}), tmp_path / "t.parquet")
    wanted = pl.Series("t", [moment and moment * 1000 for moment in moments]).cast(pl.Datetime("ms"))
    assert_series_equal(read_table(tmp_path / "t.parquet")["t"], wanted)
    stream = ParquetStream.open(tmp_path / "t.parquet")
    assert_series_equal(stream.column("t"), wanted)
    assert_series_equal(next(stream.blocks())[1]["t"], wanted)
    assert "POLARS_IGNORE_TIMEZONE_PARSE_ERROR" not in os.environ


def test_parquet_of_what_polars_does_not_read(tmp_path):
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    wide = pa.array([Decimal(1)], pa.decimal256(50, 2))
    parquet.write_table(pa.table({"t": wide}), tmp_path / "t.parquet")
    with pytest.raises(DataError, match=r"one beyond polars: precision"):
        read_table(tmp_path / "t.parquet")


def test_parquet_with_duplicate_names(tmp_path):
    pl.DataFrame({"aa": [1], "ab": [2]}).write_parquet(tmp_path / "t.parquet")
    data = (tmp_path / "t.parquet").read_bytes().replace(b"ab", b"aa")
    with pytest.raises(DataError, match="has duplicate column names"):
        read_table(write(tmp_path, "t.parquet", data))


class StandardInput:
    def __init__(self, data):
        self.buffer = io.BytesIO(data)


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", StandardInput(b"a,b\n1,x\n"))
    assert read_table("-").rows() == [(1, "x")]
    monkeypatch.setattr(sys, "stdin", StandardInput(PARQUET.getvalue()))
    with pytest.raises(DataError, match=r"standard input.*Parquet"):
        read_table("-")


@pytest.mark.skipif(not os.path.exists("/dev/fd"), reason="needs /dev/fd")
def test_pipes_of_the_shell():
    reading, writing = os.pipe()
    os.write(writing, b"a,b\n1,x\n")
    os.close(writing)
    try:
        assert read_table(f"/dev/fd/{reading}").rows() == [(1, "x")]
    finally:
        os.close(reading)
