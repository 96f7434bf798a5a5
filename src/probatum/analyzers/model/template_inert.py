"""Decides whether rendering a chat template reaches only the values handed to it, and ends.

A chat template is a Jinja2 program that runs at every conversation. transformers renders it in a
sandbox; llama-cpp-python before 0.2.72 did not (CVE-2024-34359), and any other program may not.
So the proof here does not rest on a sandbox.

- **Proven**: constants, variables, known filters, tests and methods (`rules/jinja.toml`);
  attributes by constant names that are not Python's own; keys that the template does not put
  together; and an end. The bound: with n for the characters of the template and of all that is
  handed in, written out (100 at least), every text and the number of steps is at most c * n ** d,
  with c up to 10 ** 8 and a d that the loops in one another give. For that, what one round of a
  loop hands to the next is only added to, numbers that repeat something are counted in the
  template (lengths, rounds, constants) and not handed in, and a macro that calls itself hands each
  call another part of the JSON value that it was handed: it is as deep as that value, and runs at
  most twice for each of its parts. In a text, whose characters have themselves for parts, it is a
  chain that Python's limit of recursion ends. `check/template.py` derives all this again with
  another parser.
- **Refuted**: the template asks for an attribute that leads out of plain data (`__class__`,
  `gi_frame`), also through `attr`, `map(attribute=…)` or a key, and also where the name is put
  together. The sandbox of today's transformers refuses it when it is reached; a loader without a
  sandbox runs it.
- **Undecided**: anything else, with the construct: a macro that calls itself with what it was
  handed, a method that is not known, a template in Go's language as Ollama's.

Sources: `rules/jinja.toml`; jinja2 3.1; transformers `chat_template_utils.py`; CVE-2024-34359.
"""

import hashlib
import re

from probatum.claims import TEMPLATE_INERT
from probatum.errors import FormatError
from probatum.formats.bounds import utf8
from probatum.formats.jinja import LARGEST, parsed
from probatum.formats.jinja_inert import faults
from probatum.formats.jinja_reach import Reached, reached
from probatum.ports import Material, analyzer
from probatum.vocabulary import (
    Artifact,
    Certificate,
    Excerpt,
    Place,
    Proven,
    Reason,
    Refuted,
    Step,
    Undecided,
    Verdict,
    Witness,
)

ASSUMPTIONS = (
    "The template is rendered by Jinja2, with the functions that transformers hands to it.",
    "What it is given is plain data, in which no key that it looks up names a Python attribute.",
)
_GO = re.compile(r"\{\{-?\s*(\.|\$|(if|range|with|else|end|template|define|block)\b)")


@analyzer(id="template-inert", claim=TEMPLATE_INERT, accepts={"chat-template"})
def template_inert(artifact: Artifact, material: Material) -> Verdict:
    """Read the template whole, and look for what it reaches."""
    if material.size > LARGEST:
        raise FormatError(Reason.OVER_LIMIT, f"a template of more than {LARGEST} bytes")
    data = material.read(0, material.size)
    text = utf8(data)
    if _GO.search(text) and "{%" not in text:
        return Undecided(Reason.UNSUPPORTED, "a template in Go's language, which is not read here")
    try:
        tree = parsed(text)
        found = tuple(reached(tree))[:50]
        fault = next(faults(tree), None)
    except RecursionError as exc:
        raise FormatError(Reason.OVER_LIMIT, "an expression of too many parts") from exc
    except FormatError as exc:
        if exc.place.offset is None:
            raise
        raise FormatError(exc.reason, exc.detail, _place(text, exc.place.offset)) from exc
    if found:
        return Refuted(tuple(_witness(one, text, data) for one in found))
    if fault is not None:
        return Undecided(Reason.UNRESOLVED, fault.says, _place(text, fault.at))
    facts = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    return Proven(Certificate("template", facts), ASSUMPTIONS)


def _place(text: str, at: int) -> Place:
    return Place(len(text[:at].encode()), text.count("\n", 0, at) + 1)


def _witness(one: Reached, text: str, data: bytes) -> Witness:
    place = _place(text, one.at)
    spelt = f"the text put together here is {one.name!r}"
    steps = (
        *((Step(spelt, place),) if one.spelt else ()),
        Step(f"{one.how}: {one.name}", place),
        Step("transformers' sandbox refuses it; a loader without one follows it (CVE-2024-34359)"),
    )
    start = max(0, (place.offset or 0) - 40)
    excerpt = Excerpt(start, data[start : start + 120], text=True)
    return Witness(
        f"it reaches for {one.name}, an attribute of Python's own", place, steps, excerpt
    )
