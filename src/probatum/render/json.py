"""The report as JSON, in the form that `report-v1.schema.json` describes."""

from typing import Any

import msgspec

from probatum.vocabulary import Report
from probatum.wire import to_json


def render(report: Report) -> str:
    """The report as JSON text, one finding a line."""
    return to_json(report).decode()


def schema() -> dict[str, Any]:
    """The published JSON Schema (draft 2020-12) of a report."""
    from importlib import resources  # 10 ms of CPU, and no report needs it

    text = resources.files("probatum.render").joinpath("report-v1.schema.json").read_bytes()
    read: dict[str, Any] = msgspec.json.decode(text)
    return read
