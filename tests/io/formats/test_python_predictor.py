"""The exported Python file predicts what the model predicts, in a process that has NumPy and nothing else."""

import io
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from tests.cli.conftest import flowers, houses
from tests.io.formats.examples import INPUTS, every_layer, networks, rows
from tests.io.test_table_model import trained

from wengert import nn, train
from wengert.errors import UnsupportedFunctionError
from wengert.io.formats.portable_model import NUMBERS, PortableModel
from wengert.io.formats.python_predictor import to_python
from wengert.io.table_models import portable
from wengert.tabular.preprocess import Target

# Only NumPy may be imported; what the file imports of the standard library comes with Python.
ALONE = """
import json, runpy, sys
for name in ("wengert", "scipy", "polars", "pandas", "safetensors", "sklearn"):
    sys.modules[name] = None
path, *arguments = sys.argv[1:]
sys.argv = [path, *arguments]
if arguments:
    runpy.run_path(path, run_name="__main__")
else:
    loaded = runpy.run_path(path)
    given = json.load(sys.stdin)
    functions = [name for name in ("predict", "predict_probabilities") if name in loaded]
    print(json.dumps({name: loaded[name](given).tolist() for name in functions}))
"""


def alone(path, *arguments, given=None):
    command = [sys.executable, "-I", "-W", "error", "-c", ALONE, str(path), *map(str, arguments)]
    text = None if given is None else json.dumps(given)
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=60)


def loaded(source):
    namespace = {"__name__": "predictor"}
    exec(compile(source, "predictor.py", "exec"), namespace)
    return namespace


@settings(max_examples=25)
@given(networks(), rows())
def test_every_network_computes_the_same(net, X):
    predict = loaded(to_python(PortableModel.of_network(net, INPUTS)))["predict"]
    expected = train.predict(net, X)
    np.testing.assert_allclose(predict(X), expected, rtol=1e-5, atol=1e-6)
    assert predict(X).dtype == expected.dtype


@pytest.mark.parametrize(("net", "X"), every_layer(), ids=lambda one: type(one).__name__)
def test_every_layer(net, X):
    predict = loaded(to_python(PortableModel.of_network(net, X.shape[1])))["predict"]
    np.testing.assert_allclose(predict(X[:5]), np.asarray(net(X[:5])), rtol=1e-5, atol=1e-6)


def test_a_table_with_words_gaps_and_dates_in_a_process_of_its_own(tmp_path):
    frame = houses(300).with_columns(pl.col("built").str.to_date())
    model = trained(frame, "price")
    new = frame[:20].with_columns(district=pl.Series(["north", "Mars", None, "south"] * 5))
    expected = model.predict(new)["predicted_price"].to_numpy()
    path = tmp_path / "predictor.py"
    path.write_text(to_python(portable(model)), "utf-8")
    table = new.with_columns(pl.col("built").cast(pl.String)).to_dict(as_series=False)
    run = alone(path, given=table)
    assert run.stderr == ""
    np.testing.assert_allclose(json.loads(run.stdout)["predict"], expected, rtol=1e-6)
    new.write_csv(tmp_path / "new.csv")
    run = alone(path, tmp_path / "new.csv")
    assert run.stderr == ""
    printed = pl.read_csv(io.StringIO(run.stdout))
    assert printed.columns == ["predicted_price"]
    np.testing.assert_allclose(printed["predicted_price"], expected, rtol=1e-6)


def test_classes_in_a_process_of_its_own(tmp_path):
    frame = flowers(90, 2)
    model = trained(frame, "kind")
    (tmp_path / "predictor.py").write_text(to_python(portable(model)), "utf-8")
    run = alone(tmp_path / "predictor.py", given=frame.drop("kind").to_dict(as_series=False))
    assert run.stderr == ""
    answers = json.loads(run.stdout)
    assert answers["predict"] == model.predict(frame)["predicted_kind"].to_list()
    np.testing.assert_allclose(
        answers["predict_probabilities"], np.exp(model.log_probabilities(frame)), rtol=1e-5, atol=1e-7
    )


