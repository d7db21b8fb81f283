"""`wengert train` on real tables, beside scikit-learn's MLP and gradient boosting, all with their defaults.

    python -m benchmarks.tables [--rows 3000] [--folds 5] [--first 5] [--only letter,ames] [--add]
    python -m benchmarks.tables --development [--rows 1500] [--folds 3]
    python -m benchmarks.tables --ablations [--rows 1500] [--folds 3]
    python -m benchmarks.tables --images

The first of some folds of cross-validation, the same for all; tables of more rows are sampled. Writes
tables.md and tables.json. The defaults of the preset were chosen on other tables, which --development takes;
on those, --ablations leaves out one of its parts after the other. With --images: MNIST and Fashion-MNIST,
scikit-learn's MLP and wengert's with the same network and epochs.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.tables.data import DEVELOPMENT, TABLES, Source, Unavailable, fashion_mnist, mnist
from benchmarks.tables.models import ABLATIONS, CANDIDATES, Candidate
from benchmarks.tables.results import machine_line, mean_ranks, page

from wengert.benchmark.machine import describe_machine
from wengert.storage import dump_json, write_file
from wengert.tabular.scoring.metrics import calibration
from wengert.tabular.training_table import TrainingTable

Scores = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.tables",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--first", type=int, help="how many of the folds to go through; all by default")
    parser.add_argument("--only")
    parser.add_argument("--development", action="store_true", help="the tables that defaults are chosen on")
    parser.add_argument("--ablations", action="store_true", help="the preset without its parts, on those")
    parser.add_argument("--candidates")
    parser.add_argument("--add", action="store_true", help="keep what else is in the results already")
    parser.add_argument("--images", action="store_true")
    parser.add_argument("--epochs", type=int, default=10, help="of the images")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "results")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    machine = describe_machine()
    if options.images:
        found = images(options.epochs)
        write(options.out / "images", {"machine": machine, "images": found}, images_page(machine, found))
        return
    development = options.development or options.ablations
    sources, known = DEVELOPMENT if development else TABLES, ABLATIONS if options.ablations else CANDIDATES
    name = "tables_ablations" if options.ablations else "tables_development" if development else "tables"
    stem, taken = options.out / name, options.first or options.folds
    results: dict[str, Any] = {}
    if options.add:
        before = json.loads(stem.with_suffix(".json").read_text())
        if (before["rows"], before["folds"], before["taken"]) != (options.rows, options.folds, taken):
            parser.error("--add: the results that are there were made with other --rows, --folds or --first")
        results = before["tables"]
    missing: dict[str, str] = {}
    candidates = known
    if options.candidates:
        candidates = {name: known[name] for name in options.candidates.split(",")}
    for name in options.only.split(",") if options.only else sources:
        try:
            found = table_scores(sources[name], options.rows, (options.folds, taken), candidates, name)
        except Unavailable as error:
            missing[name] = str(error)
            print(f"{name}: left out, {error}", file=sys.stderr)
            continue
        found["scores"] = results.get(name, {"scores": {}})["scores"] | found["scores"]
        results[name] = found
        record = {
            "machine": machine, "development": development, "rows": options.rows, "taken": taken,
            "folds": options.folds, "tables": results, "missing": missing, "mean_rank": mean_ranks(results),
        }  # fmt: skip
        write(stem, record, page(record))


def table_scores(
    source: Source, most: int, folds: tuple[int, int], candidates: dict[str, Candidate], name: str
) -> dict[str, Any]:
    """Return the scores of all candidates on one table: mean and deviation over the first of some folds."""
    frame = source.table()
    whole = frame.height
    if whole > most:
        frame = frame.sample(most, seed=0)
    table = TrainingTable.infer(frame, source.target)
    each: dict[str, list[Scores]] = {candidate: [] for candidate in candidates}
    count, taken = folds
    for kept, held in table.folds(count, seed=0)[:taken]:
        for candidate, fit in candidates.items():
            wall, processor = time.perf_counter(), time.process_time()
            predict = fit(table, kept)
            wall, processor = time.perf_counter() - wall, time.process_time() - processor
            begin = time.process_time()
            predicted = predict(held)
            predicting = time.process_time() - begin
            scores = score(table, held, predicted)
            scores |= {
                "seconds": wall, "processor_seconds": processor, "prediction_processor_seconds": predicting
            }  # fmt: skip
            each[candidate].append(scores)
            described = ", ".join(f"{key} {value:.4g}" for key, value in scores.items())
            print(f"{name} · {candidate}: {described}", file=sys.stderr, flush=True)
    summary = {
        candidate: {
            key: {"mean": float(np.mean(values)), "deviation": float(np.std(values))}
            for key in scores[0]
            if (values := [one[key] for one in scores])
        }
        for candidate, scores in each.items()
    }
    return {
        "rows": whole,
        "rows_used": frame.height,
        "columns": sum(column.kind != "dropped" for column in table.columns),
        "task": table.task.kind,
        "classes": len(table.task.classes),
        "scores": summary,
    }


def score(table: TrainingTable, held: np.ndarray, predicted: np.ndarray) -> Scores:
    """Score probabilities of classes or numbers by scikit-learn's metrics."""
    from sklearn.metrics import log_loss, r2_score, roc_auc_score

    target = table.frame[held][table.target]
    if table.task.kind == "regression":
        actual = target.to_numpy().astype(np.float64)
        error = float(np.sqrt(np.mean((actual - predicted) ** 2)))
        return {"rmse": error, "r2": float(r2_score(actual, predicted))}
    places = {str(known): place for place, known in enumerate(table.task.classes)}
    actual = np.array([places[str(value)] for value in target.to_list()])
    labels = np.arange(len(places))
    shares = np.clip(predicted, 1e-15, 1)
    shares /= shares.sum(axis=1, keepdims=True)
    scores = {
        "accuracy": float(np.mean(predicted.argmax(axis=1) == actual)),
        "log_loss": float(log_loss(actual, shares, labels=labels)),
        "calibration_error": calibration(shares.max(axis=1), shares.argmax(axis=1) == actual)[1],
    }
    if len(labels) == 2:
        scores["auc"] = float(roc_auc_score(actual, shares[:, 1]))
    return scores


