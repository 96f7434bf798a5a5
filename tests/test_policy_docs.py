"""The how-to page on policy says what the code does."""

import re
import tomllib
from pathlib import Path

from msgspec.structs import fields

from probatum.audit.opened import Caps
from probatum.audit.sandbox import Limits
from probatum.configuration import LimitsTable, limited, read, size_of
from probatum.policy import EXIT_CODES

PAGE = Path(__file__).parents[1].joinpath("docs/how-to/policy.md").read_text(encoding="utf-8")


def test_the_example_is_a_configuration_that_is_read(tmp_path: Path) -> None:
    [text] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "probatum.toml"
    path.write_text(text)
    told = read(str(path))
    assert told.policy.accept[0].owner == "ann@example.org"
    assert set(tomllib.loads(text)) == {"policy", "limits", "analyzers", "advisories", "signatures"}


def test_every_limit_is_documented_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| [^|]*\| ([^|]+?) \|", PAGE, re.MULTILINE))
    assert set(rows) == {field.encode_name for field in fields(LimitsTable)}
    for field in fields(LimitsTable):
        default = size_of(rows[field.encode_name])
        table = LimitsTable(**{field.name: default})
        assert limited(Limits(), Caps(), table) == (Limits(), Caps()), field.encode_name


def test_every_exit_code_is_documented() -> None:
    for code in EXIT_CODES:
        assert f"| {code} |" in PAGE
