"""What a claim finds in a deployment: broken at a place, or open with what would decide it."""

import re
from collections.abc import Callable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from probatum.deploy import rules
from probatum.deploy.asked import (
    address,
    fits,
    is_before,
    is_read,
    place_of,
    ports,
    said,
    started,
)
from probatum.deploy.model import Deployment, Grant, Reach, Service
from probatum.formats.values import Value
from probatum.vocabulary import Place


class Found(Struct, frozen=True):
    """What breaks the claim (`sure`), or may: where, by which rule, and what to write instead."""

    sure: bool
    says: str
    place: Place
    rule: str = ""
    why: str = ""
    instead: str = ""
    source: str = ""
    also: tuple[tuple[str, Place], ...] = ()


_HOME = re.compile(r"(?:~|\$HOME|\$\{HOME\}|/home/[^/$]+|/root)(?:/([^:]*))?(?s::.*)?\Z")
Judge = Callable[[Deployment], Iterator[Found]]


def open_services(deployment: Deployment) -> Iterator[Found]:
    """Services that other machines reach and that ask nobody who he is."""
    yield from elsewhere(deployment, "ports")
    for service in deployment.services:
        met = [
            (server, words)
            for server in rules.servers()
            if (words := started(service, server)) is not None
        ]
        for server, words in met:
            yield from _served(service, server, words)
        if not met:
            yield from _unknown(service)


def elsewhere(deployment: Deployment, of: str) -> Iterator[Found]:
    """What the file, or a service in it, leaves to others of this."""
    for gap in deployment.gaps:
        if of in gap.of:
            yield Found(False, f"it rests on {gap.says}", gap.place)
    for service in deployment.services:
        for gap in service.gaps:
            if of in gap.of:
                yield Found(False, f"{service.name} rests on {gap.says}", gap.place)


def _served(service: Service, server: rules.Server, words: tuple[Value, ...]) -> Iterator[Found]:
    listens, bound = address(service, words, server)
    if bound is None and service.image is None and not service.commands:
        listens = "everywhere"  # nothing is known but the variables: what starts it may say more
    if listens == "loopback":
        return
    state, at = _state(service, server, words)
    if server.still and state not in ("open", "opened"):
        state = "closed"  # whatever else decides, it answers in part
    if state == "closed" and not server.still:
        return
    for reach in _ways_in(service, server, words, bound):
        yield _found(service, server, words, reach, listens, state, at)


def _ways_in(
    service: Service, server: rules.Server, words: tuple[Value, ...], bound: Value | None
) -> Iterator[Reach]:
    if service.on_host and not server.lets_in:
        place = bound.place if bound is not None else place_of(service, words)
        yield Reach("", place, "it listens on every interface of its machine")
    for setting in server.lets_in:
        value = said(service, words, setting)
        if value is not None and fits(value, setting):
            yield Reach("", value.place, "any web page that a browser opens may ask it")
    if server.lets_in:
        return
    inside = ports(words, server)
    for reach in service.reaches:
        if not reach.port or inside is None or any(_covers(reach.port, one) for one in inside):
            yield reach


def _covers(ports: str, port: str) -> bool:
    """Whether a port, or a range of them, holds this one."""
    first, _, last = ports.partition("-")
    if last and first.isdigit() and last.isdigit() and port.isdigit():
        return int(first) <= int(port) <= int(last)
    return ports == port


def _state(
    service: Service, server: rules.Server, words: tuple[Value, ...]
) -> tuple[str, Value | None]:
    """`opened`, `closed`, `open` (by default) or what decides it; and the value that says so."""
    doubt: Value | None = None
    told = ((server.shut_by, "closed"), (server.opened_by, "opened"), (server.closed_by, "closed"))
    for settings, state in told:
        for setting in settings:
            value = said(service, words, setting)
            answer = fits(value, setting) if value is not None else False
            if answer:
                return state, value
            if answer is None and value is not None and doubt is None:
                doubt = value
    for setting in server.elsewhere:
        value = said(service, words, setting)
        if value is None or is_read(service, value):
            continue
        if (value.text or value.open) and doubt is None:
            named = setting.flag or setting.env or "the file"
            doubt = Value("", value.place, value.open or f"what {named} names ({value.text[:80]})")
    if doubt is not None:
        return doubt.open, doubt
    if server.asks:
        return server.asks, None
    if server.until:
        return _by_version(service, server), None
    return ("open" if server.open else "closed"), None


