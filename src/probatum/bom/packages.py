"""The packages that a target's inventories name, as parts of its bill."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from probatum.bom.drafts import Draft
from probatum.bom.homes import folder_of
from probatum.bom.telling import Told
from probatum.components import Component, purl
from probatum.formats.bills import DEPENDS_ON, LIBRARY, Part, Spot
from probatum.inventory.needs import needed


def add(draft: Draft, files: Sequence[Told], main: str) -> None:
    """Take in every package, once for each version, with every place that names it."""
    refs: dict[str, None] = {}
    links: dict[tuple[str, str], None] = {}
    licenses = {one.artifact.name: one.license for one in files if one.license}
    locked = _locked(files)
    for one in files:
        if one.inventory is None:
            continue
        name = one.artifact.name
        for component in one.inventory.components:
            place = Spot(component.place.part or name, component.place.line or 0)
            for each in _fixed(component, folder_of(one), locked):
                ref = draft.named(_part(each), place)
                _digests(draft, ref, each)
                _licensed(draft, ref, licenses.get(place.location, ""))
                refs[ref] = None
                if not each.version:
                    wanted = f" ({each.wanted})" if each.wanted else ""
                    draft.lack(f"the version of {each.name}{wanted} is not fixed in {name}")
        for user, used in needed(one.inventory):
            links[_part(user).ref, _part(used).ref] = None
        for unread in one.inventory.unread:
            where = f"{name}, {unread.place}" if str(unread.place) else name
            draft.lack(f"{where}: {unread.why}")
    for ref in _first(refs, links):
        draft.link(main, DEPENDS_ON, ref)
    for above, below in links:
        if above != below and {above, below} <= set(refs):
            draft.link(above, DEPENDS_ON, below)
    _lacks(draft, refs)


def _first(refs: Iterable[str], links: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Those that nothing else needs, and one of each circle that would else hang on nothing."""
    below: dict[str, list[str]] = {}
    for one, other in links:
        below.setdefault(one, []).append(other)
    needed_ones = {other for one, other in links if one != other}
    refs = list(refs)
    reached: set[str] = set()
    for ref in (*(one for one in refs if one not in needed_ones), *refs):
        if ref in reached:
            continue
        yield ref
        open = [ref]
        while open:
            at = open.pop()
            if at not in reached:
                reached.add(at)
                open += below.get(at, ())


def _lacks(draft: Draft, refs: Iterable[str]) -> None:
    """One line for all the packages without a licence: a lock file knows none."""
    bare = [draft.parts[ref].name for ref in refs if not draft.parts[ref].licenses]
    if len(bare) == 1:
        draft.lack(f"the licence of {bare[0]} is not known")
    elif bare:
        draft.lack(f"the licences of {len(bare)} packages are not known")


Locked = dict[tuple[str, str, str], list[Component]]


def _locked(files: Sequence[Told]) -> Locked:
    """What the lock files fix, by their folders, ecosystems and names."""
    found: Locked = {}
    for one in files:
        if one.inventory is not None and one.inventory.resolved:
            for component in one.inventory.components:
                if component.version:
                    key = folder_of(one), component.ecosystem, component.name
                    found.setdefault(key, []).append(component)
    return found


def _fixed(component: Component, folder: str, locked: Locked) -> list[Component]:
    """What a range stands for: the versions that the lock file beside it fixes, if one does."""
    if component.version or component.source:
        return [component]
    return locked.get((folder, component.ecosystem, component.name), [component])


def _licensed(draft: Draft, ref: str, license: str) -> None:
    part = draft.parts[ref]
    if license and license not in part.licenses:
        draft.parts[ref] = replace(part, licenses=(*part.licenses, license))


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
