"""A model behind HTTP: what it answers, what it refuses and with which words, and under load."""

import asyncio
import csv
import dataclasses
import io
import json
import threading
import time

import numpy as np
import polars as pl
import pytest
from tests.cli.conftest import flowers, houses

from wengert.errors import ConfigurationError
from wengert.serving.request_rows import RequestRows
from wengert.serving.server import serve
from wengert.tabular.reading.cell_reading import CellReading
from wengert.tabular.table_model import TableModel
from wengert.tabular.training_settings import TrainingSettings
from wengert.tabular.training_table import TrainingTable

pytest.importorskip("starlette", reason="comes with the extra `serve`")
from wengert.serving.application import Asked, Limits, application

JSON, CSV = "application/json", "text/csv"


def trained(frame, target):
    table = TrainingTable.infer(frame, target)
    settings = TrainingSettings("plain", hidden=(4,), epochs=2)
    model = table.train(np.arange(table.rows), settings)[0]
    columns = [dataclasses.asdict(column) for column in table.columns]
    return dataclasses.replace(model, training={"columns": columns, "drop": ["note"]})


@pytest.fixture(scope="module")
def price_model():
    return trained(houses(80), "price")


@pytest.fixture(scope="module")
def price(price_model):
    return application(price_model, Limits(megabytes=0.01))


@pytest.fixture(scope="module")
def flower_model():
    return trained(flowers(60), "kind")


ROW = {"size": 80.5, "district": "north", "garden": True, "built": "1980-05-15", "country": "NL"}


class Answer:
    def __init__(self, messages):
        self.status = messages[0]["status"]
        self.headers = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
        self.body = b"".join(one.get("body", b"") for one in messages[1:])

    @property
    def document(self):
        return json.loads(self.body)


async def asked(app, body, kind=JSON, path="/predict", headers=(), method="POST", parts=None):
    """Ask an application as a server would, and return its answer."""
    if isinstance(body, (dict, list)):
        body = json.dumps(body)
    body = body.encode() if isinstance(body, str) else body
    given = {"content-type": kind, "content-length": str(len(body)), **dict(headers)}
    scope = {
        "type": "http", "method": method, "path": path, "query_string": b"", "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in given.items() if value],
    }  # fmt: skip
    incoming = [{"type": "http.request", "body": one, "more_body": True} for one in parts or [body]]
    incoming[-1]["more_body"] = parts is not None and None in parts
    messages = []

    async def receive():
        if not incoming or incoming[0]["body"] is None:
            await asyncio.sleep(60)
        return incoming.pop(0)

    async def send(message):
        messages.append(message)

    await app(scope, receive, send)
    return Answer(messages)


def ask(*args, **options):
    return asyncio.run(asked(*args, **options))


def test_one_row_and_several_are_what_predict_gives(price, price_model):
    one = ask(price, ROW)
    assert one.status == 200
    several = ask(price, [ROW, {**ROW, "size": None}, {**ROW, "district": "moon"}]).document["predictions"]
    frame = pl.DataFrame([ROW, {**ROW, "size": None}, {**ROW, "district": "moon"}])
    wanted = price_model.predict(frame)["predicted_price"].to_list()
    np.testing.assert_allclose(several, wanted, rtol=1e-5)
    np.testing.assert_allclose(one.document["predictions"], wanted[:1], rtol=1e-5)
    assert "probabilities" not in one.document


def test_texts_are_read_as_in_files(price):
    plain = ask(price, ROW).document
    assert ask(price, {**ROW, "size": "80.5", "garden": "TRUE", "built": "1980-05-15"}).document == plain
    # The target may be there, and a column that was dropped.
    assert ask(price, {**ROW, "price": 3, "note": "old"}).document == plain
    without = {name: value for name, value in ROW.items() if name != "country"}
    assert ask(price, without).document == plain  # what training left out need not be there


def test_csv_gives_csv(price):
    rows = "size,district,garden,built\n80.5,north,True,1980-05-15\n,north,False,1980-05-15\n"
    answer = ask(price, rows, CSV)
    assert answer.headers["content-type"].startswith("text/csv")
    got = list(csv.DictReader(io.StringIO(answer.body.decode())))
    assert float(got[0]["predicted_price"]) == pytest.approx(ask(price, ROW).document["predictions"][0])
    assert len(got) == 2
    assert len(ask(price, rows, CSV, headers={"accept": JSON}).document["predictions"]) == 2
    assert b"predicted_price" in ask(price, ROW, headers={"accept": CSV}).body


