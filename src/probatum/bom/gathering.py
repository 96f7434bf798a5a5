"""Puts the bill of a target together from what its files tell, and says what it lacks."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from probatum.bom import models, packages, services
from probatum.bom.drafts import Draft, file_part
from probatum.bom.homes import Home, folder_of, homes
from probatum.bom.telling import Told
from probatum.formats.bills import APPLICATION, CONTAINS, DEPENDS_ON, Bill, Part
from probatum.formats.python_environment import KIND as ENVIRONMENT


class Gathered(Struct, frozen=True):
    """A bill, and one line for each thing that it ought to say and does not."""

    bill: Bill
    lacks: tuple[str, ...]


def gathered(name: str, files: Sequence[Told], *, all_files: bool = False) -> Gathered:
    """The bill of the target called `name`, made of all its files.

    With `all_files` every file is a part; otherwise those of models and data sets are.
    """
    draft = Draft()
    files = _joined(files)
    held = [one for one in files if one.artifact.kind != ENVIRONMENT]
    found = homes(held)
    subject = _subject(found, held)
    for one in files:
        for line in one.troubles:
            draft.lack(line)
    refs = {one.path: models.added(draft, one, name if one is subject else "") for one in found}
    if subject is not None:
        main = refs[subject.path]
    else:
        main = draft.add(Part(ref=f"target:{name}", type=APPLICATION, name=name))
        for ref in refs.values():
            draft.link(main, DEPENDS_ON, ref)
    packages.add(draft, files, main)
    services.add(draft, files, main)
    if all_files:
        _rest(draft, found, held, main)
    return Gathered(draft.bill(main), tuple(draft.lacks))


def _joined(files: Sequence[Told]) -> tuple[Told, ...]:
    """Each file once, with every trouble that is told of it."""
    found: dict[str, Told] = {}
    for one in files:
        known = found.get(one.artifact.name)
        if known is not None:
            one = replace(known, troubles=known.troubles + one.troubles)
        found[one.artifact.name] = one
    return tuple(found.values())


def _subject(found: tuple[Home, ...], files: Sequence[Told]) -> Home | None:
    """The one model or data set that the target is, if it is one."""
    if len(found) != 1:
        return None
    only = found[0]
    if only.is_folder and all(_inside(one, only.path) for one in files):
        return only
    return only if len(only.files) == len(files) else None


def _inside(one: Told, folder: str) -> bool:
    where = folder_of(one)
    return not folder or where == folder or where.startswith(f"{folder}/")


def _rest(draft: Draft, found: tuple[Home, ...], files: Sequence[Told], main: str) -> None:
    """Every file that belongs to no model and no data set."""
    taken = {one.artifact.name for home in found for one in home.files}
    for one in files:
        if one.artifact.name not in taken:
            draft.link(main, CONTAINS, draft.add(file_part(one, one.artifact.name)))
