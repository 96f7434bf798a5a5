"""Reports for the tests of all that reads or shows one: realistic, large and hostile ones."""

import hashlib
from dataclasses import dataclass, field

from hypothesis import strategies as st

from probatum.claims import (
    DATA_SHAPED,
    FULLY_OPENED,
    HEADER_SOUND,
    KIND_IS_UNDERSTOOD,
    LOAD_INERT,
    NO_REMOTE_CODE,
    TEMPLATE_INERT,
)
from probatum.vocabulary import (
    Artifact,
    Certificate,
    Claim,
    Excerpt,
    Expected,
    Finding,
    Place,
    Planned,
    Proven,
    Reason,
    Refuted,
    Report,
    Step,
    Undecided,
    Verdict,
    Witness,
)

NO_HIDDEN_TEXT = Claim(
    "no-hidden-text", "Everything that this text says to a machine, it shows to a reader."
)
CODE_REVIEWED = Claim("code-reviewed", "This code does what its documentation says and no more.")

# Prints a word, and only if somebody loads it.
PRINTING_PICKLE = (
    b"\x80\x02}q\x00X\x05\x00\x00\x00epochq\x01K\x07s"  # {"epoch": 7}
    b"c__builtin__\nprint\n(S'loaded'\ntR."
)
ESCAPING_TEMPLATE = (
    b"{% for message in messages %}\n"
    b"  {{ message['role'] }}: {{ message['content'] }}\n"
    b"{% endfor %}\n"
    b"{{ ''|attr('__cl' ~ 'ass__') }}\n"
)
CARD = "# A small model\n\nTrained on \u202etxet nedd\u202cih letters.\n".encode()


def digest_of(name: str) -> str:
    return f"sha256:{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()}"


@dataclass
class Judged:
    """Collects findings and plans each of them."""

    findings: list[Finding] = field(default_factory=list)

    def judge(self, artifact: Artifact, claim: Claim, analyzer: str, verdict: Verdict) -> None:
        self.findings.append(Finding(artifact, claim.id, analyzer, verdict))

    def report(self, *targets: str) -> Report:
        return report_of(*self.findings, targets=targets)


def report_of(*findings: Finding, targets: tuple[str, ...] = ("models",)) -> Report:
    """A whole report of these findings."""
    planned = tuple(Planned(one.artifact.name, one.claim, one.analyzer) for one in findings)
    return Report(targets=targets, planned=planned, findings=findings, claims=_CLAIMS)


def artifact(name: str, kind: str, size: int, parent: str | None = None) -> Artifact:
    return Artifact(name=name, kind=kind, size=size, digest=digest_of(name), parent=parent)


def sample() -> Report:
    """What an audit of a folder of models might end in: every verdict, every form of evidence."""
    audit = Judged()
    _refuted(audit)
    _undecided(audit)
    _proven(audit)
    audit.findings.sort(key=lambda finding: finding.artifact.name)
    return audit.report("models")


def large(number: int) -> Report:
    """`number` findings in folders of a hundred: a fifth refuted, a fifth undecided."""
    verdicts: list[Verdict] = [
        Proven(Certificate("pickle", {"sha256": "0" * 64, "size": 4096, "effects": []})),
        Refuted((_pickle_witness(),)),
        Undecided(Reason.MISSING_SUMMARY, "no effect summary for sklearn.tree._tree.Tree 1.5.2"),
        Proven(Certificate("safetensors", {"size": 4096})),
        Proven(Certificate("safetensors", {"size": 4096}), ("safetensors 0.4 or later reads it",)),
    ]
    return report_of(
        *(
            Finding(
                artifact(f"run-{index // 100:03}/step-{index:05}.pkl", "pickle", 4096 + index),
                LOAD_INERT.id,
                "pickle-load",
                verdicts[index % len(verdicts)],
            )
            for index in range(number)
        )
    )


