"""A comparison as JSON: both records, and every change with all that is told of it."""

import msgspec

from probatum.audit.comparing import Comparison
from probatum.comparison.record import (
    Record,
    identity,
    purl,
    tensors_identity,
    weights_identity,
)


def render(comparison: Comparison, *, asked: tuple[str, ...] = ()) -> str:
    """One object; a model's `identity` is there only if all of it could be read."""
    told = {
        "schema": "probatum-comparison/1",
        "asked": list(asked),
        "aspects": [
            {
                "name": one.name,
                "state": "none" if one.none else one.state,
                "proven": one.proven,
                "same": one.same,
                "lost": one.lost,
                "changes": [
                    {
                        "how": change.how,
                        "before": change.before,
                        "after": change.after,
                        "measure": more.measure,
                        "explanation": more.explanation,
                        "trouble": more.trouble,
                        "alike": change.alike,
                    }
                    for change, more in comparison.changes()
                    if change.aspect == one.name
                ],
            }
            for one in comparison.aspects
        ],
        "models": [
            {
                "identity": "" if one.lost else identity(one),
                "tensors": "" if one.lost else tensors_identity(_tensors(one)),
                "weights": "" if one.lost else weights_identity(_digests(one)),
                "purl": purl(one.source),
                "record": one,
            }
            for one in (comparison.first, comparison.second)
        ],
        "trouble": comparison.trouble,
    }
    return msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n"


def _tensors(record: Record) -> list[tuple[str, str]]:
    return [(one.name, one.digest) for one in record.items if one.aspect == "tensors"]


def _digests(record: Record) -> list[str]:
    return [digest for _, digest in _tensors(record)]