@pytest.mark.parametrize("activation", ["gelu", "mish", "selu"])
def test_activations_in_a_process_of_its_own(tmp_path, rng, activation):
    net = nn.Sequential(nn.Dense(3, 4, activation), nn.Dense(4, 2)).initialise(0)
    (tmp_path / "predictor.py").write_text(to_python(PortableModel.of_network(net, 3)), "utf-8")
    X = rng.normal(size=(7, 3)).astype(np.float32)
    run = alone(tmp_path / "predictor.py", given=X.tolist())
    assert run.stderr == ""
    np.testing.assert_allclose(json.loads(run.stdout)["predict"], train.predict(net, X), rtol=1e-5, atol=1e-6)
    pl.DataFrame(X, schema=["x0", "x1", "x2"]).write_csv(tmp_path / "rows.csv")
    printed = pl.read_csv(io.StringIO(alone(tmp_path / "predictor.py", tmp_path / "rows.csv").stdout))
    np.testing.assert_allclose(printed.to_numpy(), train.predict(net, X), rtol=1e-5, atol=1e-6)
    assert printed.columns == ["variable_0", "variable_1"]


def test_labels_and_one_logit(rng):
    X = rng.normal(size=(9, 3))
    net = nn.Dense(3, 2).initialise(0, np.float64)
    logits = train.predict(net, X)
    several = loaded(to_python(PortableModel.of_network(net, 3, Target("y", "multilabel", (0, 1), 0.0, 1.0))))
    assert np.array_equal(several["predict"](X), logits > 0)
    net = nn.Dense(3, 1).initialise(0, np.float64)
    one = loaded(to_python(PortableModel.of_network(net, 3, Target("y", "binary", ("no", "yes"), 0.0, 1.0))))
    probabilities = 1 / (1 + np.exp(-train.predict(net, X)[:, 0]))
    np.testing.assert_allclose(one["predict_probabilities"](X)[:, 1], probabilities, rtol=1e-12)
    assert one["predict"](X).tolist() == ["yes" if p > 0.5 else "no" for p in probabilities]


class Spread(nn.Module):
    def __call__(self, x):
        return np.broadcast_to(np.zeros(2, x.dtype), (x.shape[0], 2)) + np.reshape(x, (-1, 2))


def test_the_number_of_rows_is_not_written_in():
    source = to_python(PortableModel.of_network(Spread(), 2))
    assert "10007" not in source
    X = np.arange(6.0, dtype=np.float32).reshape(3, 2)
    assert np.array_equal(loaded(source)["predict"](X), X)


class Shared(nn.Module):
    def __call__(self, x):
        return x / x.shape[0]


def test_what_depends_on_the_number_of_rows_is_refused():
    with pytest.raises(UnsupportedFunctionError, match="depends on the number of rows"):
        to_python(PortableModel.of_network(Shared(), 2))


def test_bad_values_are_named():
    predict = loaded(to_python(portable(trained(houses(), "price"))))["predict"]
    table = houses(3).with_columns(pl.col("size").cast(pl.String)).to_dict(as_series=False)
    table["size"][1] = "huge"
    with pytest.raises(ValueError, match="column 'size', row 2: 'huge' cannot be used as a numeric value"):
        predict(table)
    table["size"][1] = "inf"
    with pytest.raises(ValueError, match="column 'size', row 2: the value is infinite"):
        predict(table)
    for wrong in (table["size"][:2], "large", 3.0, None):
        with pytest.raises(
            (ValueError, TypeError), match=r"different lengths|'size' is a list of values, one a"
        ):
            predict({**table, "size": wrong})
    for wrong in (np.zeros((3, 2)), [table], None):
        with pytest.raises(TypeError, match="a table is a data frame, or maps names of columns to lists of"):
            predict(wrong)
    del table["district"]
    with pytest.raises(ValueError, match=r"lacks the columns \['district'\]; it has \['size', "):
        predict(table)


