"""Whole files as people have them: what is refuted in each, by claim, line and column, and no more.

The page `whole_deployments.md` holds the files; the lines below each say what is refuted.
"""

import re
from pathlib import Path

import pytest

from probatum.audit.judge import judged
from probatum.catalog import accepting
from probatum.formats.kinds import kind_of
from probatum.material import BytesMaterial
from probatum.vocabulary import Artifact, Refuted

PAGE = Path(__file__).with_name("whole_deployments.md").read_text("utf-8")
_LETTERS = "Zq7Kw2Xv9Lm4Rt6Yb3Nc8Hd5Jf7Pg2Sk9Qa4We6Uz3"
SAMPLES = re.findall(r"(?ms)^## (\S+)\n\n````\w*\n(.*?)^````\n\n((?:- [^\n]*\n)+)", PAGE)
NOT_ASKED = {"pinned-images", "kind-is-understood", "code-reviewed", "not-a-program"}


@pytest.mark.parametrize(("name", "text", "said"), SAMPLES, ids=[name for name, _, _ in SAMPLES])
def test_what_is_refuted_in_a_whole_file(name: str, text: str, said: str) -> None:
    data = text.replace("{secret}", _LETTERS).encode()  # so that no secret stands in the page
    material = BytesMaterial(data)
    kind = kind_of(name, material)
    found = set()
    for one in accepting(kind):
        verdict = judged(one, Artifact(name=name, kind=kind, size=material.size), material)
        if isinstance(verdict, Refuted) and one.claim.id not in NOT_ASKED:
            for witness in verdict.witnesses:
                place = witness.place
                found.add(f"{one.claim.id} {place.line}:{place.column}")
    wanted = {line.removeprefix("- ") for line in said.splitlines()}
    assert found == wanted or (not found and wanted == {f"{kind}: nothing"})


def test_the_page_holds_twenty_five_files() -> None:
    assert len(SAMPLES) >= 25
    assert PAGE.count("\n## ") == len(SAMPLES)
