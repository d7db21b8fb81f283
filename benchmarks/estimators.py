"""The estimators beside scikit-learn's MLP: the same network, the same epochs, the same random states.

    python -m benchmarks.estimators [--cores 1] [--seeds 10] [--epochs 20] [--rows 4000] [--only digits]

Fit: time and score on a quarter of the rows that is held out, scikit-learn and wengert in turn. The first
fits of wengert stand by themselves: with an empty cache of machine code, and with the code in it. The bound
of a ratio is what it would be if nothing but the products took time, at the peak of multiply-adds.
Predict: one row and 100,000 rows, beside onnxruntime where it is installed. On one processor the time is the
processor's: beside other work the clock measures the neighbours. On several it is the clock's, and
scikit-learn has as many threads for its products as it is fastest with. Tables that cannot be had are named
and left out. Writes estimators.md and estimators.json, or estimators_2_cores.md and so on.
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

import numpy as np
import sklearn.neural_network as reference
from benchmarks.tables.data import TABLES, Unavailable, fashion_mnist, mnist
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

import wengert as wg
from wengert.benchmark.machine import describe_machine
from wengert.benchmark.turns import PAUSE, clock_of, interleaved
from wengert.estimators.fitting import plan
from wengert.estimators.tables import as_frame
from wengert.run import recent
from wengert.run.llvm.profile.machine_limits import machine_limits
from wengert.storage import dump_json, write_file
from wengert.tabular.columns import infer_column
from wengert.tabular.preprocess import TablePreprocessor, Target, fit_columns

Rows = tuple[np.ndarray, np.ndarray, bool]  # features, targets, whether they are classes
BUNDLED = {"digits": load_digits, "breast cancer": load_breast_cancer, "diabetes": load_diabetes}
IMAGES = {"mnist": mnist, "fashion-mnist": fashion_mnist}
SETTINGS: dict[str, dict[str, Any]] = {"batches of 200": {}, "batches of 32": {"batch_size": 32}}
DEFAULT = (*BUNDLED, "letter", "satellite", "dna", "diamonds", "ames", "mnist", "fashion-mnist")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--rows", type=int, default=4000, help="the most of a table")
    parser.add_argument("--only", default=",".join(DEFAULT))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    cores = options.cores
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    threadpool_limits(cores, "blas")
    os.environ["WENGERT_CACHE_DIR"] = ""
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
            found = fit_times(rows, {"max_iter": options.epochs, **setting}, options.seeds, cores)
            fits[f"{name}, {label}"] = found
            print(f"{name}, {label}: {found['ratio']:.3f} of scikit-learn", file=sys.stderr, flush=True)
    record = {
        "machine": describe_machine(), "cores": cores, "epochs": options.epochs, "seeds": options.seeds,
        "fit": fits, "missing": missing, "predict": predict_times(cores),
    }  # fmt: skip
    page = markdown(record)
    print(page)
    options.out.mkdir(parents=True, exist_ok=True)
    name = "estimators" if cores == 1 else f"estimators_{cores}_cores"
    write_file(options.out / f"{name}.json", dump_json(record, "the results") + b"\n")
    write_file(options.out / f"{name}.md", page.encode())


def rows_of(name: str, most: int) -> Rows:
    """Return at most `most` rows of a table as float32 features, standardised, and its targets."""
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


def fit_times(rows: Rows, options: dict[str, Any], seeds: int, cores: int) -> dict[str, Any]:
    """Return times and scores of both, over seeds that both have in common."""
    clock = clock_of(cores)
    X, y, classes = rows
    parts = train_test_split(X, y, random_state=0, stratify=y if classes else None)
    train_X, test_X, train_y, test_y = parts
    options = {"tol": 0.0, "n_iter_no_change": options["max_iter"], **options}
    name = "MLPClassifier" if classes else "MLPRegressor"

    def fit(library: Any, seed: int) -> tuple[float, float]:
        estimator = getattr(library, name)(random_state=seed, **options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if cores > 1:
                time.sleep(PAUSE)
            begin = clock()
            estimator.fit(train_X, train_y)
            seconds = clock() - begin
        return seconds, float(estimator.score(test_X, test_y))

    def by_threads(threads: int, seed: int) -> tuple[float, float]:
        with threadpool_limits(threads, "blas"):
            return fit(reference, seed)

    first, _ = fit(wg, 0)
    from_disk = first_fit_from_disk(lambda: fit(wg, 0)[0])
    settings = sorted({1, cores})
    turns = [([by_threads(count, seed) for count in settings], fit(wg, seed)) for seed in range(seeds)]
    of_settings = np.array([theirs for theirs, _ in turns])  # (seeds, settings, 2)
    fastest = int(np.median(of_settings[:, :, 0], axis=0).argmin())
    theirs, ours = of_settings[:, fastest], np.array([mine for _, mine in turns])
    differences = ours[:, 1] - theirs[:, 1]
    theirs_seconds = float(np.median(theirs[:, 0]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shapes = getattr(reference, name)(max_iter=1).fit(train_X, train_y).coefs_
    flops = options["max_iter"] * len(train_X) * flops_of_row(shapes)
    return {
        "rows": len(train_X), "features": X.shape[1], "score": "accuracy" if classes else "R²",
        "sklearn_threads": settings[fastest],
        "sklearn_seconds": theirs_seconds, "seconds": float(np.median(ours[:, 0])),
        "ratio": float(np.median(ours[:, 0] / theirs[:, 0])),
        "bound": flops / machine_limits(cores).flops[4] / theirs_seconds,
        "first_seconds": first, "first_ratio": first / theirs_seconds,
        "first_from_disk_seconds": from_disk,
        "sklearn_score": float(theirs[:, 1].mean()), "mean_score": float(ours[:, 1].mean()),
        "mean_difference": float(differences.mean()), "largest_difference": float(np.abs(differences).max()),
    }  # fmt: skip


def flops_of_row(weights: list[np.ndarray]) -> int:
    """Return what the products of a step do for each row: three a layer, but no ∂L/∂X of the first."""
    return 2 * (3 * sum(weight.size for weight in weights) - weights[0].size)


def first_fit_from_disk(fit: Callable[[], float]) -> float:
    """Return how long a first fit takes whose machine code lies in the cache on disk."""
    with tempfile.TemporaryDirectory() as directory:
        os.environ["WENGERT_CACHE_DIR"] = directory
        try:
            for _ in range(2):
                recent._known.clear()
                plan._training_step.cache_clear()
                seconds = fit()
        finally:
            os.environ["WENGERT_CACHE_DIR"] = ""
    return seconds


def predict_times(cores: int) -> dict[str, Any]:
    """Return how long predicting one row and 100,000 rows of the digits takes."""
    X, y, _ = rows_of("digits", 4000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = wg.MLPClassifier(random_state=0, max_iter=20).fit(X, y)
        theirs = reference.MLPClassifier(random_state=0, max_iter=20).fit(X, y)
    functions = {"wengert": ours.predict_proba, "scikit-learn": theirs.predict_proba}
    session = onnx_session(ours, cores)
    if session is not None:
        functions["onnxruntime"] = lambda X: session.run(["probabilities"], {"X": X})[0]
    many = np.tile(X, (-(-100_000 // len(X)), 1))[:100_000]
    for predict in functions.values():
        np.testing.assert_allclose(predict(X), ours.predict_proba(X), atol=1e-5)
    found = {}
    for count, batch, repetitions in ((1, X[:1], 300), (100_000, many, 1)):
        turns = {
            name: functools.partial(
                seconds_of, clock_of(cores), functools.partial(predict, batch), repetitions
            )
            for name, predict in functions.items()
        }
        times = interleaved(turns, 9, cores)
        found[str(count)] = {name: float(np.median(values)) for name, values in times.items()}
    return found


def seconds_of(clock: Callable[[], float], call: Callable[[], object], repetitions: int) -> float:
    """Return how long a call takes."""
    call()
    begin = clock()
    for _ in range(repetitions):
        call()
    return (clock() - begin) / repetitions


def onnx_session(estimator: Any, threads: int) -> Any:
    """Return a session of onnxruntime, or None where it is not installed."""
    try:
        import onnxruntime
    except ImportError:
        return None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    with tempfile.TemporaryDirectory() as directory:
        estimator.to_onnx(Path(directory) / "model.onnx")
        return onnxruntime.InferenceSession(Path(directory) / "model.onnx", options)


def geometric_mean(values: list[float]) -> float:
    return float(np.exp(np.mean(np.log(values))))


def markdown(record: dict[str, Any]) -> str:
    """Return the results as a page for people."""
    fits = record["fit"]
    timed = "one processor, processor time" if record["cores"] == 1 else f"{record['cores']} processors"
    lines = [
        "# Estimators beside scikit-learn's MLP", "",
        f"{', '.join(f'{key}: {value}' for key, value in record['machine'].items())}; {timed}. "
        f"One hidden layer of 100 units, Adam, {record['epochs']} epochs, float32; "
        f"{record['seeds']} seeds, median time.", "",
        "| table, setting | rows | features | scikit-learn, s | wengert, s | ratio | bound | "
        "first fit, s | its code on disk, s | score | score difference (largest) |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]  # fmt: skip
    for name, row in fits.items():
        lines.append(
            f"| {name} | {row['rows']} | {row['features']} | {row['sklearn_seconds']:.3f} | "
            f"{row['seconds']:.4f} | {row['ratio']:.3f} | {row['bound']:.3f} | "
            f"{row['first_seconds']:.2f} | {row['first_from_disk_seconds']:.3f} | "
            f"{row['score']} {row['mean_score']:.4f} | {row['mean_difference']:+.5f} "
            f"({row['largest_difference']:.5f}) |"
        )
    if fits:
        lines.append("")
        for label in SETTINGS:
            rows = [row for name, row in fits.items() if name.endswith(label)]
            mean = geometric_mean([row["ratio"] for row in rows])
            bound = geometric_mean([row["bound"] for row in rows])
            first = geometric_mean([row["first_ratio"] for row in rows])
            lines.append(
                f"Geometric mean, {label}: {mean:.3f} (bound {bound:.3f}); "
                f"first fits, with compilation: {first:.2f}."
            )
    lines += [f"Left out: {name} ({reason})." for name, reason in record["missing"].items()]
    lines += ["", "| predict, digits | " + " | ".join(record["predict"]["1"]) + " |"]
    lines.append("|---|" + "--:|" * len(record["predict"]["1"]))
    for count, times in record["predict"].items():
        cells = " | ".join(f"{seconds * 1e6:,.0f} µs" for seconds in times.values())
        lines.append(f"| {int(count):,} row{'s' if count != '1' else ''} | {cells} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
