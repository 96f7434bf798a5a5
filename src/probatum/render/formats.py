"""The forms a report can take: each is the module of that name beside this one."""

import importlib
from typing import Any

from probatum.vocabulary import Report

FORMATS = ("terminal", "json", "sarif", "junit", "markdown", "html")


def rendered(report: Report, form: str, **options: Any) -> str:
    """The report in one of `FORMATS`; only that renderer is imported.

    `options` are the renderer's own: `terminal` takes `colour` and `verbose`, `sarif` takes
    `decision` and `problems_only`, `junit` takes `decision`.
    """
    module = importlib.import_module(f"probatum.render.{FORMATS[FORMATS.index(form)]}")
    text: str = module.render(report, **options)
    return text
