"""A model or a data set as a part of a bill, with its files and what it is made from."""

import posixpath
import re
from collections import Counter
from collections.abc import Iterator

from probatum.bom.cards import Card, Named
from probatum.bom.configs import Config
from probatum.bom.drafts import Draft, file_part
from probatum.bom.homes import Home, folder_of
from probatum.bom.licenses import spelled
from probatum.bom.telling import Told
from probatum.bom.weights import KINDS as WEIGHTS
from probatum.comparison import contents
from probatum.comparison.record import tensors_identity, weights_identity
from probatum.components import Component, purl
from probatum.formats.bills import (
    CONTAINS,
    DATA,
    DERIVED_FROM,
    MODEL,
    TENSORS,
    TRAINED_ON,
    WEIGHTS_ALONE,
    Model,
    Part,
    Spot,
)

# `hf://owner/name@commit`, and the folder in which the hub's own cache keeps a snapshot.
_ADDRESS = re.compile(r"hf://(?:datasets/)?([^@]+)@([0-9a-f]{40})(?:/|\Z)")
_CACHED = re.compile(
    r"(?:\A|.*/)(?:models|datasets)--([^/]+?)(?:--([^/]+))?/snapshots/([0-9a-f]{40})\Z"
)
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)?", re.ASCII)
_CONFIGURED_IN = ("config.json", "model_index.json", "adapter_config.json")


def added(draft: Draft, home: Home, target: str) -> str:
    """Take a model or data set into the bill, with its files; returns its reference.

    `target` is what the target is called, if it is this and nothing else.
    """
    card, config = _card(home), _config(home)
    name, version = _identity(home, target)
    license = spelled((card.license if card else "") or _said(home, "license"))
    is_repository = bool(version)
    component = Component(ecosystem="Hugging Face", name=name, version=version)
    ref = draft.add(
        Part(
            ref=f"{'model' if home.type == MODEL else 'data'}:{name}",
            type=home.type,
            name=name,
            version=version,
            purl=_hub_purl(component, home.type) if is_repository else "",
            digests=_only_digest(home),
            licenses=(license,) if license else (),
            facts=tuple(_identities(home)),
            model=_model(home, card, config) if home.type == MODEL else None,
        )
    )
    for one in home.files:
        draft.link(ref, CONTAINS, draft.add(file_part(one, _within(home, one))))
    _origins(draft, home, ref, card, config)
    _lacks(draft, ref, card)
    return ref


def _identity(home: Home, target: str) -> tuple[str, str]:
    """What it is called, and at which commit of a hub: known for its own address and its cache."""
    place = target or home.path
    address = _ADDRESS.match(home.path) or _ADDRESS.match(f"{place}/")
    if address is not None:
        return address[1], address[2]
    cached = _CACHED.match(place)
    if cached is not None:
        return "/".join(one for one in cached.group(1, 2) if one), cached[3]
    base = posixpath.basename(place.rstrip("/")) if home.is_folder else place
    return base or _said(home, "name") or "model", ""


def _identities(home: Home) -> Iterator[tuple[str, str]]:
    """What its tensors are, where all of them are told; and where its files were downloaded."""
    files = [one for one in home.files if one.artifact.kind in WEIGHTS]
    if files and all(one.tensors is not None for one in files):
        named = [
            (contents.folder(_within(home, one), one.artifact.kind) + name, digest)
            for one in files
            for name, digest in one.tensors or ()
        ]
        yield TENSORS, tensors_identity(named)
        yield WEIGHTS_ALONE, weights_identity(digest for _, digest in named)
    commits = {one.commit for one in home.files if one.commit}
    if len(commits) == 1:
        yield "probatum:downloaded at commit", commits.pop()


def _hub_purl(component: Component, type: str) -> str:
    """The package URL; the specification has none for data sets of the hub."""
    return purl(component) if type == MODEL else ""


def _only_digest(home: Home) -> tuple[str, ...]:
    """A model of one file is that file."""
    digest = home.files[0].artifact.digest
    return (digest,) if len(home.files) == 1 and not home.is_folder and digest else ()


def _within(home: Home, one: Told) -> str:
    """What a file of it is called inside of it."""
    name = one.artifact.name
    if home.is_folder and home.path:
        return name.replace("!/", "/")[len(home.path) + 1 :]
    return name if home.is_folder else posixpath.basename(name)


