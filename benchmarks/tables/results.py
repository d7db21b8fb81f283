"""What came of the benchmark on tables: ranks, ratings and how often one is ahead, as a page of Markdown."""

from __future__ import annotations

from typing import Any

import numpy as np

OURS = "wengert tabular"


def main_score(result: dict[str, Any], candidate: str) -> float:
    """Return what candidates are ranked by, the smaller the better: log-loss, or RMSE."""
    key = "rmse" if result["task"] == "regression" else "log_loss"
    return float(result["scores"][candidate][key]["mean"])


def names_of(results: dict[str, Any]) -> list[str]:
    """Return the candidates that were scored on every table."""
    first, *others = results.values()
    return [name for name in first["scores"] if all(name in other["scores"] for other in others)]


def mean_ranks(results: dict[str, Any]) -> dict[str, float]:
    """Return the mean rank of each candidate over the tables; equal scores share their ranks."""
    from scipy.stats import rankdata

    names = names_of(results)
    ranks = [rankdata([main_score(result, name) for name in names]) for result in results.values()]
    return dict(zip(names, np.mean(ranks, axis=0).tolist(), strict=True))


def elo(results: dict[str, Any]) -> dict[str, float]:
    """Return the Elo of each candidate, as TabArena computes it; none of one, or without bencheval."""
    names = names_of(results)
    if len(names) == 1:
        return {}
    try:
        from bencheval.evaluator import BenchmarkEvaluator
    except ImportError:
        return {}
    import pandas

    rows = [
        {"method": name, "task": table, "metric_error": main_score(result, name)}
        for table, result in results.items()
        for name in names
    ]
    evaluator = BenchmarkEvaluator(columns_to_agg_extra=None)
    found = evaluator.compute_elo(pandas.DataFrame(rows), include_quantiles=False)
    return {name: float(found.loc[name, "elo"]) for name in names}


def geometric_mean(values: list[float]) -> float:
    """Return the geometric mean."""
    return float(np.exp(np.mean(np.log(values))))


def summary(results: dict[str, Any]) -> str:
    """Return a table of ranks, Elo, tables on which ours is ahead, calibration errors and times."""
    names, ranks, ratings = names_of(results), mean_ranks(results), elo(results)
    ours = OURS if OURS in names else names[0]
    classes = [one for one in results.values() if one["task"] != "regression"]
    numbers = [one for one in results.values() if one["task"] == "regression"]
    head = ["of all tables", "mean rank", "Elo", f"{ours} ahead: classes", "numbers", "log-loss, mean"]
    head += ["calibration error", "1 − AUC, of two classes", "time of a fit, of ours", "of a prediction"]
    lines = []
    for name in names:
        ahead = [
            f"{sum(main_score(one, ours) < main_score(one, name) for one in group)} of {len(group)}"
            if name != ours
            else "–"
            for group in (classes, numbers)
        ]
        losses = _mean([main_score(one, name) for one in classes])
        errors = _mean([one["scores"][name]["calibration_error"]["mean"] for one in classes])
        areas = _mean([1 - one["scores"][name]["auc"]["mean"] for one in classes if one["classes"] == 2])
        times = [
            geometric_mean([_time(one, name, key) / _time(one, ours, key) for one in results.values()])
            for key in ("processor_seconds", "prediction_processor_seconds")
        ]
        rating = f"{ratings[name]:.0f}" if ratings else "–"
        cells = [
            name,
            f"{ranks[name]:.2f}",
            rating,
            *ahead,
            losses,
            errors,
            areas,
            *(f"{one:.2f}" for one in times),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return f"| {' | '.join(head)} |\n|{'---|' * len(head)}\n" + "\n".join(lines)


def _mean(values: list[float]) -> str:
    return f"{np.mean(values):.4f}" if values else "–"


def _time(result: dict[str, Any], name: str, key: str) -> float:
    return max(float(result["scores"][name][key]["mean"]), 1e-4)


def page(record: dict[str, Any]) -> str:
    """Return the results as Markdown."""
    results = record["tables"]
    names = names_of(results)
    head = f"| table | rows × columns | {' | '.join(names)} |\n|---|---|{'---|' * len(names)}"
    lines, seconds = [], []
    for table, result in results.items():
        best = min(main_score(result, name) for name in names)
        what = "RMSE" if result["task"] == "regression" else f"log-loss, {result['classes']} classes"
        used = f" (of {result['rows']:,})" if result["rows"] > result["rows_used"] else ""
        shape = f"{result['rows_used']:,}{used} × {result['columns']}"
        cells = [_cell(main_score(result, name), best) for name in names]
        lines.append(f"| {table} ({what}) | {shape} | {' | '.join(cells)} |")
        times = [f"{result['scores'][name]['processor_seconds']['mean']:.1f}" for name in names]
        seconds.append(f"| {table} | {' | '.join(times)} |")
    missing = "".join(f"\n- {name} is missing: {why}" for name, why in record["missing"].items())
    return (
        f"# Tables\n\n{machine_line(record['machine'])}\n\n"
        f"The first {record['taken']} of {record['folds']} folds, the same for all; at most "
        f"{record['rows']:,} rows, drawn at random. {_origin(record)} Elo as PyPI's `bencheval` computes "
        "it, of these candidates only.\n\n"
        f"{summary(results)}\n\n{head}\n" + "\n".join(lines) + f"\n{missing}\n\n"
        "The settings of each are in `benchmarks/tables/models.py`; accuracy, AUC and R² of all are in the "
        "file `.json` beside this one.\n\n"
        "## Seconds of processor time a fit\n\n"
        f"| table | {' | '.join(names)} |\n|---|{'---|' * len(names)}\n" + "\n".join(seconds) + "\n"
    )


def _cell(value: float, best: float) -> str:
    return f"**{value:.4f}**" if value == best else f"{value:.4f}"


def machine_line(machine: dict[str, str]) -> str:
    """Return what the machine is, in a line."""
    return ", ".join(f"{key} {value}" for key, value in machine.items())


def _origin(record: dict[str, Any]) -> str:
    if record["development"]:
        return "The defaults of the preset were chosen by looking at these tables."
    return "Nothing was tuned on these tables."
