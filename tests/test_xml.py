"""What the XML reader, its analysers and its checker promise beyond the case pages."""

import contextlib
import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certificate_laws import (
    assert_every_mutant_is_rejected,
    assert_rejected,
    certificate_of,
    check,
    verdict_on,
)
from probatum.analyzers.model.executorch_load import executorch_load
from probatum.analyzers.model.openvino_load import openvino_load
from probatum.analyzers.model.pmml_load import pmml_load
from probatum.analyzers.model.tensorrt_load import tensorrt_load
from probatum.analyzers.model.xml_self_contained import xml_self_contained
from probatum.errors import FormatError
from probatum.formats import openvino, pmml
from probatum.formats.xml import parts
from probatum.material import BytesMaterial
from probatum.vocabulary import Certificate, Proven, Reason, Refuted, Undecided

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
SPACE = 'xmlns="http://www.dmg.org/PMML-4_4"'
NET = (
    HEAD + '<net name="n" version="11"><!-- made --><layers><layer id="0" type="Parameter" '
    'version="opset1"><data shape="1,3" element_type="f32"/></layer><layer id="1" type="If" '
    'version="opset8"><then_body><layers><layer id="0" type="ReLU" version="opset1"/></layers>'
    "</then_body></layer></layers><edges/></net>\n"
)
TREE = (
    HEAD + f'<PMML {SPACE} xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" version="4.4" '
    'xsi:schemaLocation="http://www.dmg.org/PMML-4_4 http://www.dmg.org/pmml.xsd"><Header>'
    '<Extension name="user">me</Extension></Header><TransformationDictionary><DefineFunction '
    'name="twice"><Apply function="*"><Constant>2 &amp; &#50;</Constant></Apply></DefineFunction>'
    '</TransformationDictionary><![CDATA[ <free> ]]><Apply function="twice"/></PMML>'
)
CASES = (
    (openvino_load, NET, "openvino-xml"),
    (xml_self_contained, NET, "openvino-xml"),
    (pmml_load, TREE, "pmml"),
    (xml_self_contained, TREE, "pmml"),
)


@pytest.mark.parametrize(("analyzer", "text", "kind"), CASES)
def test_every_mutant_of_a_certificate_is_rejected(analyzer: Any, text: str, kind: str) -> None:
    data = text.encode()
    certificate = certificate_of(analyzer, data, kind)
    assert_every_mutant_is_rejected(certificate, data, range(0, len(data), 7))


@given(st.binary(max_size=200))
def test_the_reader_raises_only_format_errors_on_any_bytes(data: bytes) -> None:
    for head in (b"", b"<net>", HEAD.encode()):
        with contextlib.suppress(FormatError):
            list(parts(BytesMaterial(head + data)))


PIECES = st.sampled_from(
    [
        "<a>", "</a>", "<a/>", "&amp;", "&lt;", "&x;", "&#65;", "&#0;", "<!--", "-->", "<![CDATA[",
        "]]>", "<?x y?>", "<!DOCTYPE a>", " b='1'", ' c="<"', "<b x='1' x='2'/>", "text", "<", ">",
        "<p:a xmlns:p='u'>", "</p:a>", "<a b='1'c='2'/>", "\x01", "é", "<é/>", "<a b = '&quot;'/>",
    ]
)  # fmt: skip


@given(st.lists(PIECES, max_size=8), st.integers(0, len(NET)))
def test_what_is_proven_of_a_mutated_document_also_checks(pieces: list[str], at: int) -> None:
    for analyzer, text, kind in CASES:
        data = (text[:at] + "".join(pieces) + text[at:]).encode()
        verdict = verdict_on(analyzer, data, kind)
        if isinstance(verdict, Proven):
            check(verdict.certificate, data)


def _forged(data: bytes, claim: str, kind: str) -> Certificate:
    """What a survey would say if it judged nothing."""
    count = 1
    with contextlib.suppress(FormatError):
        count = (pmml if kind == "pmml" else openvino).survey(BytesMaterial(data)).elements
    facts = {"claim": claim, "kind": kind, "size": len(data), "elements": count}
    return Certificate("xml", facts | {"sha256": hashlib.sha256(data).hexdigest()})


def _spelled(text: str, kind: str, declared: str = "", inside: str = "") -> bytes:
    root = text.removeprefix(HEAD)
    close = "</net>" if kind == "openvino-xml" else "</PMML>"
    return (HEAD + declared + root.replace(close, inside + close)).encode()


LEADS_OUTSIDE = {
    "an external DTD": ('<!DOCTYPE net SYSTEM "http://example.com/x.dtd">', ""),
    "a public DTD": ('<!DOCTYPE net PUBLIC "-//x" "file:///etc/passwd">', ""),
    "an external entity": ('<!DOCTYPE net [<!ENTITY x SYSTEM "file:///etc/passwd">]>', "&x;"),
    "an entity never used": ('<!DOCTYPE net [<!ENTITY x SYSTEM "x">]>', ""),
    "an external parameter": ('<!DOCTYPE net [<!ENTITY % x SYSTEM "http://e/x"> %x;]>', ""),
    "an XInclude": ("", '<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="/etc/x"/>'),
}
DIFFERS = {
    "an entity that expands": ('<!DOCTYPE net [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>', "&b;"),
    "a default attribute": ('<!DOCTYPE net [<!ATTLIST layer version CDATA "opset1">]>', ""),
    "an empty DTD": ("<!DOCTYPE net>", ""),
    "an instruction": ("<?xml-stylesheet href='x.xsl'?>", ""),
    "an unknown entity": ("", "&nbsp;"),
    "another namespace": ("", '<a:b xmlns:a="urn:other"/>'),
    "an unclosed tag": ("", "<layer>"),
    "a control character": ("", "\x02"),
    "two attributes of one name": ("", "<data a='1' a='2'/>"),
    "a bare ampersand": ("", "a & b"),
}


