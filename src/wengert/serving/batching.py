"""Requests that come while others are computed are computed together."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import polars as pl

from wengert.errors import DataError
from wengert.serving.refusals import RequestRefused
from wengert.tabular.table_model import TableModel
from wengert.train.evaluation import BATCH_SIZE

# Rows of a batch; the network is compiled for each, and a batch is filled up to the next. Larger requests
# are filled up to a multiple of the last, which are the rows that are computed at a time.
_SIZES = (1, 8, 64, BATCH_SIZE)


class Batches:
    """Predicts rows of several requests at a time, in one thread.

    Nothing waits for a batch to become full: it takes what came while the one before was computed.

    Parameters
    ----------
    model : TableModel
    most_waiting : int
        Rows; what comes beyond is refused.
    **options
        Of `TableModel.predict`.
    """

    def __init__(self, model: TableModel, most_waiting: int, **options: Any) -> None:
        self._model = model.compiled()
        self._options = options
        self._most_waiting = most_waiting
        self._waiting: deque[tuple[pl.DataFrame, asyncio.Future[pl.DataFrame]]] = deque()
        self._rows = 0
        self._thread = ThreadPoolExecutor(1, "predictions")
        self._running: asyncio.Task[None] | None = None

    def prepare(self, row: pl.DataFrame) -> None:
        """Compile the network for the batches that there will be, at a row."""
        for size in _SIZES:
            self._predicted(pl.concat([row] * size))

    async def predict(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the predictions for the rows of a request.

        Raises
        ------
        RequestRefused
            503 where too many rows wait, 400 where the model cannot take the rows.
        """
        if self._rows and self._rows + frame.height > self._most_waiting:
            raise RequestRefused(503, "too many rows are waiting; try again in a second.")
        answer: asyncio.Future[pl.DataFrame] = asyncio.get_running_loop().create_future()
        self._waiting.append((frame, answer))
        self._rows += frame.height
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                batch = self._next()
                results = await loop.run_in_executor(self._thread, self._results, [one for one, _ in batch])
                for (frame, answer), result in zip(batch, results, strict=True):
                    self._rows -= frame.height
                    if answer.done():  # the one who asked gave up
                        continue
                    if isinstance(result, BaseException):
                        answer.set_exception(result)
                    else:
                        answer.set_result(result)
        finally:
            self._running = None

    def _next(self) -> list[tuple[pl.DataFrame, asyncio.Future[pl.DataFrame]]]:
        """Take the requests that fit into a batch together; one in any case."""
        batch = [self._waiting.popleft()]
        rows = batch[0][0].height
        while self._waiting and rows + self._waiting[0][0].height <= _SIZES[-1]:
            batch.append(self._waiting.popleft())
            rows += batch[-1][0].height
        return batch

    def _results(self, frames: list[pl.DataFrame]) -> list[pl.DataFrame | BaseException]:
        """Return predictions or what went wrong, for each request; one's mistake is not another's."""
        if len(frames) > 1:
            try:
                together = self._predicted(pl.concat(frames))
            except Exception:  # whose it is shows alone
                return [self._result(frame) for frame in frames]
            ends = [0]
            for frame in frames:
                ends.append(ends[-1] + frame.height)
            return [together.slice(first, last - first) for first, last in itertools.pairwise(ends)]
        return [self._result(frames[0])]

    def _result(self, frame: pl.DataFrame) -> pl.DataFrame | BaseException:
        try:
            return self._predicted(frame)
        except DataError as error:
            return RequestRefused(400, str(error))
        except Exception as error:  # a bug answers its request alone, with 500, and the server goes on
            return error

    def _predicted(self, frame: pl.DataFrame) -> pl.DataFrame:
        rows = frame.height
        size = next((one for one in _SIZES if one >= rows), rows + -rows % _SIZES[-1])
        filled = frame if size == rows else pl.concat([frame, *[frame[:1]] * (size - rows)])
        return self._model.predict(filled, probabilities=self._model.is_classifier, **self._options)[:rows]
