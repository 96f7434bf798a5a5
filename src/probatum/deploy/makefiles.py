"""Reads Makefiles and Procfiles: the commands of their lines, with the variables put in.

Sources: the GNU make manual, 5 (recipes) and 6 (variables); devcenter.heroku.com/articles/procfile.
"""

import re

from probatum.deploy.model import Deployment
from probatum.deploy.near import NOTHING, Near
from probatum.deploy.scripts import script
from probatum.formats.bounds import utf8
from probatum.formats.values import Value, interpolated
from probatum.formats.yaml_nodes import Spots

_SET = re.compile(r"(?m)^ *(?:export |override )* *([A-Za-z_]\w*) *(\?|::?:?|\+|!)?=([^\n#]*)")
_RECIPE = re.compile(r"(?:(?<=\n)|\A)\t(?:[^\n]*\\\n)*[^\n]*")
_PROCESS = re.compile(r"(?m)^([\w-]+[ \t]*:[ \t]*)([^\n]*)$")
_OTHER = "\ue000"  # stands where make takes a letter away


def read(data: bytes, near: Near = NOTHING) -> Deployment:
    """A Makefile. Raises: FormatError."""
    source = utf8(data).replace("\r\n", " \n")
    spots = Spots(source)
    known: dict[str, Value] = {}
    vague: set[str] = set()
    for one in _SET.finditer(source):
        said = interpolated(_braced(one[3].strip()), spots.place(one.start(1)), known)
        name, how = one[1], one[2] or ""
        if how in ("+", "!") or not said.sure or (name in known and known[name].text != said.text):
            vague.add(name)
        known[name] = said
    known = {name: value for name, value in known.items() if name not in vague}
    text = _blank(source)
    for found in _RECIPE.finditer(source):
        line = re.sub(r"\A[\t @+-]+", lambda one: " " * len(one[0]), found[0])
        text = text[: found.start()] + _braced(line) + text[found.end() :]
    return script(text, near, known)


def read_procfile(data: bytes, near: Near = NOTHING) -> Deployment:
    """A Procfile. Raises: FormatError."""
    source = utf8(data)
    text = _PROCESS.sub(lambda one: " " * len(one[1]) + one[2], source)
    return script(text, near, {})


def _braced(text: str) -> str:
    """As a shell would write it, in as many letters."""
    text = text.replace("$$", f"{_OTHER}$")
    return re.sub(r"\$\((\w+)\)", r"${\1}", text)


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)
