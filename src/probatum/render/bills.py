"""Forms of what differs between two bills of materials."""

from collections.abc import Callable, Iterator

import msgspec

from probatum.bom.difference import Change, Difference
from probatum.formats.bills import TENSORS, Part
from probatum.render.visible import one_cell, visible


def terminal(found: Difference) -> str:
    """One line for each part, and each field of one that changed."""
    lines = [*_lines(found)]
    return "".join(f"{line}\n" for line in (*lines, *([""] if lines else []), summary(found)))


def markdown(found: Difference) -> str:
    """A table for a pull request."""
    rows = [
        "| | part | before | after |",
        "|---|---|---|---|",
        *(_row("added", one, "", one.version) for one in found.added),
        *(_row("removed", one, one.version, "") for one in found.removed),
        *(
            _row(f"changed {field}", one.after, before, after)
            for one in found.changed
            for field, before, after in one.fields
        ),
    ]
    rows += (_row("the same weights", new, old.name, new.name) for old, new in found.alike)
    table = "\n".join(rows) + "\n\n" if found.differs or found.alike else ""
    return f"{table}{summary(found)}\n"


def json(found: Difference) -> str:
    """For scripts."""
    said = {
        "added": [_plain(one) for one in found.added],
        "removed": [_plain(one) for one in found.removed],
        "changed": [
            _plain(one.after)
            | {
                "fields": [
                    {"field": field, "before": before, "after": after}
                    for field, before, after in one.fields
                ]
            }
            for one in found.changed
        ],
        "same": found.same,
        "same_weights": [
            {"before": _plain(before), "after": _plain(after)} for before, after in found.alike
        ],
    }
    return msgspec.json.format(msgspec.json.encode(said), indent=1).decode() + "\n"


FORMS: dict[str, Callable[[Difference], str]] = {
    "terminal": terminal,
    "json": json,
    "markdown": markdown,
}


def summary(found: Difference) -> str:
    return (
        f"{len(found.added)} added, {len(found.removed)} removed, {len(found.changed)} changed, "
        f"{found.same} the same"
    )


def _lines(found: Difference) -> Iterator[str]:
    for part in found.added:
        yield f"added    {_called(part)}  {visible(part.version)}".rstrip()
    for part in found.removed:
        yield f"removed  {_called(part)}  {visible(part.version)}".rstrip()
    for change in found.changed:
        yield from _changed(change)
    for old, new in found.alike:
        of = f"of {one_cell(old.name)}" if old.name != new.name else "in other files"
        under = "" if _fact(old) == _fact(new) else ", under other names"
        yield f"same     {_called(new)}  the weights {of}{under}"


def _changed(change: Change) -> Iterator[str]:
    for field, before, after in change.fields:
        was, now = (visible(one) or "(none)" for one in (before, after))
        yield f"changed  {_called(change.after)}  {field}: {was} -> {now}"


def _fact(part: Part) -> str:
    return dict(part.facts).get(TENSORS, "")


def _called(part: Part) -> str:
    return f"{one_cell(part.type)}  {one_cell(part.name)}"


def _row(what: str, part: Part, before: str, after: str) -> str:
    cells = (what, f"{part.type} {part.name}", before, after)
    return "| " + " | ".join(_cell(one) for one in cells) + " |"


def _cell(text: str) -> str:
    shown = visible(text).replace("\\", "\\\\")
    for sign in "|<>`*_[]&":
        shown = shown.replace(sign, f"\\{sign}")
    return shown


def _plain(part: Part) -> dict[str, object]:
    return {
        "type": part.type,
        "name": part.name,
        "version": part.version,
        "purl": part.purl,
        "digests": part.digests,
        "licenses": part.licenses,
    }
