"""What a person at a terminal reads, and that no audited file can write there."""

# ruff: noqa: E501  (the lines of a report are as long as they are)

import re
import unicodedata

import pytest
from hypothesis import given
from inline_snapshot import snapshot

from probatum.render.terminal import line, render
from probatum.render.visible import columns, visible
from probatum.vocabulary import (
    Excerpt,
    Finding,
    Place,
    Reason,
    Refuted,
    Report,
    Undecided,
    Witness,
)
from reports import FRAGMENTS, artifact, hostile, large, report_of, reports, sample


def test_refuted_first_then_undecided_and_proven_are_counted() -> None:
    assert render(sample()) == snapshot("""\
refuted    bert/README.md                                    no-hidden-text      line 3, byte 28: U+202E RIGHT-TO-LEFT OVERRIDE turns the following text round (+1 more)
refuted    bert/config.json                                  no-remote-code      auto_map.AutoModel: auto_map names modeling_bert.Net
refuted    llama/llama-3-tiny.gguf!/tokenizer.chat_template  template-inert      line 4, byte 98: the filter attr reaches __class__, and from there every loaded class
refuted    resnet/optimizer.pkl                              load-inert          byte 51: REDUCE calls builtins.print('loaded')
undecided  bert/modeling_bert.py                             code-reviewed       not-analysed: custom code
undecided  forest.joblib                                     load-inert          missing-summary at byte 1207: no effect summary for sklearn.tree._tree.Tree of scikit-learn 1.5.2
undecided  old/half.safetensors                              header-sound        truncated at byte 8: the header says 65536 bytes and the file has 1016 after it
undecided  old/notes.xyz                                     kind-is-understood  unknown-kind: no reader knows these bytes
undecided  old/weights.7z                                    fully-opened        missing-extra: pip install 'probatum[archives]'
undecided  resnet/engine.plan                                load-inert          opaque: TensorRT publishes no format of its engines

4 proven, 4 refuted, 6 undecided (1 missing-extra, 1 missing-summary, 1 not-analysed, 1 opaque, 1 truncated, 1 unknown-kind)
""")


def test_verbose_shows_every_witness_with_its_steps_and_bytes() -> None:
    assert render(sample(), verbose=True) == snapshot("""\
refuted    bert/README.md                                    no-hidden-text      line 3, byte 28: U+202E RIGHT-TO-LEFT OVERRIDE turns the following text round (+1 more)
    line 3, byte 28: U+202E RIGHT-TO-LEFT OVERRIDE turns the following text round
        # A small model

      > Trained on \\u202etxet nedd\\u202cih letters.

    line 3, byte 40: U+202C ends it
refuted    bert/config.json                                  no-remote-code      auto_map.AutoModel: auto_map names modeling_bert.Net
refuted    llama/llama-3-tiny.gguf!/tokenizer.chat_template  template-inert      line 4, byte 98: the filter attr reaches __class__, and from there every loaded class
      1. '__cl' ~ 'ass__' is '__class__'  (byte 104)
      2. attr reads the attribute of that name  (byte 98)
        {% for message in messages %}
          {{ message['role'] }}: {{ message['content'] }}
        {% endfor %}
      > {{ ''|attr('__cl' ~ 'ass__') }}

refuted    resnet/optimizer.pkl                              load-inert          byte 51: REDUCE calls builtins.print('loaded')
      1. GLOBAL pushes builtins.print  (byte 20)
      2. MARK, STRING, TUPLE push ('loaded',)  (byte 39)
      3. REDUCE calls the first with the second  (byte 51)
        00000000  80 02 7d 71 00 58 05 00 00 00 65 70 6f 63 68 71  ..}q.X....epochq
        00000010  01 4b 07 73 63 5f 5f 62 75 69 6c 74 69 6e 5f 5f  .K.sc__builtin__
        00000020  0a 70 72 69 6e 74 0a 28 53 27 6c 6f 61 64 65 64  .print.(S'loaded
      > 00000030  27 0a 74 52 2e                                   '.tR.
undecided  bert/modeling_bert.py                             code-reviewed       not-analysed: custom code
undecided  forest.joblib                                     load-inert          missing-summary at byte 1207: no effect summary for sklearn.tree._tree.Tree of scikit-learn 1.5.2
undecided  old/half.safetensors                              header-sound        truncated at byte 8: the header says 65536 bytes and the file has 1016 after it
undecided  old/notes.xyz                                     kind-is-understood  unknown-kind: no reader knows these bytes
undecided  old/weights.7z                                    fully-opened        missing-extra: pip install 'probatum[archives]'
undecided  resnet/engine.plan                                load-inert          opaque: TensorRT publishes no format of its engines
proven     bert/model.safetensors                            header-sound        certificate safetensors
proven     resnet/weights.pt                                 fully-opened        certificate zip
proven     resnet/weights.pt!/archive/data.pkl               load-inert          certificate pickle, 1 assumption
    assuming torch is one of the releases 2.0.0 to 2.13.0 as published on PyPI
proven     resnet/weights.pt!/archive/data.pkl               data-shaped         certificate pickle, 1 assumption
    assuming torch is one of the releases 2.0.0 to 2.13.0 as published on PyPI

4 proven, 4 refuted, 6 undecided (1 missing-extra, 1 missing-summary, 1 not-analysed, 1 opaque, 1 truncated, 1 unknown-kind)
""")


