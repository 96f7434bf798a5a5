"""Expressions end where they should on interpreters with CPython issue 106052 too."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probatum.check import pickle_data, xml
from probatum.check import torchscript as torchscript_check
from probatum.cli.main import main
from probatum.formats import pickle_opcodes, safetensors, torchscript_code

SOURCES = sorted(Path(pickle_opcodes.__file__).parents[1].rglob("*.py"))
PICKLE = b"(N]KqMJGI\n\x80\x01\x06V\x00c\x8cUXe12.R"
SCRIPT = 'ab \n"\\01,(é'
TAGS = " a='\"<b:.-1!>/[CDAT]"

EXPRESSIONS: dict[str, tuple[object, bytes | str]] = {
    "prover": (pickle_opcodes._RUN.__self__, PICKLE),
    "prover, strings": (pickle_opcodes._run_with_strings().__self__, PICKLE),
    "checker": (pickle_data._DATA, PICKLE),
    "checker, strings": (pickle_data._data_and_strings(), PICKLE),
    "safetensors": (safetensors._STRING_HERE, b'"\\ab\x01'),
    "TorchScript": (torchscript_code._TEXT.__self__, SCRIPT),
    "TorchScript checker": (torchscript_check._SOURCE, SCRIPT),
    "XML": (xml._TOKEN, TAGS),
}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_every_possessive_group_ends_with_an_alternative_that_matches_nothing(path: Path) -> None:
    text = path.read_text("utf-8")
    for found in re.finditer(r"\)(?:[*+?]|\{[0-9,]+\})\+(?=[^ ])", text):
        line = text.count("\n", 0, found.start()) + 1
        assert text[: found.start()].endswith("|(?!)"), f"{path.name}:{line}, see decision 24"


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_an_expression_ends_where_its_backtracking_twin_does(name: str) -> None:
    expression, alphabet = EXPRESSIONS[name]
    assert isinstance(expression, re.Pattern)
    pattern = expression.pattern
    if isinstance(pattern, bytes):
        twin = re.compile(pattern.replace(b"(?!))*+", b"(?!))*"), expression.flags)
    else:
        twin = re.compile(pattern.replace("(?!))*+", "(?!))*"), expression.flags)
    assert twin.pattern != pattern
    texts = st.lists(st.sampled_from(alphabet), max_size=24)

    @given(texts)
    def same(letters: list[int | str]) -> None:
        text = bytes(letters) if isinstance(alphabet, bytes) else "".join(map(str, letters))
        assert ends(expression, text) == ends(twin, text)

    same()


def ends(expression: "re.Pattern[bytes] | re.Pattern[str]", text: bytes | str) -> list[int]:
    """Where matches from each place end, -1 for none."""
    found = (expression.match(text, start) for start in range(len(text) + 1))  # type: ignore[arg-type]
    return [match.end() if match else -1 for match in found]


def test_a_line_longer_than_the_window_does_not_hide_a_call(tmp_path: Path) -> None:
    """On 3.11.2 the skim went on one byte into the line, where a length covered all the rest."""
    rest = b"a" * (2 << 20) + b"\ncbuiltins\nprint\n(Vran\ntR0N"
    sample = tmp_path / "sample.pkl"
    sample.write_bytes(b"V\x8e" + len(rest).to_bytes(8, "little") + rest + b".")
    assert main(["audit", "-q", "--no-config", "-o", "/dev/null", str(sample)]) == 1
