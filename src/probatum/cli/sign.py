"""`probatum sign`: sign every file of a folder with a private key."""

from __future__ import annotations

import argparse

from probatum.cli.help import SubParsers, add_command

_LARGEST = 1 << 20

_DESCRIPTION = """\
Sign a model, a folder or one file, with a private key of your own: P-256, P-384, P-521 or Ed25519,
in PEM. The signature lists the SHA-256 of every file, in the form of OpenSSF Model Signing, so
that `probatum verify` and `model_signing verify` take it (the latter knows no Ed25519). Files of
git (.git, .github, .gitignore, .gitattributes) at the top of the folder are never signed.
"""

_EXAMPLES = """\
  probatum sign model/ --key release.key
  probatum sign model/ --key release.key -o release.sig --ignore cache
  probatum sign model/ --key release.key --certificates release-chain.pem
  probatum verify model/ --key release.pub
"""


def add_parser(subparsers: SubParsers) -> None:
    made = add_command(
        subparsers,
        "sign",
        run,
        help="sign a model with a key of your own",
        description=_DESCRIPTION,
        examples=_EXAMPLES,
    )
    made.add_argument("model", metavar="MODEL", help="the folder, or the file, to sign")
    made.add_argument("--key", required=True, metavar="FILE", help="your private key in PEM")
    made.add_argument("--password-file", metavar="FILE",
                      help="a file with the key's password, if it has one")  # fmt: skip
    made.add_argument("--certificates", metavar="FILE",
                      help="certificates in PEM, the key's own first: who verifies then needs "
                           "their root instead of your key")  # fmt: skip
    made.add_argument("--ignore", action="append", default=[], metavar="PATH",
                      help="a path in the folder to leave unsigned; may be repeated")  # fmt: skip
    made.add_argument("-o", "--output", metavar="FILE",
                      help="where the signature goes (default: model.sig in the folder, MODEL.sig "
                           "beside a file)")  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    from probatum.adapters.signed_folder import beside, left_out
    from probatum.adapters.signing import is_open_to_others, private_key, signed
    from probatum.cli.output import demand_writable, say, write
    from probatum.cli.reading import contents
    from probatum.errors import FormatError, UsageError
    from probatum.render.evidence import plural

    output = arguments.output or beside(arguments.model)
    demand_writable(output)
    password = None
    if arguments.password_file:
        password = contents(arguments.password_file, _LARGEST).rstrip(b"\r\n")
    try:
        key = private_key(arguments.key, password)
        if is_open_to_others(arguments.key):
            say(f"{arguments.key} can be read by others on this machine: chmod 600 it")
        certificates = contents(arguments.certificates, _LARGEST) if arguments.certificates else b""
        ignore = left_out(arguments.ignore)
        made = signed(arguments.model, output, key, certificates=certificates, ignore=ignore)
    except FormatError as exc:
        raise UsageError(exc.detail) from exc
    write(made.text, output)
    say(f"{output}: signs {plural(made.files, 'file')}")
    return 0
