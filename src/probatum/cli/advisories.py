"""`probatum advisories`: fetch known vulnerabilities, tell what is installed, answer others."""

from __future__ import annotations

import argparse

from probatum.cli.help import SubParsers, add_command, add_output

TYPE_CHECKING = False  # see help.py
if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from typing import Any

    from probatum.adapters.advisories import Updated
    from probatum.adapters.advisories_installed import Held
    from probatum.adapters.advisories_store import Store
    from probatum.adapters.known_bad import Manifest as Lists

_DESCRIPTION = """\
Keep a snapshot of the known vulnerabilities on this machine, so that an audit needs no network and
two audits with the same snapshot say the same. `update` is the only one that opens a connection.
"""

_EXAMPLES = """\
  probatum advisories update               fetch what OSV, FIRST (EPSS) and CISA (KEV) publish
  probatum advisories info                 what is installed, and how old it is
  probatum advisories serve                answer pip-audit, uv and others from it
"""

_UPDATE = """\
Fetch advisories and make them the ones that audits use. Without --from these are OSV's exports of
the ecosystems that are installed already (PyPI at first) and of those named with --ecosystem, EPSS
scores and CISA's catalogue of exploited vulnerabilities.

The whole is checked before anything is replaced: whatever fails, what is installed stays. Sources
that are older than what is installed, or that lack more than a tenth of its records, are refused:
whoever answers in OSV's place could otherwise hide an advisory that you have already had.

With --list, a list of known-bad models and files is installed beside the others, in place of an
older one of its name; advisories are then fetched only if --from or --ecosystem asks for them.
"""

_UPDATE_EXAMPLES = """\
  probatum advisories update --ecosystem npm
  probatum advisories update --from https://mirror.example/osv/
  probatum advisories update --from all.zip --from epss_scores-current.csv.gz
  probatum advisories update --list https://lists.example/models.toml --list own.toml
"""

_INFO = """\
Tell which snapshot is installed: its digest, which a report names, up to when it is known to
be whole, what it covers and what it was made from. Of a source on the network that is when it was
asked, of a file the newest change in it.
"""

_PRUNE = """\
Remove old snapshots and old lists. The current ones stay, whatever their age; a report can be
checked again only while what it names is there.
"""

_SERVE = """\
Answer OSV's API from the installed snapshot: /v1/query, /v1/querybatch and /v1/vulns/ID. Tools that
can ask osv.dev then work without a network. What no version decides is answered as affecting, with
`database_specific.probatum.undecided` saying why: these tools know no third answer.
"""

_SERVE_EXAMPLES = """\
  probatum advisories serve --listen 127.0.0.1:8053
  pip-audit -s osv --osv-url http://127.0.0.1:8053/v1/query
  uv audit --service-url http://127.0.0.1:8053
"""


def add_parser(subparsers: SubParsers) -> None:
    made = add_command(
        subparsers,
        "advisories",
        run,
        help="fetch, show and serve known vulnerabilities",
        description=_DESCRIPTION,
        examples=_EXAMPLES,
    )
    actions = made.add_subparsers(
        title="commands", metavar="COMMAND", required=True, help="what to do with the advisories"
    )
    _add_update(actions)
    _add_info(actions)
    _add_prune(actions)
    _add_serve(actions)


def run(arguments: argparse.Namespace) -> int:
    """Never called: each command below sets its own."""
    raise AssertionError(arguments)


def _add_update(actions: SubParsers) -> None:
    made = add_command(
        actions,
        "update",
        _update,
        help="fetch advisories and install them",
        description=_UPDATE,
        examples=_UPDATE_EXAMPLES,
    )
    made.add_argument("--from", action="append", default=[], metavar="SOURCE", dest="sources",
                      help="read SOURCE instead: an address, a file or a folder with ZIP, JSON or "
                           "JSON lines (also inside gzip or zstd), or EPSS's table; an address "
                           "that ends with / is a mirror of OSV's exports; may be "
                           "repeated")  # fmt: skip
    made.add_argument("--ecosystem", action="append", default=[], metavar="NAME",
                      dest="ecosystems",
                      help="cover this one, as OSV names it (PyPI, npm, Go, crates.io, Debian, "
                           "Alpine); may be repeated")  # fmt: skip
    made.add_argument("--list", action="append", default=[], metavar="SOURCE", dest="lists",
                      help="install this list of known-bad models and files, in TOML or JSON: an "
                           "address or a file; may be repeated")  # fmt: skip
    made.add_argument("--drop-list", action="append", default=[], metavar="NAME", dest="dropped",
                      help="remove the installed list of this name; may be repeated")  # fmt: skip
    made.add_argument("--allow-older", action="store_true",
                      help="install what is older than what is installed, or lacks records of "
                           "it")  # fmt: skip


