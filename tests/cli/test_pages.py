"""Reports as pages, figures, comparisons: what is in them, and that nothing of a table becomes markup."""

import html.parser
import json
import re
import xml.etree.ElementTree as ElementTree

import pytest
from tests.cli.conftest import flowers, houses

from wengert.io.report.svg import ticks

PLAIN = ("--preset", "plain", "--hidden", "6", "--quiet")
QUICK = ("--epochs", 3, *PLAIN)
LOADING = {"script", "link", "img", "iframe", "object"}


class Outline(html.parser.HTMLParser):
    """Checks that every element is closed in order; collects what would load or run something."""

    def __init__(self):
        super().__init__()
        self.open, self.dangerous, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        if tag != "meta":
            self.open.append(tag)
        names = {name for name, _ in attrs}
        if tag in LOADING or names & {"src", "href", "onload", "onclick", "onerror"}:
            self.dangerous.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def outline(path):
    parser = Outline()
    parser.feed(path.read_text("utf-8"))
    assert parser.open == []
    assert parser.dangerous == []
    return " ".join(parser.text)


def test_a_report_of_classes(command, flower_table, tmp_path):
    outcome = command("train", flower_table, "--target", "kind", *QUICK[:-1], "--report", "run.html")
    assert outcome.code == 0
    assert "report: run.html" in outcome.out
    text = outline(tmp_path / "run.html")
    page = (tmp_path / "run.html").read_text("utf-8")
    assert "3 classes, predicted from 2 columns; scores on 30 rows held out" in text
    for name in ("Loss by epoch", "Confusion matrix", "Calibration", "Predicted classes"):
        assert f'aria-label="{name}' in page
    for word in ("accuracy", "ROC AUC", "lily", "median", "Network", "Dense"):
        assert word in text
    assert "prefers-color-scheme: dark" in page


def test_a_report_of_numbers_with_many_columns(command, price_table, tmp_path):
    command("train", price_table, "--target", "price", *QUICK, "--test-fraction", 0)
    outcome = command("report", "houses-model", "--data", price_table)
    assert outcome.code == 0
    assert outcome.out == "Report written to houses-model.html.\n"
    text = outline(tmp_path / "houses-model.html")
    assert "regression, predicted from 4 columns; scores on 160 rows of houses.csv" in text
    assert "old town (" in text
    page = (tmp_path / "houses-model.html").read_text("utf-8")
    assert 'aria-label="Predicted price by actual"' in page
    assert 'aria-label="Errors of the predictions"' in page
    assert 'aria-label="Predicted classes"' not in page


def test_a_report_of_cross_validation(command, flower_table, tmp_path):
    command("train", flower_table, "--target", "kind", *QUICK, "--cv", 3, "--report", "cv.html")
    text = outline(tmp_path / "cv.html")
    assert "scores on 150 of the rows that it learnt from" in text
    assert "Cross-validation, 3 folds" in text
    assert "fold 3" in text


def test_the_same_run_gives_the_same_page(command, flower_table, tmp_path):
    for name in ("a", "b"):
        command("train", flower_table, "--target", "kind", *QUICK, "--out", name, "--report", f"{name}.html")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_names_of_a_table_are_no_markup(command, tables, tmp_path):
    frame = flowers().rename({"length": "<script>x</script>", "kind": '"><img src=x onerror=y>'})
    frame = frame.with_columns(frame['"><img src=x onerror=y>'] + "</svg><b>")
    command("train", tables(frame), "--target", '"><img src=x onerror=y>', *QUICK, "--report", "r.html")
    text = outline(tmp_path / "r.html")
    assert "<script>x</script>" in text
    assert "lily</svg><b>" in text


@pytest.mark.parametrize("frame", [houses(60), flowers(60, 4)], ids=["numbers", "classes"])
def test_odd_tables_make_pages_too(command, tables, tmp_path, frame):
    """One row to score, one class, constant columns, a column of gaps: nothing to draw is no error."""
    target = frame.columns[-1]
    path = tables(frame)
    command("train", path, "--target", target, *QUICK, "--report", "all.html")
    assert (
        command("report", "table-model", "--data", tables(frame[:1], "one.csv"), "--out", "o.html").code == 0
    )
    outline(tmp_path / "o.html")


def test_figures_are_files_of_their_own(command, flower_table, tmp_path):
    command("train", flower_table, "--target", "kind", *QUICK)
    out = command("evaluate", "flowers-model", flower_table, "--plots", "figures").out
    assert "Figures written to figures." in out
    assert re.search(r"\n  confidence +rows +mean +part right\n", out)
    made = sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert made == ["calibration.svg", "confusion.svg", "precision_recall.svg", "regions.svg", "roc.svg"]
    for name in made:
        root = ElementTree.fromstring((tmp_path / "figures" / name).read_text("utf-8"))
        assert root.tag == "{http://www.w3.org/2000/svg}svg"


def test_comparison_in_words_and_as_json(command, flower_table):
    command("train", flower_table, "--target", "kind", *QUICK, "--out", "a")
    command("train", flower_table, "--target", "kind", "--epochs", 80, *PLAIN, "--out", "b")
    outcome = command("compare", "a", "b", "--data", flower_table)
    assert outcome.code == 0
    assert re.search(r"\n +A: a +B: b\n  accuracy +0\.\d+ +0\.\d+\n", outcome.out)
    words = " ".join(outcome.out.split())
    assert re.search(r"log-loss: B is lower by [\d.]+, 95 % interval [\d.]+ to [\d.]+\.", words)
    assert "B is better on these rows." in words
    document = json.loads(command("compare", "a", "b", "--data", flower_table, "--json").out)
    assert document["differences"][1]["score"] == "log_loss"
    assert document["differences"][1]["better"] == 1
    same = " ".join(command("compare", "a", "a", "--data", flower_table).out.split())
    assert "Both are right on the same rows. accuracy: the same. log-loss: the same." in same
    assert "These rows do not tell which is better." in same


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "flowers.csv", "--target", "kind", "--report", "r.pdf"), "'r.pdf' does not end in .html"),
        (
            ("train", "flowers.csv", "--target", "kind", "--report", "no/r.html"),
            "is no directory. Make it first.",
        ),
        (("report", "flowers-model", "--data", "flowers.csv", "--out", "r"), "'r' does not end in .html"),
        (("report", "flowers-model", "--data", "none.csv"), "none.csv does not exist"),
        (
            ("evaluate", "flowers-model", "flowers.csv", "--plots", "flowers.csv"),
            "flowers.csv is not a directory",
        ),
        (("compare", "flowers-model", "missing", "--data", "flowers.csv"), "missing does not exist"),
    ],
)
def test_mistakes_are_told_before_the_work(command, flower_table, tmp_path, arguments, message):
    command("train", flower_table, "--target", "kind", *QUICK)
    before = (tmp_path / "flowers-model" / "config.json").stat().st_mtime_ns
    outcome = command(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert message in outcome.err
    assert (tmp_path / "flowers-model" / "config.json").stat().st_mtime_ns == before


def test_round_ticks():
    assert ticks(0, 1) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    assert ticks(-3, 47) == pytest.approx([0, 10, 20, 30, 40])
    assert ticks(5, 5) == [5]
