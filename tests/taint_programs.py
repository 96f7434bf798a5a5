"""Reviews a small program given as text, and tells in a word what was found."""

from textwrap import dedent

from probatum.taint.review import Flow, Review, review

REQUEST = "from flask import request\n"
SINK = "import os\n"


def reviewed(*files: tuple[str, str]) -> Review:
    """The review of files given as (name, text, which may be indented)."""
    return review((name, dedent(text).encode()) for name, text in files)


def flows(text: str, claim: str = "") -> tuple[Flow, ...]:
    """The flows of a program of one file, of one claim where it is named."""
    found = reviewed(("app.py", text)).flows
    return tuple(flow for flow in found if claim in ("", flow.claim))


def told(text: str, claim: str = "no-command-injection") -> str:
    """`path`, `none`, or `guarded by` and the condition, of the claim in a program of one file."""
    found = flows(text, claim)
    if not found:
        return "none"
    guards = [flow.guard for flow in found]
    return "path" if "" in guards else f"guarded by {guards[0]}"
