"""The application that answers requests, and its limits."""

from __future__ import annotations

import asyncio
import dataclasses
import hmac
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import polars as pl
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from wengert.serving.batching import Batches
from wengert.serving.description import openapi
from wengert.serving.refusals import RequestRefused
from wengert.serving.request_rows import RequestRows
from wengert.tabular.scoring.conformal import class_sets
from wengert.tabular.table_model import TableModel


@dataclasses.dataclass(frozen=True)
class Asked:
    """What each answer holds beside the predictions; see `TableModel.predict`."""

    interval: float | None = None
    threshold: float | None = None


@dataclasses.dataclass(frozen=True)
class Limits:
    """How much is taken.

    Attributes
    ----------
    megabytes : float
        Of the body of a request.
    seconds : float
        Until a body is there, and until its answer is.
    waiting : int
        Rows that wait at a time.
    bodies : int
        Of the largest size, that are held at a time; what is beyond is refused.
    """

    megabytes: float = 10.0
    seconds: float = 30.0
    waiting: int = 20_000
    bodies: int = 16


NOTHING_MORE = Asked()
# Bytes of a body that is read, and whose answer is written, without a thread: that takes a millisecond or
# two, and for a row less time than to hand it over.
_AT_ONCE = 50_000


class Predictions:
    """Answers ``POST /predict``.

    Parameters
    ----------
    model : TableModel
    limits : Limits
    token : str or None
        What a request has to show, ``Authorization: Bearer …``.
    asked : Asked
    """

    def __init__(self, model: TableModel, limits: Limits, token: str | None, asked: Asked) -> None:
        self.rows = RequestRows(model)
        self._classes = model.preprocessor.target.classes
        self._bound = None if asked.interval is None else model.bound(asked.interval)
        self._limits = limits
        self._held = 0  # bytes of the bodies that come or are being read
        self._thread = ThreadPoolExecutor(1, "bodies")
        self._token = token
        self.batches = Batches(model, limits.waiting, **dataclasses.asdict(asked))
        self.batches.prepare(self.rows.from_json(json.dumps(dict.fromkeys(self.rows.kinds)).encode()))

    async def __call__(self, request: Request) -> Response:
        """Answer a request with predictions, or say what is wrong with it."""
        try:
            self._require_token(request)
            form = _form(request)
            body = await self._within(self._body(request), 408, "the body did not come")
            try:
                read = self.rows.from_csv if form == "csv" else self.rows.from_json
                frame = await self._beside(len(body), read, body)
            finally:
                self._held -= len(body)
            answer = await self._within(self.batches.predict(frame), 503, "the answer was not ready")
            wanted = request.headers.get("accept", "")
            csv = wanted.startswith("text/csv") or (
                form == "csv" and not wanted.startswith("application/json")
            )
            text = await self._beside(len(body), answer.write_csv if csv else lambda: self._json(answer))
        except RequestRefused as refused:
            headers = {503: {"Retry-After": "1"}, 401: {"WWW-Authenticate": "Bearer"}}.get(refused.status)
            return JSONResponse(refused.document, refused.status, headers)
        except ClientDisconnect:
            return Response(status_code=400)
        return Response(text, media_type="text/csv" if csv else "application/json")

    async def _beside(self, size: int, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function of a body of some bytes; of a large one in a thread, so that others do not wait."""
        if size <= _AT_ONCE:
            return function(*arguments)
        called = asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)
        return await self._within(called, 503, "the body was not read or the answer not written")

    def _json(self, answer: pl.DataFrame) -> str:
        columns = answer.get_columns()
        document: dict[str, Any] = {"predictions": columns[0].to_list()}
        if self._classes:
            shares = answer[:, -len(self._classes) :].to_numpy()
            names = list(map(str, self._classes))
            document["probabilities"] = [dict(zip(names, row, strict=True)) for row in shares.tolist()]
            if self._bound is not None:
                sets = class_sets(shares, self._bound)
                document["sets"] = [
                    [known for known, there in zip(self._classes, row, strict=True) if there] for row in sets
                ]
        elif self._bound is not None:
            document["intervals"] = answer[:, 1:].rows()
        return json.dumps(document, allow_nan=False)

    def _require_token(self, request: Request) -> None:
        if self._token is None:
            return
        shown = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(shown, f"Bearer {self._token}".encode()):
            raise RequestRefused(401, "the token is missing or wrong: Authorization: Bearer TOKEN.")

    async def _body(self, request: Request) -> bytes:
        most = int(self._limits.megabytes * 1e6)
        too_large = RequestRefused(
            413, f"the body has more than {self._limits.megabytes:g} MB; send fewer rows at a time."
        )
        announced = request.headers.get("content-length", "0")
        if announced.isdecimal() and int(announced) > most:
            raise too_large
        parts: list[bytes] = []
        size = 0
        try:
            async for part in request.stream():
                size += len(part)
                self._held += len(part)
                if size > most:
                    raise too_large
                if self._held > most * self._limits.bodies:
                    raise RequestRefused(503, "too much is being read; try again in a second.")
                parts.append(part)
        except BaseException:  # the time was up, too
            self._held -= size
            raise
        return b"".join(parts)

    async def _within(self, work: Any, status: int, what: str) -> Any:
        try:
            return await asyncio.wait_for(work, self._limits.seconds)
        except TimeoutError:
            raise RequestRefused(status, f"{what} within {self._limits.seconds:g} s.") from None


def application(
    model: TableModel, limits: Limits, token: str | None = None, asked: Asked = NOTHING_MORE
) -> Starlette:
    """Return the application of a model, compiled and ready.

    Routes: ``POST /predict``, ``GET /health``, ``GET /openapi.json``.
    """
    predictions = Predictions(model, limits, token, asked)
    kinds = predictions.rows.kinds
    described = openapi(model, kinds, token=token is not None, interval=asked.interval)

    async def describe(request: Request) -> Response:
        return JSONResponse(described)

    async def health(request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    return Starlette(
        routes=[
            Route("/predict", predictions.__call__, methods=["POST"]),
            Route("/health", health),
            Route("/openapi.json", describe),
        ],
        exception_handlers={HTTPException: _not_served},
    )


async def _not_served(request: Request, error: Exception) -> Response:
    """Answer a path that is not there (404), or a method that it does not take (405)."""
    assert isinstance(error, HTTPException)
    what = f"{request.method} {request.url.path[:80]}"
    text = f"{what} is not served: there are POST /predict, GET /health and GET /openapi.json."
    return JSONResponse({"error": text}, error.status_code, error.headers)


def _form(request: Request) -> str:
    """Return what a request says that its body is."""
    kind: str = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    encoding = request.headers.get("content-encoding", "identity")
    if encoding != "identity":
        raise RequestRefused(415, f"the body is packed ({encoding[:40]}); send it as it is.")
    if kind in ("application/json", "text/csv"):
        return kind.rpartition("/")[2]
    raise RequestRefused(
        415,
        f"the body is {kind[:80]!r}; send application/json or text/csv.",
        expected=["application/json", "text/csv"],
    )
