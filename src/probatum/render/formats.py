"""The forms a report can take: each is the module of that name beside this one."""

import importlib
from typing import TYPE_CHECKING

from probatum.vocabulary import Report

if TYPE_CHECKING:
    from probatum.policy import Decision

FORMATS = ("terminal", "json", "sarif", "junit", "markdown", "html")


def rendered(
    report: Report, form: str, *, decision: "Decision | None" = None, **options: bool
) -> str:
    """The report in one of `FORMATS`; only that renderer is imported.

    `decision` says what the policy makes of it: all but `json`, which is the findings alone, show
    it. `options` are the renderer's own: `terminal` takes `colour` and `verbose`, `sarif` takes
    `problems_only`.
    """
    module = importlib.import_module(f"probatum.render.{FORMATS[FORMATS.index(form)]}")
    if form != "json":
        text: str = module.render(report, decision=decision, **options)
    else:
        text = module.render(report, **options)
    return text