def _add_info(actions: SubParsers) -> None:
    made = add_command(
        actions,
        "info",
        _info,
        help="what is installed, how old it is and where it is from",
        description=_INFO,
        examples="  probatum advisories info\n  probatum advisories info --format json\n",
    )
    add_output(made, ("terminal", "json"))


def _add_prune(actions: SubParsers) -> None:
    made = add_command(
        actions,
        "prune",
        _prune,
        help="remove old snapshots",
        description=_PRUNE,
        examples="  probatum advisories prune --keep 5\n",
    )
    made.add_argument("--keep", type=int, default=3, metavar="N",
                      help="how many of the newest stay (default: 3)")  # fmt: skip


def _add_serve(actions: SubParsers) -> None:
    made = add_command(
        actions,
        "serve",
        _serve,
        help="answer OSV's API from the snapshot, on this machine",
        description=_SERVE,
        examples=_SERVE_EXAMPLES,
    )
    made.add_argument("--listen", default="127.0.0.1:8053", metavar="HOST:PORT",
                      help="where to listen (default: 127.0.0.1:8053; port 0 is any free "
                           "one)")  # fmt: skip
    made.add_argument("--allow-remote", action="store_true",
                      help="listen on an address that other machines reach; there is no "
                           "encryption and no password")  # fmt: skip


def _update(arguments: argparse.Namespace) -> int:
    from probatum.adapters.advisories import Asked, update
    from probatum.cli.output import say, write
    from probatum.cli.transfers import shown

    if arguments.lists or arguments.dropped:
        _update_lists(arguments)
        if not (arguments.sources or arguments.ecosystems):
            return 0
    asked = Asked(tuple(arguments.sources), tuple(arguments.ecosystems), arguments.allow_older)
    with shown() as show:
        done = update(_store(), asked, _now(), show=show, say=say)
    write("\n".join(_updated(done)) + "\n")
    return 0


def _update_lists(arguments: argparse.Namespace) -> None:
    from probatum.adapters import known_bad
    from probatum.cli.output import write
    from probatum.cli.transfers import shown
    from probatum.render.evidence import plural

    with shown() as show:
        done = known_bad.update(
            known_bad.store(),
            tuple(arguments.lists),
            _now(),
            dropped=tuple(arguments.dropped),
            allow_older=arguments.allow_older,
            show=show,
        )
    for name, count in done.gone.items():
        write(f"{name}: {plural(count, 'thing')} that it named no longer there\n")
    write("".join(f"{line}\n" for line in _listed(done.manifest)))
    write(f"lists {done.digest} are installed\n")


def _info(arguments: argparse.Namespace) -> int:
    from probatum.adapters import known_bad
    from probatum.adapters.advisories_installed import current, demanded
    from probatum.cli.output import demand_writable, write

    demand_writable(arguments.output)
    store = _store()
    lists = known_bad.current(known_bad.store())
    held = current(store) if lists else demanded(store)
    if arguments.format == "json":
        write(_json(held, store, lists) + "\n", arguments.output)
        return 0
    lines = [*(_text(held, store) if held else ["no advisories are installed"])]
    if lists is not None:
        lines += [f"lists     {lists[0]}", *(f"          {one}" for one in _listed(lists[1]))]
    write("\n".join(lines) + "\n", arguments.output)
    return 0


def _listed(manifest: Lists) -> Iterator[str]:
    for name, one in manifest.covers.items():
        count = f"{one.entries:,} {'entry' if one.entries == 1 else 'entries'}"
        yield f"{name}: {count}, published on {one.published}, as of {one.checked[:10]}"


def _prune(arguments: argparse.Namespace) -> int:
    from probatum.adapters import known_bad
    from probatum.cli.output import write
    from probatum.errors import UsageError
    from probatum.render.evidence import plural

    if arguments.keep < 1:
        raise UsageError("--keep: at least 1, the current one")
    stores = [("snapshot", _store())]
    if (lists := known_bad.store()).installed():
        stores.append(("older list", lists))
    for name, store in stores:
        with store.locked():
            gone = store.prune(arguments.keep)
        write("".join(f"removed  {one.name}\n" for one in gone))
        write(f"{plural(len(gone), name)} removed, {len(store.installed())} kept\n")
    return 0


