"""Secrets are told by their shape and name, and never repeated."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probatum.formats.secret_text import is_secret_name, secret

ROWS = tomllib.loads(
    (Path(__file__).parent.parent / "src/probatum/rules/secrets.toml").read_text("utf-8")
)
_RANDOM = "Zq7Kw2Xv9Lm4Rt6Yb3Nc8Hd5Jf7Pg2Sk9Qa4We6Uz3Ti8Or5"


def made(row: dict[str, str]) -> str:
    """The row's `bad` value, put together: no scanner of this repository takes it for a secret."""
    text = row["bad"]
    for length in (12, 16, 20, 34, 35, 36, 40):
        letters = _RANDOM if "hf_" not in text else "".join(filter(str.isalpha, _RANDOM * 2))
        letters = (
            letters.upper().translate(str.maketrans("0189", "2345")) if "AKIA" in text else letters
        )
        text = text.replace(f"{{{length}}}", letters[:length])
    return text


@pytest.mark.parametrize("row", ROWS["token"], ids=lambda row: row["says"])
def test_a_token_is_known_by_its_shape_and_not_repeated(row: dict[str, str]) -> None:
    value = made(row)
    found = secret("", value)
    assert found is not None
    assert found.surely
    assert value[8:] not in found.says
    assert secret("", row["good"]) is None
    assert row["source"]


def test_a_name_of_a_secret_is_known() -> None:
    [row] = ROWS["name"]
    assert is_secret_name(row["bad"])
    assert not is_secret_name(row["good"])
    for name in ("apiKey", "DB_PASSWORD", "Authorization", "x-api-key", "accessToken"):
        assert is_secret_name(name), name
    for name in ("MAX_TOKENS", "PATH", "KEYBOARD", "monkey", "compat"):
        assert not is_secret_name(name), name


def test_a_placeholder_is_no_secret() -> None:
    [row] = ROWS["placeholder"]
    assert secret("API_KEY", row["bad"]) is None
    assert secret("API_KEY", row["good"]) is not None
    for value in (
        "<your key>",
        "sk-xxxxxxxxxxxxxxxxxxxxxxxx",
        "Bearer ${TOKEN}",
        "",
        "changeme",
        "EMPTY",
        "sk-no-key-required",
        "not-needed",
        "ollama",
        "test-key",
        "n/a",
        "----",
    ):
        assert secret("API_KEY", value) is None, value


def test_what_looks_random_under_such_a_name_is_surely_one() -> None:
    found = secret("SERVICE_TOKEN", _RANDOM[:24])
    assert found is not None
    assert found.surely
    short = secret("DB_PASSWORD", "hunter-two")
    assert short is not None
    assert not short.surely
    assert short.named
    about = secret("DB_PASSWORD_HINT", "hunter-two")
    assert about is not None
    assert not about.named
    assert secret("MODEL", _RANDOM[:24]) is None


@settings(deadline=None)  # the rows are read once, by the first
@given(st.text(max_size=40), st.text(min_size=9, max_size=60))
def test_no_value_is_ever_repeated(name: str, value: str) -> None:
    found = secret(name, value)
    assert found is None or value not in found.says