@pytest.mark.parametrize("name", [*LEADS_OUTSIDE, *DIFFERS])
def test_what_leads_elsewhere_is_not_proven_and_its_checker_agrees(name: str) -> None:
    for analyzer, text, kind in CASES:
        data = _spelled(text, kind, *(LEADS_OUTSIDE | DIFFERS)[name])
        verdict = verdict_on(analyzer, data, kind)
        assert isinstance(verdict, Refuted if name in LEADS_OUTSIDE else Undecided), verdict
        assert_rejected(_forged(data, analyzer.claim.id, kind), data, name)


def test_a_witness_has_its_line() -> None:
    data = _spelled(NET, "openvino-xml", '<!DOCTYPE net SYSTEM "x">')
    verdict = verdict_on(openvino_load, data, "openvino-xml")
    assert isinstance(verdict, Refuted)
    assert verdict.witnesses[0].place.line == 2


@pytest.mark.parametrize("version", ["extension", "", "opset", "opset0", "opset1x", "custom"])
def test_a_layer_of_another_set_is_undecided(version: str) -> None:
    inside = f'<layer id="9" type="Evil" version="{version}"/>'
    data = _spelled(NET, "openvino-xml", "", inside)
    verdict = verdict_on(openvino_load, data, "openvino-xml")
    assert isinstance(verdict, Undecided)
    assert verdict.reason == Reason.MISSING_SUMMARY
    assert_rejected(_forged(data, "load-inert", "openvino-xml"), data, version)


FOREIGN = {
    "a class": '<Apply function="com.example.Evil"/>',
    "a class that is defined": '<DefineFunction name="a.B"/><Apply function="a.B"/>',
    "no name": "<Apply/>",
    "an unknown function": '<Apply function="system"/>',
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_function_that_is_not_known_is_undecided(name: str) -> None:
    data = _spelled(TREE, "pmml", "", FOREIGN[name])
    verdict = verdict_on(pmml_load, data, "pmml")
    assert isinstance(verdict, Undecided)
    assert verdict.reason == Reason.MISSING_SUMMARY
    assert_rejected(_forged(data, "load-inert", "pmml"), data, name)


@pytest.mark.parametrize("inside", ["<Extension name='x'/>", "<TableLocator/>"])
def test_what_a_vendor_reads_is_undecided(inside: str) -> None:
    data = _spelled(TREE, "pmml", "", inside)
    for analyzer in (pmml_load, xml_self_contained):
        assert isinstance(verdict_on(analyzer, data, "pmml"), Undecided)
        assert_rejected(_forged(data, analyzer.claim.id, "pmml"), data, inside)


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("<JavaModel className='com.example.Evil'/>", Undecided),
        (
            "<InlineTable><row><column1>1</column1><d:c xmlns:d='u'>2</d:c></row></InlineTable>",
            Proven,
        ),
        ("<InlineTable><row><c><JavaModel/></c></row></InlineTable>", Undecided),
    ],
)
def test_only_cells_of_a_row_may_have_names_of_their_own(inside: str, expected: type) -> None:
    data = _spelled(TREE, "pmml", "", inside)
    verdict = verdict_on(pmml_load, data, "pmml")
    assert isinstance(verdict, expected), verdict
    if isinstance(verdict, Proven):
        check(verdict.certificate, data)
    else:
        assert_rejected(_forged(data, "load-inert", "pmml"), data, inside)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "latin-1", "utf-7"])
def test_another_encoding_is_undecided(encoding: str) -> None:
    data = NET.replace("UTF-8", encoding).encode(encoding)
    assert isinstance(verdict_on(openvino_load, data, "openvino-xml"), Undecided)
    assert_rejected(_forged(data, "load-inert", "openvino-xml"), data, encoding)


def test_levels_without_end_are_undecided() -> None:
    data = (HEAD + "<net>" + "<a>" * 9000 + "</a>" * 9000 + "</net>").encode()
    verdict = verdict_on(openvino_load, data, "openvino-xml")
    assert isinstance(verdict, Undecided)
    assert verdict.reason == Reason.OVER_LIMIT
    assert_rejected(_forged(data, "load-inert", "openvino-xml"), data, "deep XML")


@pytest.mark.parametrize(("analyzer", "kind"), [
    (tensorrt_load, "tensorrt"), (executorch_load, "executorch"),
])  # fmt: skip
def test_what_is_compiled_is_said_to_be_opaque(analyzer: Any, kind: str) -> None:
    verdict = verdict_on(analyzer, b"ptrt" + bytes(64), kind)
    assert isinstance(verdict, Undecided)
    assert verdict.reason == Reason.OPAQUE


def test_a_cell_of_a_row_includes_no_other_document() -> None:
    include = '<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="/etc/x"/>'
    data = (
        '<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><TransformationDictionary>'
        f"<DerivedField><MapValues><InlineTable><row>{include}</row></InlineTable></MapValues>"
        "</DerivedField></TransformationDictionary></PMML>"
    ).encode()
    facts = {"claim": "self-contained", "kind": "pmml", "size": len(data), "elements": 7}
    certificate = Certificate("xml", facts | {"sha256": hashlib.sha256(data).hexdigest()})
    assert_rejected(certificate, data, "an XInclude in a row")
    plain = data.replace(include.encode(), b"<cell/>")
    facts["size"] = len(plain)
    check(Certificate("xml", facts | {"sha256": hashlib.sha256(plain).hexdigest()}), plain)