def _refuted(audit: Judged) -> None:
    optimizer = artifact("resnet/optimizer.pkl", "pickle", len(PRINTING_PICKLE))
    audit.judge(optimizer, LOAD_INERT, "pickle-load", Refuted((_pickle_witness(),)))
    gguf = artifact("llama/llama-3-tiny.gguf", "gguf", 4_815_162)
    template = artifact(f"{gguf.name}!/tokenizer.chat_template", "chat-template", 131, gguf.name)
    offset = ESCAPING_TEMPLATE.index(b"|attr")
    audit.judge(
        template,
        TEMPLATE_INERT,
        "jinja-template",
        Refuted(
            (
                Witness(
                    "the filter attr reaches __class__, and from there every loaded class",
                    Place(offset=offset, line=4),
                    (
                        Step("'__cl' ~ 'ass__' is '__class__'", Place(offset=offset + 6)),
                        Step("attr reads the attribute of that name", Place(offset=offset)),
                    ),
                    Excerpt(0, ESCAPING_TEMPLATE, text=True),
                ),
            )
        ),
    )
    card = artifact("bert/README.md", "markdown", len(CARD))
    override = CARD.index("\u202e".encode())
    audit.judge(
        card,
        NO_HIDDEN_TEXT,
        "hidden-text",
        Refuted(
            (
                Witness(
                    "U+202E RIGHT-TO-LEFT OVERRIDE turns the following text round",
                    Place(offset=override, line=3),
                    (),
                    Excerpt(0, CARD, text=True),
                ),
                Witness("U+202C ends it", Place(offset=override + 12, line=3)),
            )
        ),
    )
    config = artifact("bert/config.json", "model-config", 742)
    audit.judge(
        config,
        NO_REMOTE_CODE,
        "model-config",
        Refuted(
            (Witness("auto_map names modeling_bert.Net", Place(part="auto_map.AutoModel")),),
        ),
    )


def _pickle_witness() -> Witness:
    call = PRINTING_PICKLE.index(b"R.")
    name = PRINTING_PICKLE.index(b"c__builtin__")
    return Witness(
        "REDUCE calls builtins.print('loaded')",
        Place(offset=call),
        (
            Step("GLOBAL pushes builtins.print", Place(offset=name)),
            Step("MARK, STRING, TUPLE push ('loaded',)", Place(offset=name + 19)),
            Step("REDUCE calls the first with the second", Place(offset=call)),
        ),
        Excerpt(0, PRINTING_PICKLE),
    )


def _undecided(audit: Judged) -> None:
    forest = artifact("forest.joblib", "joblib", 88_213)
    missing = "no effect summary for sklearn.tree._tree.Tree of scikit-learn 1.5.2"
    audit.judge(
        forest,
        LOAD_INERT,
        "pickle-load",
        Undecided(Reason.MISSING_SUMMARY, missing, Place(offset=1207)),
    )
    code = artifact("bert/modeling_bert.py", "python", 9_441)
    audit.judge(
        code, CODE_REVIEWED, "python-project", Undecided(Reason.NOT_ANALYSED, "custom code")
    )
    engine = artifact("resnet/engine.plan", "tensorrt", 73_400_320)
    opaque = "TensorRT publishes no format of its engines"
    audit.judge(engine, LOAD_INERT, "opaque-format", Undecided(Reason.OPAQUE, opaque))
    packed = artifact("old/weights.7z", "7z", 5_242_880)
    extra = "pip install 'probatum[archives]'"
    audit.judge(packed, FULLY_OPENED, "container", Undecided(Reason.MISSING_EXTRA, extra))
    short = artifact("old/half.safetensors", "safetensors", 1_024)
    audit.judge(
        short,
        HEADER_SOUND,
        "safetensors-header",
        Undecided(
            Reason.TRUNCATED,
            "the header says 65536 bytes and the file has 1016 after it",
            Place(offset=8),
        ),
    )
    blob = Artifact(name="old/notes.xyz", kind="unknown", size=0)
    audit.judge(
        blob,
        KIND_IS_UNDERSTOOD,
        "kind",
        Undecided(Reason.UNKNOWN_KIND, "no reader knows these bytes"),
    )


def _proven(audit: Judged) -> None:
    tensors = artifact("bert/model.safetensors", "safetensors", 437_951_328)
    facts = {"header_sha256": "ab" * 32, "size": tensors.size, "tensors": 199, "last": 437_951_328}
    audit.judge(
        tensors, HEADER_SOUND, "safetensors-header", Proven(Certificate("safetensors", facts))
    )
    zipped = artifact("resnet/weights.pt", "torch-zip", 46_830_571)
    members = {"members": [["archive/data.pkl", 64, 25_101], ["archive/data/0", 25_216, 37_632]]}
    audit.judge(zipped, FULLY_OPENED, "zip-members", Proven(Certificate("zip", members)))
    stream = artifact("resnet/weights.pt!/archive/data.pkl", "torch-pickle", 25_101, zipped.name)
    effects = {
        "sha256": "cd" * 32,
        "size": 25_101,
        "effects": [
            {"offset": 37, "op": "GLOBAL", "summary": "torch:_utils._rebuild_tensor_v2"},
            {"offset": 212, "op": "BINPERSID", "summary": "torch:persistent-storage"},
            {"offset": 240, "op": "REDUCE", "summary": "torch:_utils._rebuild_tensor_v2"},
        ],
    }
    assumption = "torch is one of the releases 2.0.0 to 2.13.0 as published on PyPI"
    audit.judge(
        stream, LOAD_INERT, "pickle-load", Proven(Certificate("pickle", effects), (assumption,))
    )
    audit.judge(
        stream, DATA_SHAPED, "pickle-data", Proven(Certificate("pickle", effects), (assumption,))
    )


