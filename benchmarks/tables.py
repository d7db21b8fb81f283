"""The presets of `wengert train` on real tables, beside scikit-learn's MLP and gradient boosting.

    python -m benchmarks.tables [--rows 3000] [--folds 5] [--only letter,ames] [--add]
    python -m benchmarks.tables --development [--rows 1500] [--folds 3]
    python -m benchmarks.tables --images

Five-fold cross-validation with the same folds for all; tables of more rows are sampled. Writes tables.md and
tables.json. The defaults of the preset were chosen on other tables, which --development takes. With --images:
MNIST and Fashion-MNIST, scikit-learn's MLP and wengert's with the same network and epochs.
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
from benchmarks.table_data import DEVELOPMENT, TABLES, Source, Unavailable, fashion_mnist, mnist
from benchmarks.table_models import CANDIDATES, Candidate

from wengert.benchmark.machine import describe_machine
from wengert.storage import dump_json, write_file
from wengert.tabular.training_table import TrainingTable

Scores = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--only")
    parser.add_argument("--development", action="store_true", help="the tables that defaults are chosen on")
    parser.add_argument("--candidates", default=",".join(CANDIDATES))
    parser.add_argument("--add", action="store_true", help="keep the tables that are in the results already")
    parser.add_argument("--images", action="store_true")
    parser.add_argument("--epochs", type=int, default=10, help="of the images")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    machine = describe_machine()
    if options.images:
        found = images(options.epochs)
        write(options.out / "images", {"machine": machine, "images": found}, images_page(machine, found))
        return
    sources = DEVELOPMENT if options.development else TABLES
    stem = options.out / ("tables_development" if options.development else "tables")
    results: dict[str, Any] = {}
    if options.add:
        before = json.loads(stem.with_suffix(".json").read_text())
        if (before["rows"], before["folds"]) != (options.rows, options.folds):
            parser.error("--add: the results that are there were made with other --rows or --folds")
        results = before["tables"]
    missing: dict[str, str] = {}
    candidates = {name: CANDIDATES[name] for name in options.candidates.split(",")}
    for name in options.only.split(",") if options.only else sources:
        try:
            results[name] = table_scores(sources[name], options.rows, options.folds, candidates, name)
        except Unavailable as error:
            missing[name] = str(error)
            print(f"{name}: left out, {error}", file=sys.stderr)
            continue
        record = {
            "machine": machine, "development": options.development, "rows": options.rows,
            "folds": options.folds, "tables": results, "missing": missing, "mean_rank": mean_ranks(results),
        }  # fmt: skip
        write(stem, record, page(record))


def table_scores(
    source: Source, most: int, folds: int, candidates: dict[str, Candidate], name: str
) -> dict[str, Any]:
    """Return the scores of all candidates on one table: each with its mean and deviation over the folds."""
    frame = source.table()
    whole = frame.height
    if whole > most:
        frame = frame.sample(most, seed=0)
    table = TrainingTable.infer(frame, source.target)
    each: dict[str, list[Scores]] = {candidate: [] for candidate in candidates}
    for kept, held in table.folds(folds, seed=0):
        for candidate, fit in candidates.items():
            wall, processor = time.perf_counter(), time.process_time()
            predict = fit(table, kept)
            wall, processor = time.perf_counter() - wall, time.process_time() - processor
            scores = score(table, held, predict(held)) | {"seconds": wall, "processor_seconds": processor}
            each[candidate].append(scores)
            told = ", ".join(f"{key} {value:.4g}" for key, value in scores.items())
            print(f"{name} · {candidate}: {told}", file=sys.stderr, flush=True)
    summary = {
        candidate: {
            key: {"mean": float(np.mean(values)), "deviation": float(np.std(values, ddof=1))}
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
    }
    if len(labels) == 2:
        scores["auc"] = float(roc_auc_score(actual, shares[:, 1]))
    return scores


def main_score(result: dict[str, Any], candidate: str) -> float:
    """Return what candidates are ranked by, the larger the better: accuracy, or R²."""
    key = "r2" if result["task"] == "regression" else "accuracy"
    return float(result["scores"][candidate][key]["mean"])


def mean_ranks(results: dict[str, Any]) -> dict[str, float]:
    """Return the mean rank of each candidate over the tables; equal scores share their ranks."""
    from scipy.stats import rankdata

    names = list(next(iter(results.values()))["scores"])
    ranks = [rankdata([-main_score(result, name) for name in names]) for result in results.values()]
    return dict(zip(names, np.mean(ranks, axis=0).tolist(), strict=True))


def page(record: dict[str, Any]) -> str:
    """Return the results as Markdown."""
    results = record["tables"]
    names = [name for name in CANDIDATES if name in record["mean_rank"]]
    head = f"| table | rows × columns | {' | '.join(names)} |\n|---|---|{'---|' * len(names)}"
    lines, seconds = [], []
    for table, result in results.items():
        best = max(main_score(result, name) for name in names)
        what = "R²" if result["task"] == "regression" else f"accuracy, {result['classes']} classes"
        used = f" (of {result['rows']:,})" if result["rows"] > result["rows_used"] else ""
        shape = f"{result['rows_used']:,}{used} × {result['columns']}"
        cells = [_cell(main_score(result, name), best) for name in names]
        lines.append(f"| {table} ({what}) | {shape} | {' | '.join(cells)} |")
        times = [f"{result['scores'][name]['processor_seconds']['mean']:.1f}" for name in names]
        seconds.append(f"| {table} | {' | '.join(times)} |")
    ranks = " | ".join(f"{record['mean_rank'][name]:.2f}" for name in names)
    ours, theirs = "wengert tabular", "scikit-learn MLP"
    compared = list(results.values()) if {ours, theirs} <= set(names) else []
    beaten = sum(main_score(result, ours) > main_score(result, theirs) for result in compared)
    missing = "".join(f"\n- {name} is missing: {why}" for name, why in record["missing"].items())
    return (
        f"# Tables\n\n{_machine(record['machine'])}\n\n"
        f"Mean over {record['folds']} folds, the same for all; at most {record['rows']:,} rows, drawn at "
        f"random. {_origin(record)}\n\n"
        f"{head}\n" + "\n".join(lines) + f"\n| **mean rank** | | {ranks} |\n\n"
        f"{ours} scores above scikit-learn's MLP on {beaten} of {len(compared)} tables.{missing}\n\n"
        "The settings of each are in `benchmarks/table_models.py`. Accuracy is also what label smoothing and "
        "the choice of the epoch aim at; log-loss, AUC and RMSE of all are in `tables.json`.\n\n"
        "## Seconds of processor time a fit\n\n"
        f"| table | {' | '.join(names)} |\n|---|{'---|' * len(names)}\n" + "\n".join(seconds) + "\n"
    )


def _cell(value: float, best: float) -> str:
    return f"**{value:.4f}**" if value == best else f"{value:.4f}"


def _machine(machine: dict[str, str]) -> str:
    return ", ".join(f"{key} {value}" for key, value in machine.items())


def _origin(record: dict[str, Any]) -> str:
    if record["development"]:
        return (
            "The defaults of the preset were chosen by looking at these tables. Made by `python -m "
            "benchmarks.tables --development`."
        )
    return "Nothing was tuned on these tables. Made by `python -m benchmarks.tables`."


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
    return f"# Images\n\n{_machine(machine)}\n\n{head}\n|---|---|---|---|---|\n" + "\n".join(lines) + "\n"


def write(stem: Path, record: dict[str, Any], text: str) -> None:
    """Write the results as JSON and Markdown."""
    write_file(stem.with_suffix(".json"), dump_json(record, "the results", indent=1))
    write_file(stem.with_suffix(".md"), text.encode())


if __name__ == "__main__":
    main()