def images(epochs: int) -> dict[str, Any]:
    """Fit scikit-learn's MLP and wengert's with the same network for the same epochs; one thread each."""
    import sklearn.neural_network as peers

    from wengert import estimators

    found: dict[str, Any] = {}
    loaders: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
        "MNIST": (mnist, (128,)),
        "Fashion-MNIST": (fashion_mnist, (256, 128)),
    }
    for name, (load, hidden) in loaders.items():
        try:
            X, y, X_test, y_test = load()
        except Unavailable as error:
            found[name] = {"missing": str(error)}
            continue
        options = {"hidden_layer_sizes": hidden, "batch_size": 128, "max_iter": epochs, "random_state": 0}
        found[name] = {"hidden": list(hidden), "epochs": epochs}
        for who, module in (("wengert", estimators), ("scikit-learn", peers)):
            import warnings

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # neither converges in so few epochs
                wall, processor = time.perf_counter(), time.process_time()
                model = module.MLPClassifier(**options).fit(X, y)
                wall, processor = time.perf_counter() - wall, time.process_time() - processor
            accuracy = float(np.mean(model.predict(X_test) == y_test))
            found[name][who] = {"accuracy": accuracy, "seconds": wall, "processor_seconds": processor}
            print(f"{name} · {who}: {found[name][who]}", file=sys.stderr, flush=True)
    return found


def images_page(machine: dict[str, str], found: dict[str, Any]) -> str:
    """Return the results on images as Markdown."""
    lines = []
    for name, result in found.items():
        if "missing" in result:
            lines.append(f"| {name} | missing: {result['missing']} | | | |")
            continue
        ours, theirs = result["wengert"], result["scikit-learn"]
        ratio = ours["processor_seconds"] / theirs["processor_seconds"]
        network = "-".join(map(str, [784, *result["hidden"], 10]))
        lines.append(
            f"| {name}, {network}, {result['epochs']} epochs | {ours['accuracy']:.4f} "
            f"| {theirs['accuracy']:.4f} | {ours['processor_seconds']:.1f} s "
            f"| {theirs['processor_seconds']:.1f} s ({ratio:.2f}) |"
        )
    head = "| data | accuracy, wengert | scikit-learn | processor time, wengert | scikit-learn (ratio) |"
    return f"# Images\n\n{machine_line(machine)}\n\n{head}\n|---|---|---|---|---|\n" + "\n".join(lines) + "\n"


def write(stem: Path, record: dict[str, Any], text: str) -> None:
    """Write the results as JSON and Markdown."""
    write_file(stem.with_suffix(".json"), dump_json(record, "the results", indent=1))
    write_file(stem.with_suffix(".md"), text.encode())


if __name__ == "__main__":
    main()
