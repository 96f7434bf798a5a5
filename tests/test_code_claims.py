"""The claims about Python projects, from the folder to a report that is checked again."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from bytes_of_text import built
from probatum.audit.judge import judged
from probatum.catalog import accepting
from probatum.errors import Rejected
from probatum.material import BytesMaterial
from probatum.vocabulary import Artifact, Proven, Verdict

CLAIMS = [one for one in accepting("python-project") if one.id != "code-reviewed"]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "probatum", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def verdicts(program: str) -> dict[str, Verdict]:
    data = built("project", f"--- app.py\n{program}")
    artifact = Artifact(name=".", kind="python-project", size=len(data))
    return {one.id: judged(one, artifact, BytesMaterial(data)) for one in CLAIMS}


def test_a_folder_is_refuted_by_a_path_and_what_is_proven_is_checked_again(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "main.py").write_text(
        "import pickle\n\n\ndef load(path):\n    with open(path, 'rb') as file:\n"
        "        return pickle.load(file)\n"
    )
    audited = run(tmp_path, "audit", "app", "--no-config", "--format", "json", "-o", "r.json")
    assert audited.returncode == 1, audited.stderr
    findings = json.loads((tmp_path / "r.json").read_bytes())["findings"]
    by_claim = {one["claim"]: one for one in findings if one["artifact"]["name"] == "."}
    witness = by_claim["no-unsafe-deserialization"]["verdict"], by_claim["no-code-injection"]
    assert witness[0] == "refuted"
    assert witness[1]["verdict"] == "proven"
    checked = run(tmp_path, "check", "--only-certificates", "r.json", "app")
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("claim", [one.id for one in CLAIMS])
def test_an_empty_program_is_proven_and_its_certificate_holds(claim: str) -> None:
    data = built("project", "--- app.py\nx = 1\n")
    verdict = verdicts("x = 1\n")[claim]
    assert isinstance(verdict, Proven)
    checker = import_module(f"probatum.check.{verdict.certificate.checker}")
    checker.holds(verdict.certificate.facts, BytesMaterial(data).read, len(data))
    changed = data.replace(b"x = 1", b"x = 2")
    with pytest.raises(Rejected, match="digest"):
        checker.holds(verdict.certificate.facts, BytesMaterial(changed).read, len(changed))


@pytest.mark.parametrize(
    "program",
    [
        'getattr(module, "lo" + "ads")(data)',
        "from pickle import *\nloads(data)",
        "import pickle as p\nrun = p.loads",
        'sys.modules["pickle"].__dict__["loads"]',
        "\uff45\uff56\uff41\uff4c(text)",
        '"\\x6coads"',
        "# pickle.loads(data)",
    ],
)
def test_no_project_that_could_name_a_deserialiser_is_proven(program: str) -> None:
    assert not isinstance(verdicts(program)["no-unsafe-deserialization"], Proven)


@pytest.mark.parametrize(
    "program",
    [
        'getattr(module, "lo" + "ads")(data)',
        "from pickle import *\nloads(data)",
        'x = "\\x6coads"',
        "def f(): exec(text)",
        "x = (",
    ],
)
def test_the_checker_rejects_such_a_project_by_itself(program: str) -> None:
    from hashlib import sha256

    from probatum.check import no_sinks

    data = built("project", f"--- app.py\n{program}\n")
    facts = {
        "claim": "no-unsafe-deserialization",
        "size": len(data),
        "sha256": sha256(data).hexdigest(),
    }
    with pytest.raises(Rejected):
        no_sinks.holds(facts, BytesMaterial(data).read, len(data))


ESCAPED = {
    "hexadecimal": r"x = 'l\x6fads'",
    "Unicode": r"x = 'l\u006fads'",
    "long Unicode": r"x = 'l\U0000006fads'",
    "octal": r"x = 'l\157ads'",
    "named": r"x = 'l\N{LATIN SMALL LETTER O}ads'",
    "a sign of two digits": r"x = 'load\163'",
}


@pytest.mark.parametrize("program", ESCAPED.values(), ids=ESCAPED)
def test_an_escape_that_may_be_a_letter_hides_a_name(program: str) -> None:
    assert not isinstance(verdicts(f"{program}\n")["no-unsafe-deserialization"], Proven)


@pytest.mark.parametrize("text", [r"\u0020", r"\xa0", r"\0", r"\n", r"\u200b", r"\x1b[0m"])
def test_an_escape_that_is_no_letter_hides_nothing(text: str) -> None:
    assert isinstance(verdicts(f"x = 'a{text}b'\n")["no-unsafe-deserialization"], Proven)


@pytest.mark.parametrize("number", range(128))
def test_every_character_of_a_name_is_found_behind_its_escape(number: int) -> None:
    letter = chr(number)
    if letter.isalnum() or letter == "_":
        for said in (f"\\x{number:02x}", f"\\u{number:04X}", f"\\U{number:08x}", f"\\{number:o}"):
            found = verdicts(f"x = 'load{said}'\n")["no-unsafe-deserialization"]
            assert not isinstance(found, Proven), said