def _nearest(home: Home) -> list[Told]:
    """Its files, those that lie at its top first."""
    return sorted(home.files, key=lambda one: len(folder_of(one)))


def _card(home: Home) -> Card | None:
    return next((one.card for one in _nearest(home) if one.card is not None), None)


def _config(home: Home) -> Config:
    """What its configurations say, as one: those at its top, and what only they leave unsaid."""
    merged = Config()
    tops = [one for one in _nearest(home) if one.config is not None]
    for one in tops:
        if folder_of(one) != folder_of(tops[0]) or one.config is None:
            continue
        known = dict(merged.facts)
        merged = Config(
            family=merged.family or one.config.family,
            architecture=merged.architecture or one.config.architecture,
            base=merged.base or one.config.base,
            facts=tuple((dict(one.config.facts) | known).items()),
        )
    return merged


def _said(home: Home, field: str) -> str:
    """What the first header that says something of this says."""
    all = (getattr(one.weights, field, "") for one in home.files)
    return next((one for one in all if one), "")


def _model(home: Home, card: Card | None, config: Config) -> Model:
    return Model(
        task=card.task if card else "",
        family=config.family or _said(home, "family"),
        architecture=config.architecture,
        facts=tuple(_facts(home, card, config)),
    )


def _facts(home: Home, card: Card | None, config: Config) -> Iterator[tuple[str, str]]:
    counts: Counter[str] = Counter()
    for one in home.files:
        counts.update(dict(one.weights.types) if one.weights else {})
    if counts:
        yield "probatum:parameters", str(counts.total())
        most = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
        yield "probatum:tensor types", ", ".join(f"{type} {count}" for type, count in most)
    if card is not None and card.library:
        yield "probatum:library", card.library
    seen: dict[str, str] = dict(config.facts)
    for one in home.files:
        for name, value in one.weights.facts if one.weights else ():
            seen.setdefault(name, value)
    yield from ((f"probatum:{name}", value) for name, value in seen.items())
    for one in home.files:
        for name, digest in one.templates:
            yield f"probatum:chat template {_within(home, one)}!/{name}", digest


def _origins(draft: Draft, home: Home, ref: str, card: Card | None, config: Config) -> None:
    """What it derives from and was trained on, as far as it says so."""
    by = next((one.artifact.name for one in _nearest(home) if one.card is not None), "")
    bases = [(one, Spot(by, one.line)) for one in (card.bases if card else ())]
    for one in home.files:
        names = one.weights.bases if one.weights else ()
        bases += [(Named(name, 0), Spot(one.artifact.name)) for name in names]
    if config.base:
        where = next((one.artifact.name for one in _nearest(home) if one.config is not None), "")
        bases.append((Named(config.base, 0), Spot(where)))
    for named, spot in bases:
        draft.link(ref, DERIVED_FROM, draft.named(_elsewhere(named.name, MODEL), spot))
    for named in card.datasets if card else ():
        spot = Spot(by, named.line)
        draft.link(ref, TRAINED_ON, draft.named(_elsewhere(named.name, DATA), spot))


def _elsewhere(name: str, type: str) -> Part:
    """A model or data set that is named, and not among what the bill is made from."""
    is_repository = type == MODEL and "/" in name and _REPOSITORY.fullmatch(name)
    component = Component(ecosystem="Hugging Face", name=name)
    return Part(
        ref=f"named-{'model' if type == MODEL else 'data'}:{name}",
        type=type,
        name=name,
        purl=purl(component) if is_repository else "",
        external=True,
    )


def _lacks(draft: Draft, ref: str, card: Card | None) -> None:
    part = draft.parts[ref]
    if not part.licenses:
        draft.lack(f"the licence of {part.name} is not known")
    if not part.version:
        draft.lack(f"the version of {part.name} is not known")
    if part.model is None:
        return
    if not (part.model.architecture or part.model.family):
        draft.lack(f"the architecture of {part.name} is not known")
    if not any(name == "probatum:parameters" for name, _ in part.model.facts):
        draft.lack(f"the number of parameters of {part.name} is not known")
    elif not any(name == TENSORS for name, _ in part.facts):
        draft.lack(f"the identity of {part.name} is not known: not all of its weights are read")
    if card is None or not card.datasets:
        draft.lack(f"what {part.name} was trained on is not known")
