"""Bills of materials for tests: the folders that they are made of, and arbitrary ones."""

import hashlib
import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from probatum.audit.opened import Caps
from probatum.audit.run import listed, spool
from probatum.audit.sandbox import Limits
from probatum.audit.survey import surveyed
from probatum.audit.targets import roots
from probatum.bom.gathering import Gathered, gathered
from probatum.formats.bills import (
    APPLICATION,
    CONTAINER,
    CONTAINS,
    DATA,
    DEPENDS_ON,
    DERIVED_FROM,
    FILE,
    LIBRARY,
    MODEL,
    SERVICE,
    TRAINED_ON,
    Bill,
    Link,
    Model,
    Part,
    Spot,
)

CARD = """\
---
license: apache-2.0
base_model: owner/Base-1
datasets:
- squad
- owner/data
pipeline_tag: text-generation
library_name: transformers
---
# A model
"""


def tensors(**shapes: tuple[str, int]) -> bytes:
    """A safetensors file: for each name its type and how many elements it has."""
    width = {"F32": 4, "BF16": 2, "U8": 1}
    entries: dict[str, Any] = {}
    at = 0
    for name, (dtype, count) in shapes.items():
        end = at + width[dtype] * count
        entries[name] = {"dtype": dtype, "shape": [count], "data_offsets": [at, end]}
        at = end
    header = json.dumps(entries).encode()
    return len(header).to_bytes(8, "little") + header + bytes(at)


def model_in(folder: Path) -> Path:
    """A model as a hub holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.md").write_text(CARD)
    (folder / "model.safetensors").write_bytes(tensors(a=("BF16", 6), b=("F32", 2)))
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ messages }}"}))
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "max_position_embeddings": 4096,
        "quantization_config": {"quant_method": "awq", "bits": 4},
    }
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def project_in(folder: Path) -> Path:
    """Code that serves two models, with what it needs and how it is started."""
    folder.mkdir(parents=True, exist_ok=True)
    model_in(folder / "models" / "chat")
    for number in (1, 2):
        shard = folder / "models" / f"embed-{number:05}-of-00002.safetensors"
        shard.write_bytes(tensors(w=("F32", number)))
    (folder / "requirements.txt").write_text("torch==2.6.0+cu124\nrequests>=2\n")
    (folder / "app.py").write_text("print('served')\n")
    (folder / "compose.yaml").write_text(
        "services:\n  web:\n    image: nginx:1.25\n"
        f"  db:\n    image: host:5000/pg@sha256:{'ab' * 32}\n"
    )
    return folder


def of(folder: Path, name: str = "", **options: Any) -> Gathered:
    """The bill of a folder, by its own name or another."""
    with spool() as unfolded:
        all = tuple(listed((str(folder),), roots))
        files = surveyed(all, Limits(), Caps(), unfolded)
    return gathered(name or folder.name, files, **options)


def part(bill: Bill, name: str) -> Part:
    """The one part of that name."""
    (found,) = (one for one in bill.parts if one.name == name)
    return found


def linked(bill: Bill, kind: str) -> set[tuple[str, str]]:
    """The names of what is linked so."""
    names = {one.ref: one.name for one in bill.parts}
    return {(names[one.of], names[one.to]) for one in bill.links if one.kind == kind}


def sorted_parts(bill: Bill) -> dict[str, Part]:
    return {one.ref: one for one in bill.parts}


# --- arbitrary ones ------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
NAMES = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=8)
FACTS = st.lists(st.tuples(NAMES, TEXTS), max_size=3).map(tuple)
DIGESTS = st.lists(
    st.tuples(st.sampled_from(["sha256", "sha512", "md5", "blake3"]), st.binary(max_size=4)).map(
        lambda pair: f"{pair[0]}:{getattr(hashlib, pair[0], hashlib.sha256)(pair[1]).hexdigest()}"
    ),
    max_size=2,
).map(tuple)
LICENSES = st.one_of(
    st.just(()),
    st.just(("MIT OR Apache-2.0",)),
    st.lists(st.sampled_from(["MIT", "llama3", "A strange licence"]), max_size=2, unique=True).map(
        tuple
    ),
)
MODELS = st.builds(Model, task=TEXTS, family=TEXTS, architecture=TEXTS, facts=FACTS).map(
    lambda one: None if one == Model() else one
)


@st.composite
def bills(draw: st.DrawFn) -> Bill:
    """Any bill that a document can hold: what contains others makes no ring."""
    refs = draw(st.lists(NAMES, min_size=1, max_size=6, unique=True))
    types = [MODEL, DATA, FILE, APPLICATION, LIBRARY, CONTAINER, SERVICE, "framework"]
    parts = [_part(draw, ref, draw(st.sampled_from(types))) for ref in refs]
    named = {(one.name, one.version, one.purl): one for one in parts}
    parts = [one for one in parts if one in named.values()]
    links = {
        Link(parts[draw(st.integers(0, number - 1))].ref, CONTAINS, one.ref)
        for number, one in enumerate(parts)
        if number and one.type != SERVICE and draw(st.booleans())
    }
    kinds = {one.ref: one.type for one in parts}
    for kind, of, to in (
        (DEPENDS_ON, "", ""), (TRAINED_ON, MODEL, DATA), (DERIVED_FROM, MODEL, MODEL),
    ):  # fmt: skip
        for one in draw(st.lists(st.tuples(st.sampled_from(parts), st.sampled_from(parts)))):
            if one[0].type == (of or one[0].type) and one[1].type == (to or one[1].type):
                links.add(Link(one[0].ref, kind, one[1].ref))
    links = {one for one in links if one.kind != CONTAINS or kinds[one.of] != SERVICE}
    made = draw(st.sampled_from(["", "2026-01-31T12:00:00Z"]))
    mains = [one.ref for one in parts if one.type != SERVICE]
    contained = {one.to for one in links if one.kind == CONTAINS}
    mains = [one for one in mains if one not in contained]
    main = draw(st.sampled_from(["", *mains]))
    return Bill(parts=tuple(parts), links=tuple(sorted(links)), main=main, made=made)


def _part(draw: st.DrawFn, ref: str, type: str) -> Part:
    places = draw(st.lists(st.builds(Spot, NAMES, st.integers(0, 99)), max_size=2).map(tuple))
    version = draw(TEXTS)
    if type == SERVICE:
        return Part(
            ref=ref, type=type, name=draw(NAMES), version=version, places=places, facts=draw(FACTS)
        )
    return Part(
        ref=ref,
        type=type,
        name=draw(NAMES),
        version=version,
        purl=draw(st.sampled_from(["", "pkg:pypi/torch@2.6.0"])),
        digests=draw(DIGESTS),
        licenses=draw(LICENSES),
        places=places,
        facts=draw(FACTS),
        model=draw(MODELS) if type == MODEL else None,
        external=draw(st.booleans()),
    )
