"""`probatum vex`: statements on vulnerabilities: our own, and which of others' count."""

from __future__ import annotations

import argparse

from probatum.cli.help import SubParsers, add_command, add_output
from probatum.cli.limits import add_advisories, add_limits
from probatum.cli.surveying import add_survey

TYPE_CHECKING = False  # see help.py
if TYPE_CHECKING:
    from probatum.bom.trust import Heard, Rule, Weighed
    from probatum.formats.vex import Statement
    from probatum.vocabulary import Certificate

_DESCRIPTION = """\
Say whether known vulnerabilities affect the components of a target, for others to read (VEX), or
read what others say.
"""

_EXAMPLES = """\
  probatum vex write . --report report.json --author "Acme security" -o acme.openvex.json
  probatum vex show vendor.openvex.json --trust trust.toml
"""

_WRITE = """\
Say of every known vulnerability of every component that the targets name whether it affects them,
by the installed advisories. That one does not is said only where --report, the JSON of an audit of
the same targets, holds a certificate that shows it by these advisories; its digest goes into the
statement. What cannot be told is under investigation.
"""

_WRITE_EXAMPLES = """\
  probatum audit . --format json -o report.json
  probatum vex write . --report report.json --author "Acme security" --timestamp now
"""

FORMS = ("openvex", "cyclonedx-1.6", "cyclonedx-1.7")

_SHOW = """\
Tell what documents say (OpenVEX, or CycloneDX in JSON), and which of it counts. A statement counts
where a rule of the file --trust says that its author is believed; without rules none does. What
does not count is told with the reason.

  [[trust]]
  author = "Acme security"                 # as the document names its author
  statuses = ["not_affected", "fixed"]     # what they are believed (default: all)
  components = ["pkg:pypi/torch@*"]        # on what (default: everything)
  documents = ["sha256:..."]               # in these documents alone (default: any)

A document says itself who its author is: read only documents from where you would believe it, or
name them by their digests.
"""

_SHOW_EXAMPLES = """\
  probatum vex write . --report report.json --author "Acme security" -o acme.openvex.json
  probatum vex show vendor.openvex.json --trust trust.toml
  probatum vex show a.json b.json --trust trust.toml --format json
"""

_LARGEST = 64 << 20


def add_parser(subparsers: SubParsers) -> None:
    made = add_command(
        subparsers,
        "vex",
        run,
        help="what is said of vulnerabilities, and what of it counts",
        description=_DESCRIPTION,
        examples=_EXAMPLES,
    )
    actions = made.add_subparsers(
        title="commands", metavar="COMMAND", required=True, help="what to do with the statements"
    )
    _add_write(actions)
    _add_show(actions)


def run(arguments: argparse.Namespace) -> int:
    """Never called: each command below sets its own."""
    raise AssertionError(arguments)


def _add_write(actions: SubParsers) -> None:
    made = add_command(
        actions,
        "write",
        _write,
        help="say what affects the components of a target, and what does not",
        description=_WRITE,
        examples=_WRITE_EXAMPLES,
    )
    made.add_argument("targets", nargs="+", metavar="TARGET", help="what names the components")
    made.add_argument("--report", metavar="FILE", help="an audit of the targets, in JSON")
    made.add_argument("--author", required=True, metavar="NAME", help="who says so")
    made.add_argument("--timestamp", metavar="WHEN",
                      help="the date of the statements: now, or as in 2026-01-31T12:00:00Z "
                           "(default: SOURCE_DATE_EPOCH, or now)")  # fmt: skip
    add_output(made, FORMS)
    made.add_argument("-q", "--quiet", action="store_true", help="say nothing but errors")
    add_survey(made)
    add_advisories(made)
    add_limits(made)


def _write(arguments: argparse.Namespace) -> int:
    from probatum.bom import vex
    from probatum.cli.output import demand_writable, say, write
    from probatum.cli.surveying import moment

    demand_writable(arguments.output)
    made = moment(arguments.timestamp) or moment("now")
    statements = _statements(arguments)
    if not statements:
        say("no document is written: OpenVEX has none without a statement, and there is none")
        return 2
    form, _, version = arguments.format.partition("-")
    if form == "openvex":
        write(vex.openvex(statements, arguments.author, made), arguments.output)
    else:
        write(vex.cyclonedx(statements, arguments.author, made, version), arguments.output)
    return 0


