"""`wengert compare`: two models on the same rows, side by side and in words."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from rich.padding import Padding

from wengert.cli.console import Text, result_console, write
from wengert.cli.report import heading, listing, score_text
from wengert.io.table_models import load_table_model
from wengert.io.tables import read_table
from wengert.tabular.reading.text_format import TextFormat
from wengert.tabular.scoring.comparison import Comparison, Difference, compare
from wengert.tabular.scoring.evaluation import SCORE_NAMES

_LIKELY = 0.05  # so improbable a difference is not taken for chance


def run(first: str, second: str, data: str, given: TextFormat, *, as_json: bool) -> int:
    """Compare two models; see `wengert.cli.app.compare`."""
    models = load_table_model(first), load_table_model(second)
    formats = [model.preprocessor.reading.format for model in models]
    said = given.or_else(formats[0]).or_else(formats[1])
    # As text, since each model reads the cells in its own way.
    frame = read_table(data, given=said, as_text=True)
    comparison = compare(*models, frame)
    if as_json:
        document = {"models": [first, second], "file": data, "rows": frame.height}
        document |= dataclasses.asdict(comparison)
        write(json.dumps(document, allow_nan=False) + "\n", verbatim=True)
        return 0
    console = result_console()
    source = "standard input" if data == "-" else Path(data).name
    heading(console, f"{source}: {frame.height:,} rows, {models[0].preprocessor.target.name}")
    headers = ("", f"A: {first}", f"B: {second}")
    rows = (
        (label, *(score_text(scores[name]) if name in scores else "" for scores in comparison.scores))
        for name, label in SCORE_NAMES.items()
        if any(name in scores for scores in comparison.scores)
    )
    console.print(listing(headers, rows, numbers=headers[1:]))
    console.print()
    for sentence in in_words(comparison):
        console.print(Padding(Text(sentence), (0, 0, 0, 2)))
    console.print()
    return 0


def in_words(comparison: Comparison) -> list[str]:
    """Return what the numbers say; the models are called A and B."""
    sentences = [
        sentence
        for name, seen in zip("AB", comparison.trained_on, strict=True)
        if seen is not None and (sentence := seen.sentence(name))
    ]
    if comparison.only_right is not None and comparison.chance is not None:
        first, second = comparison.only_right
        chance = "less than 0.001" if comparison.chance < 0.001 else f"{comparison.chance:.2g}"
        verdict = "hard to put down to chance" if comparison.chance < _LIKELY else "may well be chance"
        if first + second:
            sentences.append(f"Rows on which A alone is right: {first:,}; on which B alone is: {second:,}.")
            sentences.append(
                f"If both were right equally often, counts so unequal would have a probability of {chance}, "
                f"so this {verdict}."
            )
        else:
            sentences.append("Both are right on the same rows.")
    sentences += [_difference_in_words(difference) for difference in comparison.differences]
    winners = {difference.better for difference in comparison.differences} - {None}
    if len(winners) == 1:
        sentences.append(f"{'AB'[winners.pop() or 0]} is better on these rows.")
    elif winners:
        sentences.append("Which is better depends on the score that matters.")
    else:
        sentences.append("These rows do not tell which is better.")
    return sentences


def _difference_in_words(difference: Difference) -> str:
    name = SCORE_NAMES[difference.score]
    than = "higher" if difference.value > 0 else "lower"
    if difference.low == difference.high == 0:
        return f"{name}: the same."
    low, high = sorted((abs(difference.low), abs(difference.high)))
    if difference.better is None:
        interval = f"{_signed(difference.low)} to {_signed(difference.high)}"
        return (
            f"{name}: no difference can be shown. B less A is {_signed(difference.value)}, 95 % interval "
            f"{interval}."
        )
    value = score_text(abs(difference.value))
    return f"{name}: B is {than} by {value}, 95 % interval {score_text(low)} to {score_text(high)}."


def _signed(value: float) -> str:
    return f"{'−' if value < 0 else '+'}{score_text(abs(value))}"