def _by_version(service: Service, server: rules.Server) -> str:
    older = is_before(service.image, server.until) if service.image is not None else None
    if older is None:
        return f"the version, which is not named here (open before {server.until})"
    return "open" if older else "closed"


def _found(
    service: Service,
    server: rules.Server,
    words: tuple[Value, ...],
    reach: Reach,
    listens: str,
    state: str,
    at: Value | None,
) -> Found:
    known = state in ("open", "opened", "closed")
    sure = (
        known
        and listens == "everywhere"
        and (reach.surely or (service.baked and state == "opened"))
    )
    why = server.still if state == "closed" else server.why
    says = f"{server.component} ({service.name}) answers whoever calls: {reach.says}"
    if not known:
        says = f"whether {server.component} ({service.name}) asks who calls is for {state} to say"
    elif listens != "everywhere":
        says = f"where {server.component} ({service.name}) listens is for {listens} to say"
    elif not sure:
        says = f"{server.component} ({service.name}) asks nobody who he is, and {reach.says}"
    also = [(f"this is {server.component}", place_of(service, words))]
    for one in service.read[:1]:
        also.append((f"its settings in {one.text} are read with it", one.place))
    if at is not None:
        also.append(("this decides whether it asks", at.place))
    where = at.place if at is not None and (not known or state == "opened") else reach.place
    return Found(
        sure,
        says,
        where,
        server.id,
        _checked(why, server),
        server.instead,
        server.source,
        tuple(also),
    )


def _checked(why: str, server: rules.Server) -> str:
    return f"{why} (read in {server.checked})"


def _unknown(service: Service) -> Iterator[Found]:
    for reach in service.reaches:
        what = service.image.text or service.image.open if service.image else service.name
        yield Found(
            False,
            f"of what {service.name} ({what}) serves nothing is known, and {reach.says}",
            reach.place,
        )


def host_takeovers(deployment: Deployment) -> Iterator[Found]:
    """What hands the host to a container."""
    yield from elsewhere(deployment, "host")
    for service in deployment.services:
        for grant in service.grants:
            yield from _granted(service, grant)
        for mount in service.mounts:
            yield from _mounted(service, mount)


def _granted(service: Service, grant: Grant) -> Iterator[Found]:
    for row in rules.grants():
        if any(_matches(grant.what, what) for what in row.what):
            says = f"{service.name} is handed its host: {grant.what}"
            if grant.open:
                says = f"whether {service.name} gets `{grant.what}` is for {grant.open} to say"
            yield Found(not grant.open, says, grant.place, row.id, row.why, row.instead, row.source)
            return
    if grant.what.startswith("device "):
        return
    says = f"what `{grant.what}` gives {service.name} is not known here"
    yield Found(False, says, grant.place)


def _matches(said: str, what: str) -> bool:
    return said.startswith(what[:-1]) if what.endswith("*") else said.lower() == what.lower()


def _mounted(service: Service, mount: Value) -> Iterator[Found]:
    of_home = _HOME.match(mount.raw or mount.text)
    if not mount.sure and of_home is None:
        says = f"which folder of the host {service.name} gets is for {mount.open} to say"
        yield Found(False, says, mount.place)
        return
    if of_home is not None:
        mount = replace(mount, text=f"/~/{of_home[1] or ''}")
    path = re.sub(r"/+", "/", mount.text).rstrip("/") or ("/" if mount.text else "")
    if not path.startswith("/"):
        return
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    path = "/" + "/".join(parts)
    for row in rules.grants():
        for one in row.mount:
            below = one.endswith("/*") and path.startswith(one[:-1])
            if below or path == one.removesuffix("/*"):
                shown = path.removeprefix("/") if of_home else path
                says = f"{service.name} is handed {shown} of its host"
                yield Found(True, says, mount.place, row.id, row.why, row.instead, row.source)
                return
