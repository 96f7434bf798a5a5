"""Markdown for a comment: short enough, and nothing in it that an audited file wrote is alive."""

# ruff: noqa: E501  (what a report says is as long as it is)

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from inline_snapshot import snapshot
from markdown_it import MarkdownIt
from markdown_it.token import Token

from probatum.render.markdown import render
from probatum.vocabulary import (
    Excerpt,
    Finding,
    Place,
    Reason,
    Refuted,
    Report,
    Step,
    Undecided,
    Witness,
)
from reports import FRAGMENTS, artifact, large, report_of, reports, sample

COMMONMARK = MarkdownIt("commonmark").enable(["table", "strikethrough"])
OURS = ("<details>\n<summary>", "</details>\n")


def test_the_sample_in_full() -> None:
    assert render(sample()) == snapshot("""\
### Probatum: 4 proven, 4 refuted, 6 undecided (1 missing-extra, 1 missing-summary, 1 not-analysed, 1 opaque, 1 truncated, 1 unknown-kind)

- **refuted** `bert/README.md` `no-hidden-text`: `line 3, byte 28: U+202E RIGHT-TO-LEFT OVERRIDE turns the following text round (+1 more)`
  The claim was: `Everything that this text says to a machine, it shows to a reader.`

  ```text
    # A small model

  > Trained on \\u202etxet nedd\\u202cih letters.

  ```
- **refuted** `bert/config.json` `no-remote-code`: `auto_map.AutoModel: auto_map names modeling_bert.Net`
  The claim was: `This configuration asks no loader to import or run code by name.`
- **refuted** `llama/llama-3-tiny.gguf!/tokenizer.chat_template` `template-inert`: `line 4, byte 98: the filter attr reaches __class__, and from there every loaded class`
  The claim was: `Rendering this template reaches nothing beyond the values handed to it, and ends.`
  1. `'__cl' ~ 'ass__' is '__class__'` at `byte 104`
  2. `attr reads the attribute of that name` at `byte 98`

  ```text
    {% for message in messages %}
      {{ message['role'] }}: {{ message['content'] }}
    {% endfor %}
  > {{ ''|attr('__cl' ~ 'ass__') }}

  ```
- **refuted** `resnet/optimizer.pkl` `load-inert`: `byte 51: REDUCE calls builtins.print('loaded')`
  The claim was: `Loading this file runs nothing its author chose and reaches nothing outside the memory of the loading process.`
  1. `GLOBAL pushes builtins.print` at `byte 20`
  2. `MARK, STRING, TUPLE push ('loaded',)` at `byte 39`
  3. `REDUCE calls the first with the second` at `byte 51`

  ```text
    00000000  80 02 7d 71 00 58 05 00 00 00 65 70 6f 63 68 71  ..}q.X....epochq
    00000010  01 4b 07 73 63 5f 5f 62 75 69 6c 74 69 6e 5f 5f  .K.sc__builtin__
    00000020  0a 70 72 69 6e 74 0a 28 53 27 6c 6f 61 64 65 64  .print.(S'loaded
  > 00000030  27 0a 74 52 2e                                   '.tR.
  ```
- **undecided** `bert/modeling_bert.py` `code-reviewed`: `not-analysed: custom code`
- **undecided** `forest.joblib` `load-inert`: `missing-summary at byte 1207: no effect summary for sklearn.tree._tree.Tree of scikit-learn 1.5.2`
- **undecided** `old/half.safetensors` `header-sound`: `truncated at byte 8: the header says 65536 bytes and the file has 1016 after it`
- **undecided** `old/notes.xyz` `kind-is-understood`: `unknown-kind: no reader knows these bytes`
- **undecided** `old/weights.7z` `fully-opened`: `missing-extra: pip install 'probatum[archives]'`
- **undecided** `resnet/engine.plan` `load-inert`: `opaque: TensorRT publishes no format of its engines`

<details>
<summary>4 claims proven</summary>

- `bert/model.safetensors` `header-sound`
- `resnet/weights.pt` `fully-opened`
- `resnet/weights.pt!/archive/data.pkl` `load-inert`
- `resnet/weights.pt!/archive/data.pkl` `data-shaped`

</details>
""")


def test_a_report_of_nothing_says_so() -> None:
    assert render(report_of()) == snapshot("### Probatum: 0 proven, 0 refuted, 0 undecided\n")


def test_an_interrupted_audit_says_so_at_the_top() -> None:
    whole = sample()
    cut = Report(targets=whole.targets, planned=whole.planned, findings=(), interrupted=True)
    assert "**interrupted: 14 claims known by then stayed unjudged**" in render(cut)


def test_a_large_report_fits_into_a_comment_and_says_what_it_left_out() -> None:
    text = render(large(10_000))
    assert len(text) < 65_000
    assert "more are in the full report" in text


@settings(max_examples=100)
@given(reports())
def test_no_hostile_word_leaves_its_code_span(report: Report) -> None:
    _assert_nothing_alive(render(report))


@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_each_hostile_fragment_is_only_code(fragment: str) -> None:
    excerpt = Excerpt(0, fragment.encode("utf-8", "surrogatepass"), text=True)
    witness = Witness(fragment, Place(offset=0, part=fragment), (Step(fragment),), excerpt)
    one = artifact(fragment, "pickle", 1)
    _assert_nothing_alive(
        render(
            report_of(
                Finding(one, "load-inert", "a", Refuted((witness, witness))),
                Finding(one, "data-shaped", "a", Undecided(Reason.OPAQUE, fragment)),
            )
        )
    )


def _assert_nothing_alive(text: str) -> None:
    """Every token is one that the renderer writes, and outside code no character is special."""
    for token in _tokens(COMMONMARK.parse(text)):
        assert token.type in _WRITTEN, (token.type, token.content)
        if token.type == "html_block":
            assert token.content.startswith(OURS), token.content
        if token.type == "text" and token.content:
            assert not set(token.content) & set("<>[]`@#|\\\x1b\u202e"), token.content


def _tokens(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        if token.type == "inline":
            yield from token.children or []
        else:
            yield token


_WRITTEN = {
    *("heading_open", "heading_close", "paragraph_open", "paragraph_close", "html_block"),
    *("bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close"),
    *("ordered_list_open", "ordered_list_close", "strong_open", "strong_close"),
    *("text", "code_inline", "fence", "softbreak"),
}
