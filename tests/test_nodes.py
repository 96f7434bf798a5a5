"""The readers of YAML and JSON that keep places: laws, and what they refuse."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from probatum.errors import FormatError
from probatum.formats import json_nodes, yaml_nodes
from probatum.formats.nodes import Mapping, Node, Scalar, Sequence, boolean, is_null, text, walk
from probatum.vocabulary import Reason

TEXTS = st.text(
    st.characters(codec="utf-8", exclude_characters="\ufeff<\x85\u2028\u2029"), max_size=8
)
VALUES = st.recursive(
    TEXTS | st.booleans() | st.none() | st.integers(-9, 9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
)
SNIPPETS = st.lists(
    st.sampled_from(["a", "- ", ": ", "\n", "  ", "{", "}", "[", "]", "&x ", "*x", "<<", "'", '"',
                     "|\n", "? ", "!t ", "#", ",", "é", "---\n", "\\", "\t", "%", "\r\n"]),
    max_size=20,
).map("".join)  # fmt: skip


def plain(node: Node) -> object:
    """The value of a node, every scalar as its text."""
    match node:
        case Scalar():
            return node.text
        case Sequence():
            return [plain(one) for one in node.items]
        case Mapping():
            return {one.key.text: plain(one.value) for one in node.entries}


def said(value: object) -> object:
    """What `plain` should yield of a JSON value."""
    if isinstance(value, list):
        return [said(one) for one in value]
    if isinstance(value, dict):
        return {key: said(one) for key, one in value.items()}
    return value if isinstance(value, str) else json.dumps(value)


def only(data: str) -> Node:
    [document] = yaml_nodes.documents(data.encode())
    return document


def refusal(data: str) -> Reason:
    with pytest.raises(FormatError) as caught:
        yaml_nodes.documents(data.encode())
    return caught.value.reason


@given(st.binary(max_size=60) | SNIPPETS.map(str.encode))
def test_nothing_but_format_errors_is_raised(data: bytes) -> None:
    for read in (
        yaml_nodes.documents,
        json_nodes.document,
        lambda data: json_nodes.document(data, comments=True),
    ):
        try:
            read(data)
        except FormatError:
            continue


@given(VALUES, st.booleans())
def test_json_is_read_as_python_reads_it(value: object, ascii_only: bool) -> None:
    data = json.dumps(value, indent=1, ensure_ascii=ascii_only).encode()
    assert plain(json_nodes.document(data)) == said(value)
    assert plain(json_nodes.document(data, comments=True)) == said(value)


@given(VALUES, st.sampled_from([True, False, None]))
def test_yaml_is_read_as_its_writer_meant_it(value: object, flow: bool | None) -> None:
    data = yaml.safe_dump(value, allow_unicode=True, default_flow_style=flow)
    assert agrees(only(data), value)


def agrees(node: Node, value: object) -> bool:
    match node:
        case Sequence():
            return isinstance(value, list) and all(map(agrees, node.items, value))
        case Mapping():
            found = {one.key.text: one.value for one in node.entries}
            return isinstance(value, dict) and all(agrees(found[key], value[key]) for key in value)
    if isinstance(value, str):
        return text(node) == value
    if value is None or isinstance(value, bool):
        return is_null(node) is (value is None) and boolean(node) is value
    return node.plain and node.text == str(value)


@given(SNIPPETS)
def test_a_plain_scalar_stands_where_its_place_says(source: str) -> None:
    data = source.encode()
    try:
        found = yaml_nodes.documents(data)
    except FormatError:
        return
    for document in found:
        for _, node in walk(document):
            if isinstance(node, Scalar) and node.plain and node.text.isalpha() and not node.tag:
                place = node.place
                assert place.offset is not None
                assert place.line is not None
                assert place.column is not None
                behind = data[place.offset :].decode()
                behind = behind.removeprefix("&x").lstrip() if behind[0] == "&" else behind
                assert behind.startswith(node.text)
                line = source.split("\n")[place.line - 1]
                assert source[: len(data[: place.offset].decode())].endswith(
                    line[: place.column - 1]
                )


def test_anchors_and_merge_keys_are_resolved() -> None:
    node = only("a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  y: 3\nc: {<<: [{z: 4}, *a]}\n")
    assert isinstance(node, Mapping)
    assert plain(node) == {
        "a": {"x": "1", "y": "2"},
        "b": {"y": "3", "x": "1"},
        "c": {"z": "4", "x": "1", "y": "2"},
    }
    found = node.get("b")
    assert isinstance(found, Mapping)
    assert [one.merged for one in found.entries] == [False, True]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("a: 1\na: 2\n", Reason.PARSER_DIFFERENTIAL),
        ('a: 1\n"\\x61": 2\n', Reason.PARSER_DIFFERENTIAL),
        ("'<<': {a: 1}\n", Reason.PARSER_DIFFERENTIAL),
        ("<<: {a: 1}\n<<: {b: 1}\n", Reason.PARSER_DIFFERENTIAL),
        ("a: 1 # b\u2028c: 2\n", Reason.PARSER_DIFFERENTIAL),
        ("<<: 1\n", Reason.MALFORMED),
        ("? [a]\n: 1\n", Reason.UNSUPPORTED),
        ("&a [*a]\n", Reason.UNSUPPORTED),
        ("*a\n", Reason.MALFORMED),
        ("a: [\n", Reason.MALFORMED),
        ("[" * 101 + "]" * 101, Reason.OVER_LIMIT),
        ("a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 30)),
         Reason.OVER_LIMIT),
    ],
)  # fmt: skip
def test_what_readers_differ_on_or_drown_in_is_refused(data: str, reason: Reason) -> None:
    assert refusal(data) == reason


def test_json_with_a_key_twice_or_half_a_character_is_refused() -> None:
    for data in ('{"a": 1, "a": 2}', '{"a": "\\ud800"}', "[NaN]"):
        with pytest.raises(FormatError) as caught:
            json_nodes.document(data.encode())
        assert caught.value.reason == Reason.PARSER_DIFFERENTIAL


def test_comments_keep_the_places_of_what_stands_behind_them() -> None:
    data = b'// first\n{"a": /* x */ "//b", // c\n "d": [1,],\n}'
    node = json_nodes.document(data, comments=True)
    assert plain(node) == {"a": "//b", "d": ["1"]}
    assert isinstance(node, Mapping)
    place = node.entries[1].key.place
    assert (place.line, place.column, place.offset) == (3, 2, data.index(b'"d"'))
    assert str(place) == f"line 3:2, byte {place.offset}"
    with pytest.raises(FormatError):
        json_nodes.document(data)


def test_a_place_counts_characters_in_its_column_and_bytes_in_its_offset() -> None:
    node = only("\ufeffé: 'ü'\nü: {é: x}\n")
    inner = node.get("ü", "é") if isinstance(node, Mapping) else None
    assert inner is not None
    assert (inner.place.line, inner.place.column, inner.place.offset) == (2, 8, 21)


@pytest.mark.parametrize(
    ("data", "value"),
    [("yes", True), ("off", False), ("TRUE", True), ('"true"', None), ("[]", None), ("1", None)],
)
def test_a_switch_is_a_plain_word(data: str, value: bool | None) -> None:
    assert boolean(only(data)) is value


def test_every_document_of_a_stream_is_read_with_anchors_of_its_own() -> None:
    found = yaml_nodes.documents(b"a: &a 1\n---\n# nothing\n---\nb: 2\n")
    assert [plain(one) for one in found] == [{"a": "1"}, "", {"b": "2"}]
    assert text(found[1]) is None
    assert refusal("a: &a 1\n---\nb: *a\n") == Reason.MALFORMED