def test_classes_have_probabilities(flower_model):
    app = application(flower_model, Limits())
    rows = flowers(9).drop("kind").to_dicts()
    document = ask(app, rows).document
    wanted = flower_model.predict(flowers(9), probabilities=True)
    assert document["predictions"] == wanted["predicted_kind"].to_list()
    for got, row in zip(document["probabilities"], wanted.rows(named=True), strict=True):
        assert got == pytest.approx({name: row[f"probability_{name}"] for name in got}, rel=1e-5)
        assert sum(got.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {**ROW, "sise": 3},
            {"column": "sise", "row": 1, "error": "the model knows no column 'sise'. Did you mean 'size'?"},
        ),
        (
            {**ROW, "size": "big"},
            {"column": "size", "row": 1, "expected": "a number such as 12.5, or null",
             "error": "column 'size', row 1: \"big\" is not a number such as 12.5, or null."},
        ),
        ([ROW, {**ROW, "size": [3]}], {"column": "size", "row": 2}),
        ([ROW, {**ROW, "size": "inf"}], {"column": "size", "row": 2}),
        ([{**ROW, "built": None}, ROW, {**ROW, "built": "soon"}, {**ROW, "built": "soon"}], {"row": 3}),
        (json.dumps([ROW, ROW]).replace("80.5", "1e999"), {"column": "size", "row": 1}),
        ({**ROW, "size": True}, {"column": "size", "expected": "a number such as 12.5, or null"}),
        ({**ROW, "size": 10**400}, {"column": "size", "row": 1}),
        ({**ROW, "garden": 2}, {"column": "garden", "expected": "true, false, or null"}),
        ({**ROW, "built": 1980}, {"column": "built", "expected": 'a date such as "2024-05-31", or null'}),
        ({**ROW, "built": "soon"}, {"column": "built", "row": 1}),
        ({**ROW, "district": {"a": 1}}, {"column": "district", "row": 1}),
        (
            [ROW, {name: ROW[name] for name in ("size", "garden", "built")}],
            {"column": "district", "row": 2, "expected": 'a text such as "red", or null'},
        ),
        ([], {"error": "the array is empty; it holds one object for each row."}),
        ([ROW, 3], {"row": 2}),
        ("{", {}),
        (
            '{"size": NaN}',
            {"error": "the body is not JSON: NaN is no number of JSON; null stands for a missing one."},
        ),
        ("[" * 5000, {}),
        ('{"size": 1, "size": 2}', {"error": 'the body is not JSON: an object has two values of "size".'}),
        (json.dumps({**ROW, "district": "\ud800"}), {}),
        (json.dumps({**ROW, "\udfff": 1}), {}),
        (b"\xff\xfe", {}),
    ],
)  # fmt: skip
def test_what_a_model_cannot_take_is_named(price, body, expected):
    answer = ask(price, body)
    assert answer.status == 400
    assert answer.document["error"]
    assert {name: answer.document.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("size,district\n3,north\n", "row 1 lacks the column 'garden'"),
        ("size,district,garden,built,roof\n3,north,True,1980-05-15,flat\n", "knows no column 'roof'"),
        ("size,district,garden,built\nbig,north,True,1980-05-15\n", "'size', row 1: 'big' is not a number"),
        ("size,district\n3,north,4\n", "row 1"),
        ("size,district,garden,built\n", "a header and no rows"),
        ("", "the body"),
    ],
)  # fmt: skip
def test_csv_that_a_model_cannot_take(price, body, message):
    answer = ask(price, body, CSV)
    assert answer.status == 400
    assert message in answer.document["error"]


def test_an_unreadable_cell_of_csv_has_its_place(price):
    good, bad = "80.5,north,True,1980-05-15\n", "80.5,north,True,soon\n"
    document = ask(price, f"size,district,garden,built\n{good * 2}{bad}{good}", CSV).document
    assert (document["column"], document["row"]) == ("built", 3)


