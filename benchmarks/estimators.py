"""The estimators beside scikit-learn's MLP: the same network, the same epochs, the same random states.

    python -m benchmarks.estimators [--seeds 10] [--epochs 20] [--rows 4000] [--only digits,letter]

Fit: time and score on a quarter of the rows that is held out, scikit-learn and wengert in turn; the first fit
of wengert in the process, with an empty cache of machine code, stands by itself. Predict: one row and
100,000 rows, beside onnxruntime where it is installed. Everything runs on one processor, and time is the
processor's: beside other work the clock measures the neighbours. Tables that cannot be had are named and left
out. Writes estimators.md and estimators.json.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["WENGERT_CACHE_DIR"] = ""

import numpy as np
import sklearn.neural_network as reference
from benchmarks.table_data import TABLES, Unavailable, fashion_mnist, mnist
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import wengert as wg
from wengert.benchmark.machine import describe_machine
from wengert.benchmark.turns import interleaved
from wengert.estimators.tables import as_frame
from wengert.io.columns import infer_column
from wengert.io.preprocess import TablePreprocessor, Target, fit_columns
from wengert.storage import dump_json, write_file

Rows = tuple[np.ndarray, np.ndarray, bool]  # features, targets, whether they are classes
BUNDLED = {"digits": load_digits, "breast cancer": load_breast_cancer, "diabetes": load_diabetes}
IMAGES = {"mnist": mnist, "fashion-mnist": fashion_mnist}
SETTINGS: dict[str, dict[str, Any]] = {"batches of 200": {}, "batches of 32": {"batch_size": 32}}
DEFAULT = (*BUNDLED, "letter", "satellite", "dna", "diamonds", "ames", "fashion-mnist")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--rows", type=int, default=4000, help="the most of a table")
    parser.add_argument("--only", default=",".join(DEFAULT))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    fits: dict[str, Any] = {}
    missing: dict[str, str] = {}
    for name in options.only.split(","):
        try:
            rows = rows_of(name, options.rows)
        except Unavailable as error:
            missing[name] = str(error)
            print(f"{name}: left out, {error}", file=sys.stderr)
            continue
        for label, setting in SETTINGS.items():
            found = fit_times(rows, {"max_iter": options.epochs, **setting}, options.seeds)
            fits[f"{name}, {label}"] = found
            print(f"{name}, {label}: {found['ratio']:.3f} of scikit-learn", file=sys.stderr, flush=True)
    record = {
        "machine": describe_machine(), "epochs": options.epochs, "seeds": options.seeds, "fit": fits,
        "missing": missing, "predict": predict_times(),
    }  # fmt: skip
    page = markdown(record)
    print(page)
    options.out.mkdir(parents=True, exist_ok=True)
    write_file(options.out / "estimators.json", dump_json(record, "the results") + b"\n")
    write_file(options.out / "estimators.md", page.encode())


def rows_of(name: str, most: int) -> Rows:
    """Return at most so many rows of a table as float32 features, standardised, and its targets."""
    rng = np.random.default_rng(0)
    if name in BUNDLED:
        X, y = BUNDLED[name](return_X_y=True)
        X = StandardScaler().fit_transform(X).astype(np.float32)
        classes = name != "diabetes"
    elif name in IMAGES:
        X, y, _, _ = IMAGES[name]()
        classes = True
    else:
        source = TABLES[name]
        frame = source.table()
        frame = frame.sample(min(most, frame.height), seed=0)
        columns = [infer_column(column) for column in frame.drop(source.target)]
        encoders = fit_columns(frame, columns)
        X = TablePreprocessor(encoders, Target("", "regression", (), 0.0, 1.0)).transform(as_frame(frame))
        y = frame[source.target].to_numpy()
        classes = y.dtype.kind not in "f"
    chosen = rng.permutation(len(X))[:most]
    X, y = X[chosen], y[chosen]
    if classes:
        return X, np.unique(y.astype(str), return_inverse=True)[1], True
    return X, ((y - y.mean()) / y.std()).astype(np.float32), False


def fit_times(rows: Rows, options: dict[str, Any], seeds: int) -> dict[str, Any]:
    """Return processor times and scores of both, over seeds that both have in common."""
    X, y, classes = rows
    parts = train_test_split(X, y, random_state=0, stratify=y if classes else None)
    train_X, test_X, train_y, test_y = parts
    options = {"tol": 0.0, "n_iter_no_change": options["max_iter"], **options}
    name = "MLPClassifier" if classes else "MLPRegressor"

    def fit(library: Any, seed: int) -> tuple[float, float]:
        estimator = getattr(library, name)(random_state=seed, **options)
        begin = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            estimator.fit(train_X, train_y)
        return time.process_time() - begin, float(estimator.score(test_X, test_y))

    first, _ = fit(wg, 0)
    pairs = [(fit(reference, seed), fit(wg, seed)) for seed in range(seeds)]
    theirs, ours = (np.array(side) for side in zip(*pairs, strict=True))
    differences = ours[:, 1] - theirs[:, 1]
    return {
        "rows": len(train_X), "features": X.shape[1], "score": "accuracy" if classes else "R²",
        "sklearn_seconds": float(np.median(theirs[:, 0])), "seconds": float(np.median(ours[:, 0])),
        "ratio": float(np.median(ours[:, 0] / theirs[:, 0])),
        "first_seconds": first, "first_ratio": first / float(np.median(theirs[:, 0])),
        "sklearn_score": float(theirs[:, 1].mean()), "mean_score": float(ours[:, 1].mean()),
        "mean_difference": float(differences.mean()), "largest_difference": float(np.abs(differences).max()),
    }  # fmt: skip


def predict_times() -> dict[str, Any]:
    """Return the processor time of predicting one row and 100,000 rows of the digits."""
    X, y, _ = rows_of("digits", 4000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = wg.MLPClassifier(random_state=0, max_iter=20).fit(X, y)
        theirs = reference.MLPClassifier(random_state=0, max_iter=20).fit(X, y)
    functions = {"wengert": ours.predict_proba, "scikit-learn": theirs.predict_proba}
    session = onnx_session(ours)
    if session is not None:
        functions["onnxruntime"] = lambda X: session.run(["probabilities"], {"X": X})[0]
    many = np.tile(X, (-(-100_000 // len(X)), 1))[:100_000]
    for predict in functions.values():
        np.testing.assert_allclose(predict(X), ours.predict_proba(X), atol=1e-5)
    found = {}
    for count, batch, repetitions in ((1, X[:1], 300), (100_000, many, 1)):
        turns = {
            name: functools.partial(seconds_of, functools.partial(predict, batch), repetitions)
            for name, predict in functions.items()
        }
        times = interleaved(turns, 9)
        found[str(count)] = {name: float(np.median(values)) for name, values in times.items()}
    return found


def seconds_of(call: Callable[[], object], repetitions: int) -> float:
    """Return the processor time of a call."""
    call()
    begin = time.process_time()
    for _ in range(repetitions):
        call()
    return (time.process_time() - begin) / repetitions


def onnx_session(estimator: Any) -> Any:
    """Return a session of onnxruntime on one thread, or None where it is not installed."""
    try:
        import onnxruntime
    except ImportError:
        return None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    with tempfile.TemporaryDirectory() as directory:
        estimator.to_onnx(Path(directory) / "model.onnx")
        return onnxruntime.InferenceSession(Path(directory) / "model.onnx", options)


def geometric_mean(values: list[float]) -> float:
    return float(np.exp(np.mean(np.log(values))))


def markdown(record: dict[str, Any]) -> str:
    """Return the results as a page for people."""
    fits = record["fit"]
    lines = [
        "# Estimators beside scikit-learn's MLP", "",
        f"{', '.join(f'{key}: {value}' for key, value in record['machine'].items())}; one processor, "
        f"processor time. One hidden layer of 100 units, Adam, {record['epochs']} epochs, float32; "
        f"{record['seeds']} seeds, median time.", "",
        "| table, setting | rows | features | scikit-learn, s | wengert, s | ratio | first fit, s | score | "
        "score difference (largest) |", "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]  # fmt: skip
    for name, row in fits.items():
        lines.append(
            f"| {name} | {row['rows']} | {row['features']} | {row['sklearn_seconds']:.3f} | "
            f"{row['seconds']:.4f} | {row['ratio']:.3f} | {row['first_seconds']:.2f} | "
            f"{row['score']} {row['mean_score']:.4f} | {row['mean_difference']:+.5f} "
            f"({row['largest_difference']:.5f}) |"
        )
    if fits:
        lines.append("")
        for label in SETTINGS:
            rows = [row for name, row in fits.items() if name.endswith(label)]
            mean = geometric_mean([row["ratio"] for row in rows])
            first = geometric_mean([row["first_ratio"] for row in rows])
            lines.append(f"Geometric mean, {label}: {mean:.3f}; first fits, with compilation: {first:.2f}.")
    lines += [f"Left out: {name} ({reason})." for name, reason in record["missing"].items()]
    lines += ["", "| predict, digits | " + " | ".join(record["predict"]["1"]) + " |"]
    lines.append("|---|" + "--:|" * len(record["predict"]["1"]))
    for count, times in record["predict"].items():
        cells = " | ".join(f"{seconds * 1e6:,.0f} µs" for seconds in times.values())
        lines.append(f"| {int(count):,} row{'s' if count != '1' else ''} | {cells} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
