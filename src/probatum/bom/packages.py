"""The packages that a target's inventories name, as parts of its bill."""

from collections.abc import Sequence

from msgspec.structs import replace

from probatum.bom.drafts import Draft
from probatum.bom.telling import Told
from probatum.components import Component, purl
from probatum.formats.bills import DEPENDS_ON, LIBRARY, Part, Spot


def add(draft: Draft, files: Sequence[Told], main: str) -> None:
    """Take in every package, once for each version, with every place that names it."""
    refs: dict[str, None] = {}
    for one in files:
        if one.inventory is None:
            continue
        name = one.artifact.name
        for component in one.inventory.components:
            place = Spot(component.place.part or name, component.place.line or 0)
            ref = draft.named(_part(component), place)
            _digests(draft, ref, component)
            refs[ref] = None
            if not component.version:
                wanted = f" ({component.wanted})" if component.wanted else ""
                draft.lack(f"the version of {component.name}{wanted} is not fixed in {name}")
        for unread in one.inventory.unread:
            draft.lack(f"{name}, {unread.place}: {unread.why}")
    for ref in refs:
        draft.link(main, DEPENDS_ON, ref)
    if refs:
        count = f"{len(refs)} packages" if len(refs) > 1 else "1 package"
        draft.lack(f"the licences of {count} are not known: an inventory does not say them")


def _part(component: Component) -> Part:
    url = purl(component)
    facts = [("probatum:ecosystem", component.ecosystem)]
    if component.wanted and not component.version:
        facts.append(("probatum:wanted", component.wanted))
    if component.source:
        facts.append(("probatum:source", component.source))
    # What is taken from elsewhere, or is not fixed, is not the same thing as a release.
    elsewhere = [value for name, value in facts if name != "probatum:ecosystem"]
    name = url or f"{component.ecosystem}:{component.name}@{component.version}"
    return Part(
        ref=" ".join([name, *elsewhere]),
        type=LIBRARY,
        name=component.name,
        version=component.version,
        purl=url,
        facts=tuple(facts),
    )


def _digests(draft: Draft, ref: str, component: Component) -> None:
    """The digests that a lock file gives are those of the files that a release consists of.

    They are many for one release, and none is that of the package: they are facts of it.
    """
    part = draft.parts[ref]
    known = set(part.facts)
    more = [("probatum:distribution", one) for one in sorted(component.hashes)]
    fresh = tuple(one for one in more if one not in known)
    if fresh:
        draft.parts[ref] = replace(part, facts=part.facts + fresh)