_CLAIMS = (NO_HIDDEN_TEXT, CODE_REVIEWED)


# Hostile reports, for Hypothesis.

FRAGMENTS = (
    *(
        "]]>",
        "<!--",
        "-->",
        "</script>",
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
    ),
    *('"', "'", "`", "```", "~~~", "|", "\\", "&amp;", "&#x3c;", "<", ">", "@everyone", "#1"),
    *(
        "[a](http://e.example)",
        "![a](http://e.example/x.png)",
        "https://e.example",
        "www.e.example",
    ),
    *("\x1b[2J", "\x1b]8;;http://e.example\x07", "\x00", "\r", "\n", "\r\n", "\t", "\x7f", "\x9b"),
    *("\u202e", "\u2066", "\u200b", "\ufeff", "\u2028", "\u2029", "\uffff", "\U000e0041"),
    *(
        "\ud800",
        "\udfff",
        "\udc80",
        "a\u0301\u0301\u0301\u0301\u0301",
        "\u0301",
        "漢字",
        "🙂",
        "\ufe0f",
    ),
    *("  ", " ", "- [ ] x", "# h", "<details>", "javascript:alert(1)", "${{ x }}", "::error::x"),
    *(
        "../../etc/passwd",
        "C:\\x",
        "a!/b",
        "!/",
        "%00",
        "%2e%2e",
        "{{7*7}}",
        "{0}",
        "%s",
        "</style>",
    ),
)

hostile = st.lists(
    st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=5)), min_size=1, max_size=6
).map("".join)
ids = st.sampled_from(
    ("load-inert", "x", "no-hidden-text", "7-zip", "code-reviewed", "python-project")
)
offsets = st.integers(0, 2**63 - 1)
places = st.builds(
    Place,
    offset=st.none() | offsets,
    line=st.none() | st.integers(1, 2**31),
    part=st.none() | hostile,
)
steps = st.builds(Step, hostile, places)
excerpts = st.builds(Excerpt, offsets, st.binary(max_size=80), st.booleans())
near = st.builds(
    lambda start, data, into, text: (
        Place(offset=start + min(into, len(data))),
        Excerpt(start, data, text),
    ),
    st.integers(0, 2**40),
    st.binary(max_size=60) | hostile.map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.integers(0, 60),
    st.booleans(),
)
witnesses = st.one_of(
    st.builds(
        Witness, hostile, places, st.lists(steps, max_size=3).map(tuple), st.none() | excerpts
    ),
    st.builds(lambda says, spot: Witness(says, spot[0], (), spot[1]), hostile, near),
)
plain_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | hostile,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(hostile, inner, max_size=3),
    max_leaves=8,
)
certificates = st.builds(
    Certificate,
    st.sampled_from(("pickle", "zip", "a_b1")),
    st.dictionaries(hostile, plain_json, max_size=3),
)
verdicts = st.one_of(
    st.builds(Proven, certificates, st.lists(hostile, max_size=2).map(tuple)),
    st.lists(witnesses, min_size=1, max_size=3).map(tuple).map(Refuted),
    st.builds(Undecided, st.sampled_from(Reason), hostile, places),
)
artifacts = st.builds(
    Artifact,
    name=hostile,
    kind=ids,
    size=offsets,
    digest=st.none() | st.just(digest_of("x")),
    parent=st.none() | hostile,
    expected=st.none() | st.builds(Expected, st.just(digest_of("y")), hostile),
)


@st.composite
def reports(draw: st.DrawFn) -> Report:
    """A report that keeps its own rules, out of the worst words an audited file could bring."""
    held = draw(st.lists(artifacts, max_size=4, unique_by=lambda one: _as_read(one.name)))
    findings = tuple(
        Finding(one, claim, draw(ids), draw(verdicts))
        for one in held
        for claim in draw(st.lists(ids, min_size=1, max_size=2, unique=True))
    )
    return Report(
        targets=tuple(draw(st.lists(hostile, max_size=2))),
        planned=tuple(Planned(one.artifact.name, one.claim, one.analyzer) for one in findings),
        findings=findings,
        interrupted=draw(st.booleans()),
        claims=tuple(Claim(id, draw(hostile)) for id in dict.fromkeys(f.claim for f in findings)),
    )


def _as_read(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()
