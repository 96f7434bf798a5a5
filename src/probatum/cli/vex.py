"""`probatum vex`: statements of others on vulnerabilities, and which of them count."""

from __future__ import annotations

import argparse

from probatum.cli.help import SubParsers, add_command, add_output

TYPE_CHECKING = False  # see help.py
if TYPE_CHECKING:
    from probatum.bom.trust import Heard, Rule, Weighed

_DESCRIPTION = """\
Read what others say on whether a vulnerability affects a component.
"""

_EXAMPLES = """\
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
    from probatum.errors import FormatError, UsageError
    from probatum.formats.vex_documents import statements

    data = _read(name)
    digest = f"sha256:{sha256(data).hexdigest()}"
    try:
        return [Heard(one, digest) for one in statements(data)]
    except FormatError as exc:
        raise UsageError(f"{name!a} cannot be read: {exc.detail}") from exc


def _rules(name: str) -> tuple[Rule, ...]:
    import msgspec

    from probatum.bom.trust import Rules
    from probatum.errors import ConfigurationError

    try:
        return msgspec.toml.decode(_read(name), type=Rules).trust
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise ConfigurationError(f"{name!a}: {exc}") from exc


def _read(name: str) -> bytes:
    from pathlib import Path

    from probatum.errors import UsageError

    try:
        with Path(name).open("rb") as file:
            data = file.read(_LARGEST + 1)
    except (OSError, ValueError) as exc:
        why = getattr(exc, "strerror", None) or exc
        raise UsageError(f"{name!a} cannot be read: {why}") from exc
    if len(data) > _LARGEST:
        raise UsageError(f"{name!a} is larger than {_LARGEST >> 20} MiB")
    return data
