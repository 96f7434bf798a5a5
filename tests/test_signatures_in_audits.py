"""Signatures that lie in what is audited or beside it, and reports of them that are checked."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from own_sigstore import trusted_root
from probatum.adapters.signatures import Signatures, with_signed
from probatum.audit.opened import Root
from probatum.cli.main import main
from probatum.vocabulary import Finding, Proven, Refuted, Undecided
from probatum.wire import from_json
from signed_folders import KEY, certificate, pem, pem_of
from test_sign_and_verify import keys
from test_sigstore_identity import IDENTITY, ISSUER, PUBLISH, attestation

WHEEL = "a-1.0-py3-none-any.whl"


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A signed folder, in a working folder of its own with the key's public half."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.txt").write_text("1 2 3")
    private, public = keys(tmp_path, KEY)
    assert public == str(tmp_path / "own.pub")
    assert main(["sign", "model", "--key", private]) == 0
    return tmp_path / "model"


def trust(where: Path, **said: Any) -> None:
    lines = [f"{key} = {json.dumps(value)}" for key, value in said.items()]
    text = "\n".join(["[[signatures]]", *lines, ""])
    with (where / "probatum.toml").open("a") as file:
        file.write(text)


def audited(*line: str) -> list[Finding]:
    main(["audit", *line, "--format", "json", "-o", "report.json", "-q"])
    report = from_json(Path("report.json").read_bytes())
    return [one for one in report.findings if one.claim == "signed-content"]


def test_a_signature_by_nobody_named_says_who_claims_it(model: Path) -> None:
    (found,) = audited("model")
    assert found.artifact.name == ".!/signed"
    assert isinstance(found.verdict, Undecided)
    assert "as it says, by a key that it calls" in found.verdict.detail
    assert "nobody is named" in found.verdict.detail


def test_a_signature_by_somebody_named_is_proven_and_checked(model: Path) -> None:
    trust(model.parent, keys=["own.pub"])
    (found,) = audited("model")
    assert isinstance(found.verdict, Proven)
    assert main(["check", "report.json", "model", "--must-prove", "signed-content"]) == 0
    (model / "weights.txt").write_text("1 2 4")
    assert main(["check", "report.json", "model", "--must-prove", "signed-content"]) == 1
    (found,) = audited("model")
    assert isinstance(found.verdict, Refuted)


def test_a_check_trusts_whom_its_own_configuration_names(model: Path) -> None:
    """Whoever wrote the report may have trusted anyone."""
    trust(model.parent, keys=["own.pub"])
    audited("model")
    other = ec.derive_private_key(77, ec.SECP256R1())
    (model.parent / "own.pub").write_text(pem(other))
    assert main(["check", "report.json", "model"]) == 1
    (model.parent / "probatum.toml").unlink()
    assert main(["check", "report.json", "model"]) == 1


def test_a_policy_can_ask_for_a_signature(model: Path) -> None:
    asked = ["--must-prove", "signed-content", "-q", "-o", "out"]
    trust(model.parent, keys=["own.pub"])
    assert main(["audit", "model", *asked]) == 0
    (model / "model.sig").unlink()
    assert main(["audit", "model", *asked]) == 2
    (found,) = audited("model", "--must-prove", "signed-content")
    assert isinstance(found.verdict, Undecided)
    assert found.verdict.detail == "no signature of it was found on this machine"
    assert audited("model") == []


def test_what_lies_elsewhere_is_not_passed_over_where_a_signature_is_asked_for() -> None:
    found = iter([Root("config.json", 2, fetch=lambda at, length: b"{}")])
    asked = Signatures(demanded=True)
    named = [one.name for one in with_signed("hf://owner/name", found, asked)]
    assert named == ["config.json", ".!/signed"]


def test_who_is_trusted_depends_on_the_name(model: Path) -> None:
    trust(model.parent, artifacts="sub*", keys=["own.pub"])
    inner = model.parent / "outer" / "sub"
    inner.parent.mkdir()
    model.rename(inner)
    found = {one.artifact.name: one.verdict for one in audited("outer")}
    assert list(found) == ["sub!/signed"]
    assert isinstance(found["sub!/signed"], Proven)
    (found_alone,) = audited("outer/sub")
    assert isinstance(found_alone.verdict, Undecided)


def test_another_kind_of_signature_is_passed_over(model: Path) -> None:
    (model / "weights.txt.sig").write_bytes(b"\x89\x02\x33 a signature of PGP")
    (model / "nothing.sig").write_text("{}")
    assert len(audited("model")) == 1


def test_what_claims_to_be_signed_and_cannot_be_read_is_undecided(model: Path) -> None:
    (model / "model.sig").write_text('{"mediaType": ')
    trust(model.parent, keys=["own.pub"])
    (found,) = audited("model")
    assert isinstance(found.verdict, Undecided)


def wheel(folder: Path) -> Path:
    (folder / "trusted_root.json").write_text(json.dumps(trusted_root()))
    (folder / "dist").mkdir()
    made = folder / "dist" / WHEEL
    made.write_bytes(b"x")
    return made


SIGSTORE = {"identity": IDENTITY, "issuer": ISSUER, "trusted-root": "trusted_root.json"}


def test_a_wheel_is_proven_by_the_attestation_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    beside = wheel(tmp_path).with_name(f"{WHEEL}.publish.attestation")
    beside.write_text(json.dumps(attestation(PUBLISH, WHEEL)))
    trust(tmp_path, artifacts="*.whl", **SIGSTORE)
    for target, name in (("dist", WHEEL), (f"dist/{WHEEL}", WHEEL)):
        (found,) = audited(target)
        assert found.artifact.name == f"{name}!/signed"
        assert isinstance(found.verdict, Proven)
        assert main(["check", "report.json", target]) in (0, 2)
    (tmp_path / "probatum.toml").unlink()
    (found,) = audited("dist")
    assert isinstance(found.verdict, Undecided)
    assert f"the identity '{IDENTITY}', for whom '{ISSUER}' vouches" in found.verdict.detail


def test_each_attestation_of_a_provenance_file_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    kinds = [PUBLISH, "https://slsa.dev/provenance/v1"]
    held = [attestation(kind, WHEEL) for kind in kinds]
    said = {"version": 1, "attestation_bundles": [{"publisher": {}, "attestations": held}]}
    wheel(tmp_path).with_name(f"{WHEEL}.provenance").write_text(json.dumps(said))
    trust(tmp_path, artifacts="*.whl", **SIGSTORE)
    found = {one.artifact.name: one.verdict for one in audited("dist")}
    assert list(found) == [f"{WHEEL}!/signed", f"{WHEEL}!/signed#2"]
    assert all(isinstance(one, Proven) for one in found.values())


def test_verify_judges_each_attestation_of_a_provenance_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    held = [attestation(PUBLISH, WHEEL), attestation("https://slsa.dev/provenance/v1", WHEEL)]
    said = {"version": 1, "attestation_bundles": [{"publisher": {}, "attestations": held}]}
    made = wheel(tmp_path)
    Path("a.provenance").write_text(json.dumps(said))
    who = ["--identity", IDENTITY, "--issuer", ISSUER, "--trusted-root", "trusted_root.json"]
    line = [str(made), "--attestation", "a.provenance", *who]
    assert main(["verify", *line, "--format", "json", "-o", "report.json", "--check"]) == 0
    report = from_json(Path("report.json").read_bytes())
    assert len(report.findings) == 2
    assert main(["check", "report.json", *line]) == 0
    held[1]["envelope"]["signature"] = held[0]["envelope"]["signature"]
    Path("a.provenance").write_text(json.dumps(said))
    assert main(["verify", *line]) == 1


def test_a_report_of_verify_is_checked_with_whom_the_checker_trusts(model: Path) -> None:
    line = ["verify", "model", "--key", "own.pub", "--format", "json", "-o", "report.json"]
    assert main(line) == 0
    assert main(["check", "report.json", "model", "--key", "own.pub"]) == 0
    Path("other.pub").write_text(pem(ec.derive_private_key(77, ec.SECP256R1())))
    assert main(["check", "report.json", "model", "--key", "other.pub"]) == 1
    assert main(["check", "report.json", "model"]) == 3
    (model / "weights.txt").write_text("1 2 4")
    assert main(["check", "report.json", "model", "--key", "own.pub"]) == 1


def test_a_report_of_verify_says_nothing_of_an_audit(model: Path) -> None:
    """Whoever asks for an audit's proofs must not be answered with a signature."""
    main(["verify", "model", "--key", "own.pub", "--format", "json", "-o", "report.json"])
    trust(model.parent, keys=["own.pub"])
    assert main(["check", "report.json", "model"]) == 3
    report = json.loads(Path("report.json").read_text())
    for one in (*report["findings"], *report["planned"]):
        name = one["artifact"]
        if isinstance(name, dict):
            name["name"] = ".!/signed"
        else:
            one["artifact"] = ".!/signed"
    Path("forged.json").write_text(json.dumps(report))
    assert main(["check", "forged.json", "model"]) in (1, 2)


