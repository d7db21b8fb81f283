"""What people see: tables of columns and scores, aligned and without noise."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table

from wengert.cli.console import Text
from wengert.tabular.columns import Column
from wengert.tabular.preprocess import TablePreprocessor
from wengert.tabular.scoring.evaluation import SCORE_NAMES, named_scores
from wengert.tabular.task import Task

# With more columns than this, those that are treated alike share a line.
_MOST_LINES = 20
_MOST_CLASSES_LISTED = 20
# A confusion matrix beyond this is no longer read but searched.
_MOST_CLASSES_CROSSED = 12
_IN_SHORT = ("accuracy", "roc_auc", "log_loss", "d2", "r2", "rmse", "mae")


def heading(console: Console, text: str) -> None:
    """Print a heading, with a blank line before it."""
    console.print()
    console.print(Text(text, style="bold"))


def listing(
    headers: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[str] = ()
) -> RenderableType:
    """Return an indented table without lines; the columns named in ``numbers`` are flush right."""
    table = Table(
        box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", show_header=any(headers)
    )
    for header in headers:
        justify: Literal["right", "left"] = "right" if header in numbers else "left"
        table.add_column(Text(header), justify=justify, overflow="fold")
    for row in rows:
        # Text, because a cell may hold square brackets, which rich would take for markup.
        table.add_row(*(Text(cell) for cell in row))
    return Padding(table, (0, 0, 0, 2), expand=False)


def print_task(console: Console, target: str, task: Task) -> None:
    """Print what is to be learnt."""
    heading(console, f"Target {target}: {describe_task(task.kind, len(task.classes))}")
    console.print(Text(f"  {task.reason}", style="dim"), soft_wrap=True)


def describe_task(kind: str, classes: int) -> str:
    """Return the name of a task for people."""
    if kind == "regression":
        return "regression"
    return "one class" if classes == 1 else f"classification into {classes} classes"


def print_columns(console: Console, columns: Sequence[Column], preprocessor: TablePreprocessor) -> None:
    """Print the kind of each column and what is made of it; many columns of one sort share a line."""
    fitted = {column.name: column for column in preprocessor.columns}
    lines = [
        (
            column.name,
            column.kind,
            fitted[column.name].treatment if column.name in fitted else "left out",
            column.note,
        )
        for column in columns
    ]
    if len(lines) > _MOST_LINES:
        lines = _grouped(lines)
    heading(
        console,
        f"{_counted(len(columns), 'column')} → {_counted(len(preprocessor.feature_names), 'feature')}",
    )
    headers = ("column", "kind", "treatment", "notes")
    width = 4 if any(line[3] for line in lines) else 3
    console.print(listing(headers[:width], (line[:width] for line in lines)))


def _grouped(lines: Iterable[tuple[str, str, str, str]]) -> list[tuple[str, str, str, str]]:
    """Join the lines that differ in the name only, in the order of the first of each."""
    names: dict[tuple[str, str, str], list[str]] = {}
    for name, *rest in lines:
        names.setdefault((rest[0], rest[1], rest[2]), []).append(name)
    return [(_first_and_last(group), *rest) for rest, group in names.items()]


def _first_and_last(names: Sequence[str]) -> str:
    if len(names) <= 3:
        return ", ".join(names)
    return f"{names[0]}, {names[1]}, … {names[-1]} ({len(names)} columns)"


def print_scores(console: Console, scores: dict[str, Any]) -> None:
    """Print scores as `wengert.tabular.scoring.evaluation` gives them."""
    plain = [(label, score_text(value)) for label, value in named_scores(scores)]
    console.print(listing(("", ""), plain))
    classes = scores.get("classes", [])
    if 1 < len(classes) <= _MOST_CLASSES_LISTED:
        print_classes(console, classes)
    if 1 < len(classes) <= _MOST_CLASSES_CROSSED:
        print_confusion(console, [str(entry["class"]) for entry in classes], scores["confusion"])


def one_line(scores: dict[str, Any]) -> str:
    """Return the scores as ``accuracy 0.98, log-loss 0.05, …``."""
    named = ((name, scores.get(name)) for name in _IN_SHORT)
    return ", ".join(f"{SCORE_NAMES[name]} {score_text(value)}" for name, value in named if value is not None)


def print_classes(console: Console, classes: Sequence[dict[str, Any]]) -> None:
    """Print rows, precision, recall and F₁ of each class."""
    headers = ("class", "rows", "precision", "recall", "F₁")
    rows = (
        (
            str(entry["class"]),
            str(entry["rows"]),
            *(f"{entry[name]:.3f}" for name in ("precision", "recall", "f1")),
        )
        for entry in classes
    )
    console.print()
    console.print(listing(headers, rows, numbers=headers[1:]))


def print_confusion(console: Console, names: Sequence[str], confusion: Sequence[Sequence[int]]) -> None:
    """Print actual classes down and predicted classes across, unless all are right.

    Zeros are dots, so that the errors stand out.
    """
    hits = sum(confusion[index][index] for index in range(len(names)))
    if hits == sum(map(sum, confusion)):
        return
    headers = ("actual", *names)
    rows = (
        (name, *(str(count) if count else "·" for count in counts))
        for name, counts in zip(names, confusion, strict=True)
    )
    console.print()
    console.print(Text("  Rows by actual class (down) and predicted class (across):", style="dim"))
    console.print(listing(headers, rows, numbers=names))


def print_calibration(console: Console, scores: dict[str, Any]) -> None:
    """Print how often predictions are right, by how sure they are."""
    headers = ("confidence", "rows", "mean", "part right")
    rows = (
        (
            f"{one['low']:.1f} to {one['high']:.1f}",
            f"{one['rows']:,}",
            f"{one['confidence']:.3f}",
            f"{one['accuracy']:.3f}",
        )
        for one in scores["calibration"]
    )
    console.print()
    console.print(listing(headers, rows, numbers=headers[1:]))


def print_mean_scores(console: Console, summary: dict[str, Any]) -> None:
    """Print mean and standard deviation over the folds of each score."""
    rows = []
    for name, label in SCORE_NAMES.items():
        if name in summary:
            mean, deviation = summary[name]["mean"], summary[name]["deviation"]
            rows.append((label, score_text(mean), "" if deviation is None else f"± {score_text(deviation)}"))
    console.print(listing(("", "", ""), rows))


def score_text(value: float | None) -> str:
    """Return a score for people."""
    if value is None:
        return "undefined, since all rows have the same target"
    # Numbers in the units of the target, such as prices, read better in full.
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
