"""The published conformance cases of OpenSSF Model Signing, run by the adapter for its suite."""

import json
from pathlib import Path

import pytest
from bench.oms.adapter import run as adapted
from bench.oms.assets import make_keys
from bench.oms.cases import CASES, ELSEWHERE, HISTORICAL, NEGATIVE, POSITIVE, ROUNDTRIPS, Case, run

from own_sigstore import trusted_root
from probatum.cli.main import main


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("oms") / "keys"
    make_keys(made)
    return made


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{'signs-' * case.signs}{case.name}")
def test_the_case_comes_out_as_published(
    case: Case, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "trusted_root.json"
    root.write_text(json.dumps(trusted_root()))
    monkeypatch.setenv("SIGSTORE_TRUSTED_ROOT", str(root))
    assert run(case, tmp_path / "case", keys, lambda line: adapted(line, main)) == ""


def test_every_published_case_is_here_or_named() -> None:
    counted = [len(ROUNDTRIPS), len(POSITIVE), len(NEGATIVE), len(HISTORICAL), len(ELSEWHERE)]
    assert counted == [32, 6, 30, 11, 13]
    for group in (ROUNDTRIPS, (*POSITIVE, *NEGATIVE, *HISTORICAL)):
        assert len({case.name for case in group}) == len(group)
