"""`probatum vex`: statements of others on vulnerabilities, and which of them count."""

from __future__ import annotations

import argparse

from probatum.cli.help import SubParsers, add_command, add_output
from probatum.cli.limits import add_advisories, add_configuration, add_limits

TYPE_CHECKING = False  # see help.py
if TYPE_CHECKING:
    from probatum.bom.trust import Heard, Rule, Weighed

_DESCRIPTION = """\
Say whether a vulnerability affects a component, and hear what others say of it.
"""

_EXAMPLES = """\
  probatum vex write . --author "Acme security" -o vex.json
  probatum vex show vendor.openvex.json --trust trust.toml
"""

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
  probatum vex show vendor.openvex.json --trust trust.toml
  probatum vex show a.json b.json --trust trust.toml --format json
"""

_WRITE = """\
Write a document that says of every vulnerability of every component that the target's manifests,
lock files and environments name whether it affects: by the installed advisories, and with the
digest of the certificate where it does not. A component without one fixed version, or from
elsewhere than its registry, gets no statement, and it is said why.
"""

_WRITE_EXAMPLES = """\
  probatum vex write . --author "Acme security" -o vex.json
  probatum vex write . --author Acme --product pkg:oci/server@1.4 --format cyclonedx-1.6
"""

DOCUMENTS = ("openvex", "cyclonedx-1.6", "cyclonedx-1.7")
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


def _add_write(actions: SubParsers) -> None:
    made = add_command(
        actions,
        "write",
        _write,
        help="say of each component what is known to affect it",
        description=_WRITE,
        examples=_WRITE_EXAMPLES,
    )
    made.add_argument("targets", nargs="+", metavar="TARGET", help="what to speak of")
    made.add_argument("--author", required=True, metavar="NAME", help="who says it")
    made.add_argument("--product", default="", metavar="PURL",
                      help="speak of the components within this product only")  # fmt: skip
    made.add_argument("--timestamp", default="now", metavar="WHEN",
                      help="the document's date, as in 2026-01-31T12:00:00Z (default: "
                           "SOURCE_DATE_EPOCH, or now)")  # fmt: skip
    made.add_argument("--exclude", action="append", default=[], metavar="GLOB",
                      help="leave out files whose name fits; may be repeated")  # fmt: skip
    add_output(made, DOCUMENTS)
    add_advisories(made)
    add_configuration(made.add_argument_group("configuration"))
    add_limits(made)


def _write(arguments: argparse.Namespace) -> int:
    import os
    from functools import partial

    from msgspec.structs import replace

    from probatum.adapters.anywhere import roots
    from probatum.audit.statements import NOTHING, spoken
    from probatum.bom.vex import cyclonedx, openvex
    from probatum.cli.limits import advisories, configuration, settings
    from probatum.cli.moments import moment
    from probatum.cli.output import demand_writable, say, write
    from probatum.errors import UsageError

    demand_writable(arguments.output)
    read = configuration(arguments, say)
    known = advisories(arguments, read)
    if known is None:
        raise UsageError("no advisories are installed: `probatum advisories update` fetches them")
    epoch = arguments.timestamp == "now" and os.environ.get("SOURCE_DATE_EPOCH")
    made = moment(None if epoch else arguments.timestamp)
    found = spoken(
        tuple(arguments.targets),
        settings(arguments, read, jobs=0, advisories=known),
        known,
        roots_of=partial(roots, exclude=arguments.exclude),
        on_note=say,
    )
    for line in found.lacks:
        say(line)
    if not found.statements:
        say(NOTHING)
        return 2
    told = [replace(one, within=arguments.product) for one in found.statements]
    if arguments.format == "openvex":
        text = openvex(told, arguments.author, made)
    else:
        version = arguments.format.removeprefix("cyclonedx-")
        text = cyclonedx(told, arguments.author, made, version)
    write(text, arguments.output)
    return 0


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
