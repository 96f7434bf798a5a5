"""The assembler and the sample builders write what they were told, and nothing else."""

import io
import pickle
import pickletools
import zipfile

import pytest

from assemble import assembled
from bytes_of_text import built, from_hex


@pytest.mark.parametrize("protocol", range(2, 6))
def test_what_pickle_writes_can_be_written_by_hand(protocol: int) -> None:
    value = {"a": [1, -2, 2**70, 1.5, "x", b"y", None, True], "b": (1, 2, 3, 4)}
    stream = pickle.dumps(value, protocol)
    lines = [
        f"{code.name} {'' if arg is None else repr(arg)}".replace(
            "'_codecs encode'", "_codecs encode"
        )
        for code, arg, _ in pickletools.genops(stream)
    ]
    assert assembled("\n".join(lines)) == stream


def test_text_opcodes_take_their_line_as_it_is() -> None:
    text = "INT 0x10\nLONG 5L\nFLOAT 1.5\nSTRING 'a'\nUNICODE \\u0041\nGLOBAL os path x\nSTOP"
    assert assembled(text) == b"I0x10\nL5L\nF1.5\nS'a'\nV\\u0041\ncos\npath x\n."


def test_comments_and_raw_bytes() -> None:
    text = "# nothing\nRAW 80 02  # by hand\nNONE\nSTOP\n"
    assert assembled(text) == b"\x80\x02N."


def test_an_unknown_opcode_is_an_error() -> None:
    with pytest.raises(ValueError, match="no pickle opcode"):
        assembled("REDUCED")


def test_hex_takes_text_numbers_and_repetition() -> None:
    assert from_hex('"GGUF\\n" u32:3 u16be:1 00 x3 ff 0a0b # end') == (
        b"GGUF\n\x03\0\0\0\0\x01\0\0\0\xff\x0a\x0b"
    )


def test_parts_nest() -> None:
    text = "--- a/data.pkl pickle\nNONE\nSTOP\n--- inner zip\n---- x line\nhello\n--- v line\n3\n"
    with zipfile.ZipFile(io.BytesIO(built("zip", text))) as archive:
        assert archive.read("a/data.pkl") == b"N."
        assert archive.read("v") == b"3"
        with zipfile.ZipFile(io.BytesIO(archive.read("inner"))) as inner:
            assert inner.read("x") == b"hello"


def test_a_part_can_carry_its_length() -> None:
    assert built("join", "--- h line length=u64\n{}\n--- d hex\n00 x2\n") == (
        b"\x02" + b"\0" * 7 + b"{}" + b"\0\0"
    )
