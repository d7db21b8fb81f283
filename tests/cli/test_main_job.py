"""The command as people run it: a process of its own on real files, pipes and signals."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.cli.conftest import flowers, houses

pytestmark = pytest.mark.usefixtures("_machine_code_is_shared")

DIGITS = Path(__file__).parents[2] / "examples" / "digits.csv"
WENGERT = (sys.executable, "-m", "wengert")


def start(*arguments, **options):
    return subprocess.Popen(
        [*WENGERT, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def wengert(*arguments, cwd, text=None, code=0):
    stdin = subprocess.DEVNULL if text is None else subprocess.PIPE
    with start(*arguments, cwd=cwd, stdin=stdin) as process:
        out, err = process.communicate(text, timeout=120)
    assert process.returncode == code, err
    return out, err


def test_the_main_job(tmp_path):
    """Digits, as in the README: train, and predict with what was saved."""
    out, err = wengert("train", DIGITS, "--target", "digit", "--json", "--quiet", cwd=tmp_path)
    assert err == ""
    outcome = json.loads(out)
    assert outcome["scores"]["accuracy"] >= 0.97
    assert outcome["rows"] == {"all": 1797, "training": 1438, "validation": 0, "held_out": 359}
    assert outcome["model"] == "digits-model"
    table = pl.read_csv(DIGITS)
    out, _ = wengert("predict", "digits-model", "-", cwd=tmp_path, text=table.drop("digit").write_csv())
    predicted = pl.read_csv(out.encode())["predicted_digit"]
    assert (predicted == table["digit"]).mean() > 0.98


def test_numbers_from_tsv_by_way_of_pipes(tmp_path):
    """Missing values, words, booleans, dates; then a table with columns in another order and unseen words."""
    text = houses(300).write_csv(separator="\t")
    out, err = wengert("train", "-", "--target", "price", "--epochs", 30, cwd=tmp_path, text=text)
    assert "Target price: regression" in out
    assert "wengert predict table-model" in out
    assert "\x1b" not in out + err
    new = houses(5).select(reversed(houses(5).columns)).drop("price").with_columns(district=pl.lit("Mars"))
    csv = new.write_csv()
    out, _ = wengert("predict", "table-model", "-", cwd=tmp_path, text=csv)
    prices = pl.read_csv(out.encode())["predicted_price"]
    assert len(prices) == 5
    assert prices.is_finite().all()


def test_parquet_and_a_configuration_file(tmp_path):
    flowers(150).write_parquet(tmp_path / "flowers.parquet")
    (tmp_path / "train.toml").write_text('target = "kind"\nhidden = [8]\nepochs = 200\n', "utf-8")
    arguments = (
        "flowers.parquet",
        "--config",
        "train.toml",
        "--epochs",
        3,
        "--out",
        "models/first",
        "--quiet",
    )
    assert wengert("train", *arguments, cwd=tmp_path) == ("", "")
    out, _ = wengert("predict", "models/first", "flowers.parquet", "--probabilities", cwd=tmp_path)
    table = pl.read_csv(out.encode())
    assert table.columns == ["predicted_kind", "probability_lily", "probability_rose", "probability_tulip"]
    np.testing.assert_allclose(table.drop("predicted_kind").sum_horizontal().to_numpy(), 1)
    most = table.drop("predicted_kind").to_numpy().argmax(axis=1)
    assert [("lily", "rose", "tulip")[index] for index in most] == table["predicted_kind"].to_list()
    assert json.loads((tmp_path / "models/first/config.json").read_text("utf-8"))["training"]["epochs"] == 3


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal for another process")
@pytest.mark.parametrize("scoring", [(), ("--cv", "3")])
def test_ctrl_c_saves_the_best_weights(tmp_path, scoring):
    flowers(300).write_csv(tmp_path / "flowers.csv")
    # No more than 20 epochs can be run without improvement, so a learning rate that goes on improving slowly.
    slow = ("--learning-rate", "1e-7", "--epochs", 10**6, "--l2", 0, "--preset", "plain")
    with start(
        "train", "flowers.csv", "--target", "kind", "--json", *slow, *scoring, cwd=tmp_path
    ) as process:
        assert "epoch" in process.stderr.readline()  # it is at work
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    outcome = json.loads(out)
    assert outcome["interrupted"] is True
    assert outcome["stopped"] == "interrupted"
    wengert("predict", "flowers-model", "flowers.csv", cwd=tmp_path)


def test_a_reader_that_goes_away(tmp_path):
    flowers(150).write_csv(tmp_path / "flowers.csv")
    quick = ("--epochs", 2, "--quiet", "--out", "model")
    wengert("train", "flowers.csv", "--target", "kind", *quick, cwd=tmp_path)
    rows = "length,width\n" + "0.1,0.2\n" * 40_000  # more than a pipe holds
    (tmp_path / "many.csv").write_text(rows)
    with start("predict", "model", "many.csv", cwd=tmp_path) as process:
        assert process.stdout.readline() == "predicted_kind\n"
        process.stdout.close()
        assert process.wait(60) == 141
        assert process.stderr.read() == ""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no broken pipes")
@pytest.mark.parametrize("arguments", [("--help",), ("inspect", DIGITS), ("explain", "x**2"), ("train",)])
def test_a_reader_that_never_came(tmp_path, arguments):
    if arguments == ("train",):
        arguments = ("train", DIGITS, "--target", "digit", "--epochs", 1)
    reading, writing = os.pipe()
    os.close(reading)
    run = subprocess.run(
        [*WENGERT, *map(str, arguments)], stdout=writing, stderr=subprocess.PIPE, cwd=tmp_path, check=False
    )
    os.close(writing)
    assert (run.returncode, run.stderr) == (141, b"")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no broken pipes")
def test_training_needs_nobody_who_reads_its_messages(tmp_path):
    flowers(300).write_csv(tmp_path / "flowers.csv")
    reading, writing = os.pipe()
    os.close(reading)
    run = subprocess.run(
        [
            *(*WENGERT, "train", "flowers.csv", "--target", "kind", "--out", "model"),
            *("--epochs", "10000", "--preset", "plain", "--time-limit", "3"),
        ],
        stdout=subprocess.PIPE, stderr=writing, cwd=tmp_path, check=False,
    )  # fmt: skip
    os.close(writing)
    assert run.returncode == 0
    wengert("inspect", "model", cwd=tmp_path)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full, where nothing can be written")
def test_a_disk_without_room_for_the_output(tmp_path):
    with open("/dev/full", "w") as full:
        run = subprocess.run(
            [*WENGERT, "explain", "x**2"], stdout=full, stderr=subprocess.PIPE, cwd=tmp_path, check=False
        )
    expected = b"error: the output could not be written: No space left on device.\n"
    assert (run.returncode, run.stderr) == (2, expected)


@pytest.mark.skipif(os.name == "nt", reason="needs a shell of POSIX")
def test_a_closed_output_is_no_bug(tmp_path):
    run = subprocess.run(
        ["sh", "-c", '"$0" -m wengert explain "x**2" >&-', sys.executable],
        stderr=subprocess.PIPE, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (0, b"")


def test_a_disk_that_is_really_full(tmp_path):
    """RLIMIT_FSIZE makes the kernel itself refuse, after part of the file was written."""
    resource = pytest.importorskip("resource")
    flowers(150).write_csv(tmp_path / "flowers.csv")
    train = ("train", "flowers.csv", "--target", "kind", "--epochs", 2, "--quiet", "--out", "model")
    wengert(*train, cwd=tmp_path)
    before = {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()}

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))

    with start(
        *train, "--seed", 1, cwd=tmp_path, preexec_fn=limit, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    ) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert err.startswith(
        "error: model could not be written; what stood there before is unchanged: File too large"
    )
    assert {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()} == before


def test_help_and_version_load_nothing_heavy(tmp_path):
    code = (
        "import sys; from wengert.cli import main; code = main(sys.argv[1:]); "
        "print(*{'polars', 'scipy'} & set(sys.modules), file=sys.stderr); sys.exit(code)"
    )
    for arguments, expected in (
        (["--help"], "train "),
        (["train", "--help"], "--target"),
        (["--version"], "0."),
    ):
        run = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
        )
        assert expected in run.stdout
        assert run.stderr == "\n"
