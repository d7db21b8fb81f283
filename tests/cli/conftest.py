"""Small tables of every sort, and the command run within this process."""

import dataclasses
import math
import random

import polars as pl
import pytest

from wengert.cli import main


@dataclasses.dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def command(capsys, monkeypatch, tmp_path):
    """Run the command in an empty directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*arguments):
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


def houses(rows=160):
    """Numbers, words, gaps, booleans, dates; the price depends on size and district."""
    rng = random.Random(3)
    records = []
    for row in range(rows):
        size = rng.uniform(20, 200)
        district = rng.choice(["north", "south", "old town"])
        price = 2000 * size + {"north": 0, "south": 9e4, "old town": 2e5}[district] + rng.gauss(0, 5000)
        records.append(
            {
                "size": None if row % 17 == 5 else round(size, 1),
                "district": None if row % 23 == 7 else district,
                "garden": rng.random() < 0.4,
                "built": f"{rng.randint(1950, 2020)}-0{rng.randint(1, 9)}-15",
                "country": "NL",
                "price": round(price, 2),
            }
        )
    return pl.DataFrame(records, infer_schema_length=None)


def flowers(rows=150, classes=3):
    """Two numbers that tell the classes apart but for a few rows."""
    rng = random.Random(4)
    records = []
    for row in range(rows):
        kind = row % classes
        angle = 2 * math.pi * kind / classes
        records.append(
            {
                "length": math.cos(angle) + rng.gauss(0, 0.4),
                "width": math.sin(angle) + rng.gauss(0, 0.4),
                "kind": ["rose", "tulip", "lily", "iris"][kind],
            }
        )
    return pl.DataFrame(records)


@pytest.fixture
def tables(tmp_path):
    """Write a table into the directory of the test and return its path."""

    def write(frame, name="table.csv"):
        path = tmp_path / name
        if name.endswith(".parquet"):
            frame.write_parquet(path)
        else:
            frame.write_csv(path, separator="\t" if name.endswith(".tsv") else ",")
        return path

    return write


@pytest.fixture
def price_table(tables):
    return tables(houses(), "houses.csv")


@pytest.fixture
def flower_table(tables):
    return tables(flowers(), "flowers.csv")