def test_texts_of_many_rows_are_read_together(price_model, monkeypatch):
    rows = RequestRows(price_model)
    apply, calls = CellReading.apply, []
    monkeypatch.setattr(CellReading, "apply", lambda one, column: calls.append(0) or apply(one, column))
    body = [{**ROW, "size": size, "built": "1980-05-15"} for size in (1, "2", None, "", "4.5")] * 100
    frame = rows.from_json(json.dumps(body).encode())
    assert frame["size"].to_list() == [1, 2, None, None, 4.5] * 100
    assert len(calls) <= len(rows.kinds)


def test_infinite_numbers_are_the_mistake_of_one_request_alone(price):
    async def together():
        # 1e400 is JSON, and infinite once read.
        bodies = (json.dumps(ROW).replace("80.5", size) for size in ("80.5", "1e400", "80.5"))
        return await asyncio.gather(*(asked(price, body) for body in bodies))

    answers = asyncio.run(together())
    assert [one.status for one in answers] == [200, 400, 200]
    assert "'size'" in answers[1].document["error"]
    assert answers[0].document == answers[2].document
    # Rows that are computed together go through a batch of another size: float32 rounds otherwise there.
    assert answers[0].document["predictions"] == pytest.approx(
        ask(price, ROW).document["predictions"], rel=1e-6
    )


def test_other_forms_and_sizes(price):
    assert ask(price, "x", "application/xml").status == 415
    packed = ask(price, "x", headers={"content-encoding": "gzip"})
    assert (packed.status, "packed" in packed.document["error"]) == (415, True)
    large = ask(price, [ROW] * 500)
    assert large.status == 413
    assert large.document["error"] == "the body has more than 0.01 MB; send fewer rows at a time."
    # Also where its length is not announced, or a lie.
    streamed = ask(price, "", headers={"content-length": ""}, parts=[b" " * 6000, b" " * 6000])
    assert streamed.status == 413
    for options, status in (({"path": "/else"}, 404), ({"method": "GET"}, 405)):
        answer = ask(price, ROW, **options)
        assert answer.status == status
        assert "is not served: there are POST /predict" in answer.document["error"]
    assert answer.headers["allow"] == "POST"
    assert ask(price, "", path="/health", method="GET").document == {"status": "ok"}


def test_bodies_that_are_too_many_together(price_model):
    app = application(price_model, Limits(megabytes=0.001, seconds=0.2, bodies=2))

    async def crowd():
        late = (asked(app, "", headers={"content-length": ""}, parts=[b" " * 900, None]) for _ in range(3))
        return await asyncio.gather(*late)

    answers = asyncio.run(crowd())
    assert sorted(one.status for one in answers) == [408, 408, 503]
    assert ask(app, ROW).status == 200  # what was held is let go


def test_a_body_that_does_not_come(price_model):
    app = application(price_model, Limits(seconds=0.02))
    answer = ask(app, "", parts=[b"{", None])
    assert answer.status == 408
    assert answer.document["error"] == "the body did not come within 0.02 s."


def test_intervals_sets_and_a_threshold(price_model, flower_model):
    held = {"nonconformity": {"rows": 9, "scores": [0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7]}}
    model = dataclasses.replace(price_model, training={**price_model.training, **held})
    app = application(model, Limits(), asked=Asked(interval=0.9))
    document = ask(app, ROW).document
    ((low, high),) = document["intervals"]
    assert (low + high) / 2 == pytest.approx(document["predictions"][0])
    assert high - low == pytest.approx(1.4)
    assert b"low_price" in ask(app, ROW, headers={"accept": CSV}).body
    described = ask(app, "", path="/openapi.json", method="GET").document
    answer = described["paths"]["/predict"]["post"]["responses"]["200"]["content"][JSON]["schema"]
    assert "intervals" in answer["properties"]
    model = dataclasses.replace(flower_model, training={**flower_model.training, **held})
    document = ask(
        application(model, Limits(), asked=Asked(0.8)), flowers(6).drop("kind").to_dicts()
    ).document
    for kinds, shares, likeliest in zip(
        document["sets"], document["probabilities"], document["predictions"], strict=True
    ):
        assert set(kinds) == {kind for kind, share in shares.items() if 1 - share <= 0.65} | {likeliest}
    two = trained(flowers(40, 2), "kind")
    rows = flowers(8, 2).drop("kind").to_dicts()
    assert set(ask(application(two, Limits(), asked=Asked(threshold=1.0)), rows).document["predictions"]) == {
        "rose"
    }