def test_an_array_or_a_table_of_features(rng):
    net = nn.Dense(2, 1).initialise(0)
    nameless = loaded(to_python(PortableModel.of_network(net, 2)))["predict"]
    named = loaded(to_python(PortableModel(net, NUMBERS, ("b", "a"))))["predict"]
    X = rng.normal(size=(4, 2)).astype(np.float32)
    expected = train.predict(net, X)
    frame = pl.DataFrame(X, schema=["b", "a"])
    for predict, table in [
        (nameless, X),
        (nameless, X.tolist()),
        (nameless, frame),
        (nameless, pd.DataFrame(X, columns=["b", "a"])),
        (nameless, {"x1": X[:, 1], "x0": X[:, 0].tolist()}),
        (named, X),
        (named, frame.select("a", "b")),
        (named, pd.DataFrame({"a": X[:, 1], "b": X[:, 0]})),
        (named, {"a": list(map(str, X[:, 1])), "b": X[:, 0]}),
    ]:
        np.testing.assert_allclose(predict(table), expected, rtol=1e-5)
    for wrong, message in [
        ({"a": [1.0]}, r"lacks the columns \['b'\]; it has \['a'\]"),
        (frame.rename({"a": "c"}), r"lacks the columns \['a'\]; it has \['b', 'c'\]"),
        (
            {"a": [1.0], "b": ["x"]},
            "column 'b' does not hold numbers: could not convert string to float: 'x'",
        ),
        ([["x", "y"]], "X does not hold numbers"),
        ([1.0, 2.0], r"X has shape \(2,\); expected \(rows, 2\)"),
        (X[:, :1], r"X has shape \(4, 1\); expected \(rows, 2\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            named(wrong)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n3\n", "row 2 (line 3) has 1 fields, and the header has 2"),
        ("a b\n1 2\n", r"lacks the columns ['b', 'a']; it has ['a b']"),
        ("", "is empty. A table needs a header"),
        ("a,b,a\n1,2,3\n", "has more than one column named 'a'"),
        ("a,b\n1,x\n", "column 'b' does not hold numbers"),
        (b"a,b\n1,\xff\n", "line 2 has the byte 0xff"),
        (None, "No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path, text, message):
    path, table = tmp_path / "predictor.py", tmp_path / "t.csv"
    path.write_text(to_python(PortableModel(nn.Dense(2, 1).initialise(0), NUMBERS, ("b", "a"))), "utf-8")
    if text is not None:
        table.write_bytes(text if isinstance(text, bytes) else text.encode())
    run = alone(path, table)
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith(f"error: {table}")
    assert run.stderr.count("\n") == 1
    assert message in run.stderr


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators_are_found(tmp_path, separator):
    path, net = tmp_path / "predictor.py", nn.Dense(2, 1).initialise(0)
    path.write_text(to_python(PortableModel(net, NUMBERS, ("b", "a"))), "utf-8")
    pl.DataFrame({"a": [1.0], "c": ["x,;y"], "d": ["y"], "b": [2.0]}).write_csv(
        tmp_path / "t.csv", separator=separator
    )
    run = alone(path, tmp_path / "t.csv")
    assert run.stderr == ""
    expected = train.predict(net, np.array([[2.0, 1.0]], np.float32))
    np.testing.assert_allclose(float(run.stdout.splitlines()[1]), expected[0, 0], rtol=1e-5)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no head")
def test_standard_input_and_a_reader_that_goes_away(tmp_path):
    path = tmp_path / "predictor.py"
    path.write_text(to_python(PortableModel.of_network(nn.Dense(1, 1).initialise(0), 1)), "utf-8")
    (tmp_path / "t.csv").write_text("x0\n" + "0.5\n" * 200_000)
    command = f"{sys.executable} {path} - < {tmp_path / 't.csv'} | head -n 2; echo ${{PIPESTATUS[0]}}"
    run = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, timeout=60)
    assert run.stderr == ""
    assert run.stdout.splitlines()[::2] == ["variable_0", "141"]


@pytest.mark.parametrize("name", ["ki'nd", 'a"""b\\', '"""\nraise SystemExit\n"""', "{predict}", "\\"])
def test_names_from_the_table_are_never_code(tmp_path, name):
    frame = flowers().rename({"length": name + "1", "kind": name})
    frame = frame.with_columns(pl.col(name) + name)
    model = trained(frame, name)
    (tmp_path / "predictor.py").write_text(to_python(portable(model)), "utf-8")
    run = alone(tmp_path / "predictor.py", given=frame.to_dict(as_series=False))
    assert run.stderr == ""
    assert json.loads(run.stdout)["predict"] == model.predict(frame)[f"predicted_{name}"].to_list()


class Named(nn.Module):
    parts: dict[str, nn.Module]

    def __call__(self, x):
        return self.parts["a b; import os"](x)


def test_names_in_the_network_are_never_code(rng):
    net = Named({"a b; import os": nn.Dense(2, 1)}).initialise(0)
    X = rng.normal(size=(3, 2)).astype(np.float32)
    predict = loaded(to_python(PortableModel.of_network(net, 2)))["predict"]
    np.testing.assert_allclose(predict(X), train.predict(net, X), rtol=1e-5)


def test_it_reads_like_code():
    source = to_python(PortableModel.of_network(nn.Dense(4, 2, "tanh").initialise(0), 4))
    assert "def answer(W1, b1, X):" in source
    assert "np.tanh(X @ W1 + b1)" in source
    assert max(map(len, source.splitlines())) <= 110
