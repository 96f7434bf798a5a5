"""Properties of calls, comparisons, loops and routes: what rows say, and what is never told."""

import tomllib
from pathlib import Path

import pytest
from tests.taint_programs import flows, reviewed

from bytes_of_text import built
from probatum.audit.judge import judged
from probatum.catalog import accepting
from probatum.check import no_sinks
from probatum.material import BytesMaterial
from probatum.taint.properties import naming, rows
from probatum.vocabulary import Artifact, Refuted, Undecided

RULES = tomllib.loads((Path(rows.__file__).parents[2] / "rules/code/calls.toml").read_text("utf-8"))
CLAIMS = sorted(rows.names())
BY_CLAIM = {one.id: one for one in accepting("python-project")}
SECRET = "correct horse battery staple"


def verdict(claim: str, *files: tuple[str, str]) -> object:
    text = "\n".join(f"--- {name}\n{content}" for name, content in files)
    data = built("project", text)
    artifact = Artifact(name=".", kind="python-project", size=len(data))
    return judged(BY_CLAIM[claim], artifact, BytesMaterial(data))


def test_every_claim_of_a_row_has_an_analyser_and_says_what_to_write_instead() -> None:
    claims = {row["claim"] for table in RULES.values() for row in table if "claim" in row}
    assert claims <= set(BY_CLAIM)
    assert claims == {row["claim"] for row in RULES["instead"]}
    assert claims == {row["claim"] for row in RULES["absent"]}


@pytest.mark.parametrize("table", sorted(RULES))
def test_every_row_names_its_source(table: str) -> None:
    for row in RULES[table]:
        assert row["source"], row


@pytest.mark.parametrize("claim", CLAIMS)
def test_the_checker_looks_for_every_name_that_the_analyser_looks_for(claim: str) -> None:
    assert rows.names()[claim] <= no_sinks.words()[claim]


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize(
    "program",
    [
        "eval(text)",
        "run(**{'ver' + 'ify': False})",
        "setattr(context, 'check' + '_hostname', False)",
        "import requests, jwt, random, gradio, fastapi\nload_dataset()",
    ],
)
def test_no_project_that_could_hide_it_is_proven(claim: str, program: str) -> None:
    if claim in ("constant-time-comparison", "bounded-model-loops", "no-missing-authentication"):
        program += "\nwhile a == b: app.post()"
    assert isinstance(verdict(claim, ("app.py", program)), (Undecided, Refuted))


@pytest.mark.parametrize(
    "program",
    [
        f"import jwt\njwt.encode({{}}, {SECRET!r})\n",
        f'import jwt\nKEY = """\n{SECRET}\n"""\njwt.encode({{}}, KEY)\n',
        f"import os, jwt\nKEY = os.getenv('KEY', {SECRET!r})\njwt.encode({{}}, KEY)\n",
        f"INSTALLED_APPS = []\nSECRET_KEY = {SECRET!r}\n",
        f"import hmac\ndef sign(text, key={SECRET!r}):\n    return hmac.new(key, text)\n",
        f"import redis\nredis.Redis('h', password={SECRET!r})\n",
    ],
)
def test_a_secret_that_stands_in_the_code_is_never_told(program: str) -> None:
    found = verdict("no-hardcoded-secret", ("app.py", program))
    assert isinstance(found, Refuted)
    assert "horse" not in str(found)
    assert "instead" in str(found)


def test_findings_of_one_kind_in_one_file_are_told_once() -> None:
    text = """
        import requests
        def one():
            requests.get("https://a.example", verify=False)
        def two():
            requests.post("https://b.example", verify=False)
    """
    (flow,) = flows(text, "verified-tls")
    assert len(flow.also) == 1


def test_a_constant_is_followed_through_files_and_callers() -> None:
    (flow,) = reviewed(
        ("settings.py", "CHECK = False"),
        (
            "fetch.py",
            "import requests\ndef _fetch(url, check):\n    requests.get(url, verify=check)",
        ),
        (
            "app.py",
            "from fetch import _fetch\nfrom settings import CHECK\n_fetch('https://x', CHECK)",
        ),
    ).flows[:1]
    assert flow.claim == "verified-tls"
    assert [step.file for step in flow.steps] == ["settings.py", "fetch.py"]


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("api_key", True), ("API_KEYS", True), ("admin_token", True), ("token", True),
        ("redis_password", True), ("eos_token", False), ("tokens_per_second", False),
        ("token_type", False), ("max_tokens", False), ("api_key_name", False),
        ("password_hash", False), ("next_page_token", False),
    ],
)  # fmt: skip
def test_a_name_tells_a_secret_from_what_is_about_one(name: str, secret: bool) -> None:
    assert naming.is_secret(name) is secret


@pytest.mark.parametrize("loop", ["for _ in range(9):", "while turns < 9:", "while not timeout():"])
def test_a_loop_with_a_limit_is_bounded(loop: str) -> None:
    text = f"""
        def run(llm, tools, messages, turns):
            {loop}
                answer = llm.invoke(messages)
                if not answer.tool_calls:
                    return answer
                messages.append(tools.call(answer))
    """
    assert not flows(text, "bounded-model-loops")