def _statements(arguments: argparse.Namespace) -> tuple[Statement, ...]:
    """What the installed advisories say of every component of the targets, each once."""
    from probatum.advisories.index import Index
    from probatum.advisories.snapshot import INDEX
    from probatum.audit.snapshots import Installed
    from probatum.bom.affecting import stated
    from probatum.cli.limits import advisories
    from probatum.cli.surveying import survey
    from probatum.configuration import Configuration
    from probatum.errors import FeedError

    snapshot = advisories(arguments, Configuration())
    if snapshot is None or snapshot.stale:
        why = snapshot.stale if snapshot is not None else "no advisories are installed"
        raise FeedError(f"{why}: run 'probatum advisories update'")
    shown = _shown(arguments.report, snapshot.digest) if arguments.report else {}
    index = Index(Installed(snapshot).file(INDEX))
    found: dict[Statement, None] = {}
    for one in survey(arguments, arguments.targets):
        if one.inventory is not None:
            certificate = shown.get((one.artifact.name, one.artifact.digest))
            found.update(dict.fromkeys(stated(one.inventory, index, certificate)))
    return tuple(found)


def _shown(name: str, snapshot: str) -> dict[tuple[str, str | None], Certificate]:
    """The certificates of a report that rest on this snapshot, by the artifact's name and digest.

    They are not checked here: their digests are evidence for whoever checks the report.
    """
    from probatum.cli.reading import REPORT, contents
    from probatum.vocabulary import Proven
    from probatum.wire import from_json

    found: dict[tuple[str, str | None], Certificate] = {}
    for one in from_json(contents(name, REPORT, "the report")).findings:
        if one.claim == "no-known-vulnerability" and isinstance(one.verdict, Proven):
            facts = one.verdict.certificate.facts
            if facts.get("snapshot") == snapshot:
                bound = one.artifact.name, f"sha256:{facts.get('sha256')}"
                found[bound] = one.verdict.certificate
    return found


def _add_show(actions: SubParsers) -> None:
    made = add_command(
        actions,
        "show",
        _show,
        help="what documents say, and which of it counts",
        description=_SHOW,
        examples=_SHOW_EXAMPLES,
    )
    made.add_argument("documents", nargs="+", metavar="FILE", help="OpenVEX or CycloneDX in JSON")
    made.add_argument("--trust", metavar="FILE", help="whose statements count, in TOML")
    add_output(made, ("terminal", "json"))


def _show(arguments: argparse.Namespace) -> int:
    from probatum.bom.trust import weighed
    from probatum.cli.output import demand_writable, write
    from probatum.render.vex import FORMS

    demand_writable(arguments.output)
    rules = _rules(arguments.trust) if arguments.trust else ()
    heard = [one for name in arguments.documents for one in _heard(name)]
    found: tuple[Weighed, ...] = weighed(heard, rules)
    write(FORMS[arguments.format](found), arguments.output)
    return 0


def _heard(name: str) -> list[Heard]:
    """Every statement of a document."""
    from hashlib import sha256

    from probatum.bom.trust import Heard
    from probatum.cli.reading import contents
    from probatum.errors import FormatError, UsageError
    from probatum.formats.vex_documents import statements

    data = contents(name, _LARGEST)
    digest = f"sha256:{sha256(data).hexdigest()}"
    try:
        return [Heard(one, digest) for one in statements(data)]
    except FormatError as exc:
        raise UsageError(f"{name!a} cannot be read: {exc.detail}") from exc


def _rules(name: str) -> tuple[Rule, ...]:
    import msgspec

    from probatum.bom.trust import Rules
    from probatum.cli.reading import contents
    from probatum.errors import ConfigurationError

    try:
        return msgspec.toml.decode(contents(name, _LARGEST), type=Rules).trust
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise ConfigurationError(f"{name!a}: {exc}") from exc