def test_a_token_is_asked_for(price_model):
    app = application(price_model, Limits(), "secret")
    for headers in ({}, {"authorization": "Bearer secre"}, {"authorization": "secret"}):
        answer = ask(app, ROW, headers=headers)
        assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert ask(app, ROW, headers={"authorization": "Bearer secret"}).status == 200


class Slow(TableModel):
    """Takes its time, and remembers how many rows it was given together."""

    given = []  # noqa: RUF012 – of one test

    def predict(self, frame, **options):
        self.given.append(frame.height)
        time.sleep(0.05)
        return super().predict(frame, **options)


def test_requests_are_computed_together_and_too_many_are_refused(price_model):
    slow = Slow(price_model.preprocessor, price_model.network, price_model.training)
    app = application(slow, Limits(waiting=20))
    slow.given.clear()

    async def crowd():
        return await asyncio.gather(*(asked(app, {**ROW, "size": float(size)}) for size in range(30)))

    answers = asyncio.run(crowd())
    assert [one.status for one in answers] == [200] * 20 + [503] * 10
    assert answers[-1].headers["retry-after"] == "1"
    assert "too many rows are waiting" in answers[-1].document["error"]
    assert slow.given == [64]  # 20, filled up to the next size that is compiled
    # Each has the answer to its own question.
    alone = [ask(app, {**ROW, "size": float(size)}).document for size in (0, 19)]
    for got, wanted in zip((answers[0], answers[19]), alone, strict=True):
        assert got.document["predictions"] == pytest.approx(wanted["predictions"], rel=1e-5)
    late = application(slow, Limits(seconds=0.01))
    answer = ask(late, ROW)
    assert (answer.status, answer.document["error"]) == (503, "the answer was not ready within 0.01 s.")


def test_others_are_answered_while_a_large_body_is_read(price_model, monkeypatch):
    app = application(price_model, Limits())
    begun, go_on, read = threading.Event(), threading.Event(), RequestRows.from_json

    def slow(rows, body):
        if len(body) > 50_000:
            begun.set()
            assert go_on.wait(60)
        return read(rows, body)

    monkeypatch.setattr(RequestRows, "from_json", slow)

    async def both():
        large = asyncio.create_task(asked(app, [ROW] * 2000))
        await asyncio.to_thread(begun.wait, 60)
        small = await asked(app, ROW)
        go_on.set()
        return small, await large

    small, large = asyncio.run(both())
    assert (small.status, large.status) == (200, 200)
    predicted = large.document["predictions"]
    assert predicted == pytest.approx(small.document["predictions"] * 2000, rel=1e-5)
    assert ask(app, "[" * 60_000).status == 400  # and refusals come from there too


def test_a_bug_answers_its_request_and_the_server_goes_on(price_model, monkeypatch):
    app = application(price_model, Limits())
    monkeypatch.setattr(TableModel, "predict", lambda *args, **options: 1 / 0)
    with pytest.raises(ZeroDivisionError):  # which the server turns into 500
        ask(app, ROW)
    monkeypatch.undo()
    assert ask(app, ROW).status == 200


def test_the_description_tells_columns_and_classes(flower_model):
    document = ask(application(flower_model, Limits(), "t"), "", path="/openapi.json", method="GET").document
    assert document["openapi"] == "3.1.0"
    post = document["paths"]["/predict"]["post"]
    row = post["requestBody"]["content"][JSON]["schema"]["oneOf"][0]
    assert row["required"] == ["length", "width"]
    assert row["properties"]["length"]["type"] == ["number", "null"]
    result = post["responses"]["200"]["content"][JSON]["schema"]["properties"]
    assert result["predictions"]["items"]["enum"] == ["lily", "rose", "tulip"]
    assert {"400", "401", "413", "503"} <= post["responses"].keys()
    assert post["security"] == [{"token": []}]


def test_others_need_a_token_and_a_place_to_listen(price_model):
    options = {"megabytes": 1, "seconds": 1, "report": print}
    with pytest.raises(ConfigurationError, match=r"--host 0\.0\.0\.0: whoever reaches this machine"):
        serve(price_model, "0.0.0.0", 0, None, **options)
    pytest.importorskip("uvicorn")
    with pytest.raises(ConfigurationError, match=r"cannot listen at 192\.0\.2\.1:0"):
        serve(price_model, "192.0.2.1", 0, "secret", **options)
