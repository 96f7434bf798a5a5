"""What every form of a comparison says: its aspects, their changes in groups, and the summary.

Layers of a model change alike, so tensors whose names differ in numbers alone stand together.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from msgspec import Struct

from probatum.audit.comparing import Comparison, Told
from probatum.comparison.differences import SAME, Aspect, Change
from probatum.comparison.measures import Measure
from probatum.comparison.record import Item, identity, purl
from probatum.render.evidence import plural

SIGNS = {"changed": "~", "added": "+", "removed": "-", "renamed": ">"}
NOUNS = {
    "tensors": "tensor", "template": "template", "tokenizer": "part", "config": "part",
    "code": "file", "files": "file",
}  # fmt: skip
_NUMBER = re.compile(r"\d+")
_SHOWN_LOST = 20


class Row(Struct, frozen=True):
    """One change, or several of a kind: `sign` and `name`, what is said of them, and more lines.

    `hidden` is what nobody sees of it.
    """

    sign: str
    name: str
    says: str
    lines: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()


def state(aspect: Aspect) -> str:
    """What an aspect is, in one word."""
    if aspect.none:
        return "none"
    return "proven" if aspect.proven else aspect.state


def headline(aspect: Aspect) -> str:
    """What is said of an aspect, in a few words."""
    if aspect.none:
        return "neither has any"
    noun = NOUNS[aspect.name]
    if aspect.state == SAME:
        twice = ", read twice" if aspect.proven else ""
        each = "each " if aspect.same > 1 else ""
        return f"{plural(aspect.same, noun)}, {each}with the same digest{twice}"
    counted = Counter(one.how for one in aspect.changes)
    parts = [f"{counted[how]:,} {how}" for how in SIGNS if counted[how]]
    parts += [f"{aspect.same:,} the same"] if aspect.same else []
    parts += [f"{len(aspect.lost):,} could not be read"] if aspect.lost else []
    return ", ".join(parts)


def summary(comparison: Comparison) -> str:
    """How many aspects are what."""
    counted = Counter(one.state for one in comparison.aspects if not one.none)
    parts = [f"{plural(counted[SAME], 'aspect')} the same"]
    if shown := sum(one.proven for one in comparison.aspects):
        parts[0] += f" ({shown} proven)"
    parts += [f"{counted[word]} {says}" for word, says in _OTHERS if counted[word]]
    return ", ".join(parts)


_OTHERS = (("differs", "different"), ("undecided", "undecided"))


def stored(comparison: Comparison) -> str:
    """That tensors have other names, types or files, if they do: a loader may go by names."""
    tensors = next(one for one in comparison.aspects if one.name == "tensors")
    return "; ".join(filter(None, (_weights(tensors), _quantised(tensors), _files_of(comparison))))


def _weights(tensors: Aspect) -> str:
    if tensors.changes and not tensors.lost and {one.how for one in tensors.changes} == {"renamed"}:
        return "the same weights, under other names"
    return ""


def _quantised(tensors: Aspect) -> str:
    """That the second has blocks where the first has numbers, under whatever names."""
    gone = {one.before.dtype for one in tensors.changes if one.before is not None}
    come = {one.after.dtype for one in tensors.changes if one.after is not None}
    blocks = sorted(one for one in come - gone if _BLOCKS.match(one))
    if not blocks:
        return ""
    return f"quantised tensors ({', '.join(blocks)}) cannot equal those that they were made from"


_BLOCKS = re.compile(r"I?Q\d|TQ\d|MXFP4")


def _files_of(comparison: Comparison) -> str:
    first, second = (
        sorted({one.file for one in record.items if one.aspect == "tensors"})
        for record in (comparison.first, comparison.second)
    )
    if first == second or not first or not second or len(first) == len(second) == 1:
        return ""
    return f"tensors are stored in {_listed(first)} and in {_listed(second)}"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names):,} files ({names[0]}, …)"


def identities(comparison: Comparison) -> Iterator[tuple[str, str, str]]:
    """Of each model: its name, its identity or why there is none, and its package URL."""
    for one in (comparison.first, comparison.second):
        said = identity(one) if not one.lost else "no identity: not all of it could be read"
        yield one.source, said, purl(one.source)


def rows(comparison: Comparison, aspect: Aspect, *, each: bool = False) -> Iterator[Row]:
    """The changes of an aspect; tensors in groups, unless `each` is wanted."""
    own = [pair for pair in comparison.changes() if pair[0].aspect == aspect.name]
    if aspect.name != "tensors" or each:
        yield from (_single(change, told) for change, told in own)
    else:
        groups: dict[tuple[str, ...], list[tuple[Change, Told]]] = defaultdict(list)
        for change, told in own:
            groups[_group(change, told)].append((change, told))
        for members in groups.values():
            yield _single(*members[0]) if len(members) == 1 else _several(members)
    for lost in aspect.lost[:_SHOWN_LOST]:
        yield Row("?", lost.file, f"{lost.reason}: {lost.detail}")
    if more := len(aspect.lost[_SHOWN_LOST:]):
        yield Row("?", f"{more:,} more", "could not be read")


def _group(change: Change, told: Told) -> tuple[str, ...]:
    items = [one for one in (change.before, change.after) if one is not None]
    types = [f"{one.dtype} {one.shape}" for one in items]
    why = told.measure.why if told.measure is not None else told.trouble
    why = _NUMBER.sub("*", why)
    return change.how, _NUMBER.sub("*", change.name), *types, why


def _single(change: Change, told: Told) -> Row:
    name = change.name
    if change.how == "renamed" and change.before is not None:
        name = f"{change.before.name} > {change.name}"
    return Row(
        SIGNS[change.how],
        name,
        _said(change, [told]),
        told.explanation.lines if told.explanation is not None else (),
        (*([change.alike] if change.alike else []), *_hidden(told)),
    )


def _hidden(told: Told) -> tuple[str, ...]:
    return told.explanation.hidden if told.explanation is not None else ()


def _several(members: Sequence[tuple[Change, Told]]) -> Row:
    change = members[0][0]
    name = _NUMBER.sub("*", change.name)
    if change.how == "renamed" and change.before is not None:
        name = f"{_NUMBER.sub('*', change.before.name)} > {name}"
    says = _said(change, [told for _, told in members])
    return Row(SIGNS[change.how], name, f"{len(members):,} tensors; {says}".rstrip("; "))


def _said(change: Change, told: Sequence[Told]) -> str:
    parts = [_types(change)]
    measures = [one.measure for one in told if one.measure is not None]
    if measures:
        parts.append(_measured(measures))
    parts += sorted({one.trouble for one in told if one.trouble})
    for one in told:
        if one.explanation is not None and one.explanation.more:
            parts.append(f"{one.explanation.more:,} more lines")
    return "; ".join(part for part in parts if part)


def _types(change: Change) -> str:
    before, after = change.before, change.after
    if change.aspect != "tensors":
        return _files(before, after)
    if before is None or after is None:
        return _type(before or after)
    old, new = _type(before), _type(after)
    return old if old == new else f"{old} became {new}"


def _files(before: Item | None, after: Item | None) -> str:
    files = [one.file for one in (before, after) if one is not None and one.file != one.name]
    return f"in {' and '.join(dict.fromkeys(files))}" if files else ""


def _type(item: Item | None) -> str:
    if item is None or not item.dtype:
        return "a file whose tensors are not read"
    return f"{item.dtype} [{', '.join(map(str, item.shape))}]"


def _measured(measures: Sequence[Measure]) -> str:
    whys = sorted({one.why for one in measures if one.why})
    if whys:
        return whys[0] if len(whys) == 1 else f"{whys[0]}, and so on"
    if all(one.same_values for one in measures):
        return "the same values"
    elements = sum(one.elements for one in measures)
    share = sum(one.changed for one in measures) / elements if elements else 0.0
    bad = sum(one.not_finite for one in measures)
    rows = max(one.rows for one in measures)
    if rows and not share:
        return f"the first {rows:,} rows are the same"
    where = f"of the first {rows:,} rows, " if rows else ""
    said = (
        f"{where}{_percent(share)} of the elements,"
        f" by {max(one.largest for one in measures):.3g} at most,"
        f" L2 {_range([one.relative for one in measures])} of the norm,"
        f" cosine {min(one.cosine for one in measures):.6f}"
    )
    return said + (f", {bad:,} not finite" if bad else "")


def _range(values: Sequence[float]) -> str:
    least, most = f"{min(values):.2%}", f"{max(values):.2%}"
    return most if least == most else f"{least} to {most}"


def _percent(share: float) -> str:
    """A share that is not nothing is never called 0 %, and one that is not all never 100 %."""
    said = f"{share:.1%}"
    if share > 0 and said == "0.0%":
        return "under 0.1%"
    return "over 99.9%" if share < 1 and said == "100.0%" else said
