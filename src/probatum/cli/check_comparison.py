"""What `probatum check` does with the JSON of a comparison: makes it again, and compares the two.

Nothing in the document is trusted: both models are read twice more, once by the readers of
`probatum.check`, and what the document calls proven must be shown by both.
"""

from __future__ import annotations

import argparse

TYPE_CHECKING = False  # see help.py
if TYPE_CHECKING:
    from typing import Any

    from probatum.audit.comparing import Comparison

_SCHEMA = b'"probatum-comparison/1"'
_HOLDS, _REJECTED = "holds", "rejected"


def is_comparison(data: bytes) -> bool:
    """Whether this is the JSON that `probatum compare --format json` writes."""
    return _SCHEMA in data[:100]


def run(arguments: argparse.Namespace, data: bytes) -> int:
    """The exit code: 0 holds, 1 rejected, 2 nothing is called proven. Raises: UsageError."""
    import json

    from probatum.cli.output import write

    outcomes = _outcomes(_said(data), _derived(arguments))
    if arguments.format == "json":
        rows = [dict(zip(("aspect", "outcome", "why"), one, strict=True)) for one in outcomes]
        text = json.dumps({"checked": rows}, indent=1) + "\n"
    else:
        faults = [f"{how:10}  {name}  {why}\n" for name, how, why in outcomes if why]
        held = sum(how == _HOLDS for _, how, _ in outcomes)
        count = f"{held} proven to be the same again, {len(outcomes) - held} rejected\n"
        text = "".join([*faults, count])
    write(text, arguments.output)
    if any(how == _REJECTED for _, how, _ in outcomes):
        return 1
    return 0 if outcomes else 2


def _said(data: bytes) -> dict[str, Any]:
    from probatum.errors import FormatError, UsageError
    from probatum.formats.strict_json import parsed

    try:
        said = parsed(data, "the comparison")
    except FormatError as exc:
        raise UsageError(exc.detail) from exc
    if not isinstance(said, dict) or not isinstance(said.get("aspects"), list):
        raise UsageError("the comparison is none: write it anew with --format json")
    return said


def _derived(arguments: argparse.Namespace) -> Comparison:
    from functools import partial

    from probatum.adapters.anywhere import roots
    from probatum.audit.comparing import compared
    from probatum.cli.limits import settings
    from probatum.cli.output import say
    from probatum.configuration import Configuration
    from probatum.errors import UsageError

    if len(arguments.targets) != 2:
        raise UsageError("a comparison is of two models: name both, in its order")
    chosen = settings(arguments, Configuration(), jobs=1)
    first, second = arguments.targets
    return compared(
        first,
        second,
        limits=chosen.limits,
        caps=chosen.caps,
        roots_of=partial(roots, exclude=arguments.exclude),
        prove=True,
        on_note=say,
    )


def _outcomes(said: dict[str, Any], derived: Comparison) -> list[tuple[str, str, str]]:
    """For each aspect that is called proven, and each that is told otherwise: what became of it."""
    found = {one.name: one for one in derived.aspects}
    outcomes = []
    for told in said["aspects"]:
        aspect = found.get(str(told.get("name"))) if isinstance(told, dict) else None
        if aspect is None:
            outcomes.append(("?", _REJECTED, "there is no such aspect"))
            continue
        state = "none" if aspect.none else aspect.state
        if told.get("state") != state:
            why = f"it is told as {str(told.get('state'))[:20]!a}, and is {state}"
            outcomes.append((aspect.name, _REJECTED, why))
        elif told.get("proven") is True:
            same = aspect.proven and told.get("same") == aspect.same
            why = "" if same else "the second reading does not show it"
            outcomes.append((aspect.name, _HOLDS if same else _REJECTED, why))
    return outcomes