def test_an_empty_report_still_counts() -> None:
    assert render(report_of()) == snapshot("0 proven, 0 refuted, 0 undecided\n")


def test_an_interrupted_audit_says_what_is_missing() -> None:
    whole = sample()
    cut = Report(
        targets=whole.targets, planned=whole.planned, findings=whole.findings[:3], interrupted=True
    )
    assert render(cut).splitlines()[-1] == snapshot(
        "interrupted: 11 claims known by then stayed unjudged"
    )


def test_a_hole_in_the_report_is_said_even_where_nobody_interrupted() -> None:
    whole = sample()
    holed = Report(targets=whole.targets, planned=whole.planned, findings=whole.findings[:3])
    assert render(holed).splitlines()[-1] == snapshot(
        "incomplete: 11 of 14 planned claims have no finding"
    )


def test_only_the_verdict_word_is_coloured_and_only_when_asked() -> None:
    plain = render(sample(), verbose=True)
    coloured = render(sample(), verbose=True, colour=True)
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain
    painted = set(re.findall(r"\x1b\[[0-9;]+m(\w+)\x1b\[0m", coloured))
    assert painted == {"proven", "refuted", "undecided"}


def test_one_finding_is_one_line() -> None:
    [finding] = [one for one in sample().findings if one.artifact.kind == "pickle"]
    assert line(finding) == snapshot(
        "refuted  resnet/optimizer.pkl  load-inert  byte 51: REDUCE calls builtins.print('loaded')"
    )


def test_a_name_cannot_forge_a_finding() -> None:
    name = "a.pkl\nproven  b.pkl  load-inert  certificate pickle\x1b[8m"
    finding = Finding(artifact(name, "pickle", 1), "load-inert", "a", Undecided(Reason.OPAQUE, "d"))
    assert render(report_of(finding)) == snapshot("""\
undecided  a.pkl\\nproven \\x20b.pkl \\x20load-inert \\x20certificate pickle\\x1b[8m  load-inert  opaque: d

0 proven, 0 refuted, 1 undecided (1 opaque)
""")


def test_wide_names_keep_the_columns() -> None:
    findings = [
        Finding(artifact(name, "pickle", 1), "load-inert", "a", Undecided(Reason.OPAQUE, "d"))
        for name in ("模型.pkl", "e\u0301t.pkl", "plain-name.pkl")
    ]
    rows = render(report_of(*findings)).splitlines()[:3]
    assert len({columns(row.partition("load-inert")[0]) for row in rows}) == 1


def test_long_evidence_is_cut_and_says_by_how_much() -> None:
    finding = Finding(
        artifact("a", "pickle", 1), "load-inert", "a", Undecided(Reason.OPAQUE, "x" * 1_000_000)
    )
    text = render(report_of(finding))
    assert len(text) < 3_000
    assert "… (+998008 characters)" in text


def test_a_long_excerpt_is_cut_around_the_spot() -> None:
    witness = Witness("here", Place(offset=50_000), (), Excerpt(0, bytes(100_000)))
    finding = Finding(artifact("a", "pickle", 1), "load-inert", "a", Refuted((witness,)))
    text = render(report_of(finding), verbose=True)
    assert "> 0000c350" in text
    assert len(text.splitlines()) < 80


@given(reports())
def test_every_character_that_reaches_the_terminal_is_drawn(report: Report) -> None:
    for verbose in (False, True):
        _assert_drawn(render(report, verbose=verbose))


@given(reports())
def test_each_finding_is_exactly_one_line_with_four_columns(report: Report) -> None:
    for finding in report.findings:
        row = line(finding)
        assert "\n" not in row
        verdict, name, claim, _ = row.split("  ", 3)
        assert (verdict, claim) == (type(finding.verdict).__name__.lower(), finding.claim)
        assert name.strip(" ") == name != ""


@given(hostile)
def test_a_visible_text_stays_as_it_is(text: str) -> None:
    once = visible(text)
    assert visible(once) == once


@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_each_hostile_fragment_is_drawn(fragment: str) -> None:
    _assert_drawn(visible(fragment))


@pytest.mark.parametrize(
    "text", ["café", "cafe\u0301", "ไม้", "हिन्दी", "模型.safetensors", "🙂", "naïve — “quoted”"]
)
def test_honest_words_of_any_language_are_left_alone(text: str) -> None:
    assert visible(text) == text


def test_ten_thousand_findings_take_well_under_a_second() -> None:
    assert len(render(large(10_000)).splitlines()) > 3_000


def _assert_drawn(text: str) -> None:
    text.encode()
    bad = [
        one
        for one in text.replace("\n", "")
        if not one.isprintable() or unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    ]
    assert bad == []