def _serve(arguments: argparse.Namespace) -> int:
    from contextlib import suppress

    from probatum.adapters.advisories_installed import demanded
    from probatum.adapters.advisories_server import Server, place
    from probatum.cli.output import say

    host, port = place(arguments.listen, allow_remote=arguments.allow_remote)
    store = _store()
    held = demanded(store)
    with Server(store, host, port) as server, suppress(KeyboardInterrupt):
        asked = _ago(held.manifest.checked, _now())
        say(f"{server.address} answers from snapshot {held.digest[:12]}, which was up to date "
            f"{asked}; Ctrl-C ends it")  # fmt: skip
        server.serve_forever()
    return 0


def _store() -> Store:
    from pathlib import Path

    from probatum.adapters.advisories_chosen import data_folder
    from probatum.adapters.advisories_store import Store

    return Store(Path(data_folder()))


def _now() -> datetime:
    from datetime import UTC, datetime

    return datetime.now(UTC)


def _updated(done: Updated) -> Iterator[str]:
    from probatum.render.evidence import plural

    for name, tally in done.manifest.covers.items():
        yield f"{name}: {tally.records:,} records, {_newest(tally.newest)}"
    yield from _urgency(done.manifest.epss, done.manifest.kev)
    for what in done.unread[:20]:
        yield f"in part unread: {what}"
    if len(done.unread) > 20:
        yield f"and {len(done.unread) - 20} more"
    if done.gone:
        yield f"{plural(len(done.gone), 'record')} that you had no longer there: " + ", ".join(
            [*done.gone[:20], *(["…"] if len(done.gone) > 20 else [])]
        )
    state = "is installed" if done.is_new else "was installed already, and is still what there is"
    yield f"snapshot {done.folder.name} {state}"


def _text(held: Held, store: Store) -> Iterator[str]:
    yield f"snapshot  {held.digest}"
    yield f"as of     {held.manifest.checked}, {_ago(held.manifest.checked, _now())}"
    for name, tally in held.manifest.covers.items():
        yield f"covers    {name}: {tally.records:,} records, {_newest(tally.newest)}"
    for line in _urgency(held.manifest.epss, held.manifest.kev):
        yield f"urgency   {line}"
    for one in held.manifest.sources:
        yield f"source    {one.address}"
        yield f"          sha256:{one.sha256}, {one.size:,} bytes"
        if one.last_modified:
            yield f"          of {one.last_modified}"
    yield f"folder    {held.folder}"
    others = len(store.installed()) - 1
    if others:
        yield f"older     {others}; 'probatum advisories prune' removes some"


def _json(held: Held | None, store: Store, lists: tuple[str, Lists] | None) -> str:
    import msgspec

    said = _told(held, store) if held is not None else {}
    if lists is not None:
        said["lists"] = {"digest": lists[0], **msgspec.to_builtins(lists[1])}
    own = [one["source"] for one in said.get("lists", {}).get("covers", {}).values()]
    for source in (*said.get("sources", ()), *own):
        source.pop("key", None)
    return msgspec.json.format(msgspec.json.encode(said), indent=1).decode()


def _told(held: Held, store: Store) -> dict[str, Any]:
    import msgspec

    return {
        "snapshot": held.digest,
        "folder": str(held.folder),
        "age_s": int(_age_s(held.manifest.checked, _now())),
        **msgspec.to_builtins(held.manifest),
        "older": [one.name for one in store.installed() if one.name != held.digest],
    }


def _urgency(epss: str, kev: str) -> Iterator[str]:
    yield f"EPSS of {epss}" if epss else "no EPSS scores"
    yield f"CISA's exploited vulnerabilities of {kev}" if kev else "no catalogue of CISA"


def _newest(time: str) -> str:
    """The year 1 stands in some feeds, for no date at all."""
    return f"the newest changed on {time[:10]}" if time > "1970" else "without dates"


def _age_s(then: str, now: datetime) -> float:
    from datetime import datetime

    return (now - datetime.fromisoformat(then)).total_seconds()


def _ago(then: str, now: datetime) -> str:
    from probatum.render.evidence import plural

    seconds = _age_s(then, now)
    for length, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= length:
            return f"{plural(int(seconds // length), unit)} ago"
    return "just now" if seconds >= 0 else "in the future by this machine's clock"