def test_certificates_are_checked_at_the_time_of_the_check(model: Path) -> None:
    own = certificate("signer", KEY, last=2_000_000_000, first=0)
    Path("ca.pem").write_text(pem_of(own))
    sign = ["sign", "model", "--key", "own.key", "--certificates", "ca.pem"]
    assert main(sign) == 0
    line = ["verify", "model", "--root", "ca.pem", "--format", "json", "-o", "report.json"]
    assert main(line) == 0
    assert main(["check", "report.json", "model", "--root", "ca.pem"]) == 0
    late = ["check", "report.json", "model", "--root", "ca.pem", "--at", "2040-01-01"]
    assert main(late) == 1


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"keys": ["own.pub"], "roots": ["ca.pem"]},
        {"identity": "a@example.org"},
        {"identity": "a@example.org", "issuer": "https://x", "keys": ["own.pub"]},
        {"key": ["own.pub"]},
    ],
)
def test_a_table_that_names_nobody_or_two_is_refused(model: Path, said: dict[str, Any]) -> None:
    trust(model.parent, **said)
    assert main(["audit", "model"]) == 3


def test_a_file_of_keys_that_is_not_there_is_told(model: Path) -> None:
    trust(model.parent, keys=["gone.pub"])
    assert main(["audit", "model"]) == 3
