"""What a served model takes and gives, as an OpenAPI document."""

from __future__ import annotations

from typing import Any

from wengert.serving.request_rows import EXPECTED
from wengert.tabular.table_model import TableModel
from wengert.version import __version__

_SCHEMAS: dict[str, dict[str, Any]] = {
    "numeric": {"type": ["number", "null"]},
    "boolean": {"type": ["boolean", "null"]},
    "date": {"type": ["string", "null"], "examples": ["2024-05-31"]},
    "categorical": {"type": ["string", "null"]},
}
_REFUSALS = {
    "400": "Rows that the model cannot take: the column, and what is expected there",
    "401": "The token is missing or wrong",
    "408": "The body did not come in time",
    "413": "The body is too large",
    "415": "Neither JSON nor CSV",
    "503": "Too much to do; try again",
}


def openapi(
    model: TableModel, kinds: dict[str, str], *, token: bool, interval: float | None = None
) -> dict[str, Any]:
    """Return the OpenAPI 3.1 description.

    Parameters
    ----------
    model : TableModel
    kinds : dict of str to str
        Of each column that the model takes.
    token : bool
        Whether one is needed.
    interval : float, optional
        The probability with which the true value is in the intervals or sets of the answers.
    """
    target = model.preprocessor.target
    row = {
        "type": "object",
        "required": list(kinds),
        "properties": {
            name: {**_SCHEMAS[kind], "description": EXPECTED[kind]} for name, kind in kinds.items()
        },
    }
    prediction: dict[str, Any] = {"enum": list(target.classes)} if target.classes else {"type": "number"}
    of_rows: dict[str, dict[str, Any]] = {"predictions": prediction}
    if target.classes:
        share = {"type": "number", "minimum": 0, "maximum": 1}
        shares = {str(known): share for known in target.classes}
        of_rows["probabilities"] = {"type": "object", "properties": shares}
    if interval is not None:
        name = "sets" if target.classes else "intervals"
        text = f"holds the true value with a probability of {interval:g}"
        of_rows[name] = {"type": "array", "items": prediction, "description": text}
    properties = {name: {"type": "array", "items": items} for name, items in of_rows.items()}
    refused = {
        "type": "object",
        "required": ["error"],
        "properties": {"error": {"type": "string"}, "column": {"type": "string"}, "row": {"type": "integer"}},
    }
    rows = {"oneOf": [row, {"type": "array", "items": row, "minItems": 1}]}
    answers: dict[str, Any] = {
        status: {"description": text, "content": {"application/json": {"schema": refused}}}
        for status, text in _REFUSALS.items()
        if token or status != "401"
    }
    answers["200"] = {
        "description": f"{target.name} of each row, in their order",
        "content": {
            "application/json": {"schema": {"type": "object", "properties": properties}},
            "text/csv": {"schema": {"type": "string"}},
        },
    }
    body = {"application/json": {"schema": rows}, "text/csv": {"schema": {"type": "string"}}}
    predict: dict[str, Any] = {
        "summary": f"Predict {target.name}",
        "requestBody": {"required": True, "content": body},
        "responses": dict(sorted(answers.items())),
    }
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": f"Predictions of {target.name}", "version": __version__},
        "paths": {
            "/predict": {"post": predict},
            "/health": {
                "get": {"summary": "Whether it answers", "responses": {"200": {"description": "It does"}}}
            },
        },
    }
    if token:
        document["components"] = {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}}
        predict["security"] = [{"token": []}]
    return document
