"""What the components of a lock file need of each other, and why each is there."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from known_advisories import known
from probatum.analyzers.supply.no_known_vulnerability import no_known_vulnerability
from probatum.bom.gathering import gathered
from probatum.bom.telling import told
from probatum.components import Component, Inventory
from probatum.formats.python_environment import KIND
from probatum.formats.python_project import joined
from probatum.inventory.needs import Chains, needed
from probatum.inventory.reading import inventory_of, with_needs
from probatum.material import BytesMaterial
from probatum.vocabulary import Artifact, Refuted

UV = """\
version = 1
[[package]]
name = "mine"
version = "0.1.0"
source = { editable = "." }
dependencies = [{ name = "a" }]
[package.optional-dependencies]
more = [{ name = "c" }]
[[package]]
name = "a"
version = "1.0"
source = { registry = "https://pypi.org/simple" }
dependencies = [{ name = "b", version = "2.0" }]
[[package]]
name = "b"
version = "2.0"
source = { registry = "https://pypi.org/simple" }
dependencies = [{ name = "server", marker = "x" }]
[[package]]
name = "b"
version = "1.0"
source = { registry = "https://pypi.org/simple" }
[[package]]
name = "c"
version = "1.0"
source = { registry = "https://pypi.org/simple" }
[[package]]
name = "server"
version = "2.5.0"
source = { registry = "https://pypi.org/simple" }
"""
POETRY = """\
[[package]]
name = "a"
version = "1.0"
[package.dependencies]
B_B = ">=2"
[[package]]
name = "b-b"
version = "2.0"
"""
PDM = """\
[[package]]
name = "a"
version = "1.0"
dependencies = ["B.B[x]<3; python_version > '3'"]
[[package]]
name = "b-b"
version = "2.0"
"""
PYLOCK = """\
lock-version = "1.0"
[[packages]]
name = "a"
version = "1.0"
dependencies = [{ name = "b-b" }]
[[packages]]
name = "b-b"
version = "2.0"
"""
CARGO = """\
[[package]]
name = "a"
version = "1.0"
dependencies = ["b 2.0", "c"]
[[package]]
name = "b"
version = "1.0"
[[package]]
name = "b"
version = "2.0"
[[package]]
name = "c"
version = "3.0"
"""
NPM = json.dumps(
    {
        "lockfileVersion": 3,
        "packages": {
            "": {"name": "mine", "dependencies": {"a": "1"}},
            "node_modules/a": {"version": "1.0.0", "dependencies": {"b": "2", "@s/c": "1"}},
            "node_modules/a/node_modules/b": {"version": "2.0.0", "dependencies": {"@s/c": "1"}},
            "node_modules/b": {"version": "1.0.0"},
            "node_modules/@s/c": {"name": "real", "version": "3.0.0", "dependencies": {"d": "1"}},
        },
    }
)


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("uv-lock", UV, ["mine>a 1.0", "mine>c 1.0", "a>b 2.0", "b>server 2.5.0"]),
        ("poetry-lock", POETRY, ["a>b-b 2.0"]),
        ("pdm-lock", PDM, ["a>b-b 2.0"]),
        ("pylock", PYLOCK, ["a>b-b 2.0"]),
        ("cargo-lock", CARGO, ["a>b 2.0", "a>c 3.0"]),
        ("npm-lock", NPM, ["a>b 2.0.0", "a>real 3.0.0", "b>real 3.0.0"]),
    ],
)
def test_a_lock_file_tells_what_needs_what(kind: str, text: str, expected: list[str]) -> None:
    inventory = inventory_of(kind, "x", BytesMaterial(text.encode()))
    found = [f"{one.name}>{other.name} {other.version}" for one, other in needed(inventory)]
    assert found == expected


def test_an_environment_tells_what_its_distributions_require() -> None:
    head = "Metadata-Version: 2.1\nName: {}\nVersion: 1\n"
    requires = "Requires-Dist: B_B[x]>=1; python_version > '3'\nrequires-dist : c ; extra == 'd'\n"
    files = {
        "a-1.dist-info/METADATA": head.format("a") + requires + "\nRequires-Dist: no\n",
        "b_b-1.dist-info/METADATA": head.format("b-b"),
        "c-1.dist-info/METADATA": head.format("c"),
    }
    material = joined(((name, text.encode()) for name, text in files.items()), (), KIND)
    bare = inventory_of(KIND, "x", material)
    whole = with_needs(KIND, bare, material)
    assert not list(needed(bare))
    assert [(one.name, other.name) for one, other in needed(whole)] == [("a", "b-b")]


def test_an_affected_component_is_told_with_what_brings_it_in() -> None:
    material = BytesMaterial(UV.encode())
    artifact = Artifact(name="uv.lock", kind="uv-lock", size=material.size)
    assert no_known_vulnerability.informed is not None
    verdict = no_known_vulnerability.informed(artifact, material, known())
    assert isinstance(verdict, Refuted)
    last = verdict.witnesses[0].steps[-1]
    assert (last.says, last.place.line) == ("a 1.0 needs b 2.0, which needs it", 10)


def test_what_the_project_itself_needs_is_there_for_no_other() -> None:
    inventory = inventory_of("uv-lock", "x", BytesMaterial(UV.encode()))
    chains = {one.name: Chains(inventory).to(one) for one in inventory.components}
    assert chains["a"] == chains["c"] == chains["mine"] == ()
    assert [one.name for one in chains["server"]] == ["a", "b"]


def test_a_circle_has_no_beginning() -> None:
    a = Component(ecosystem="PyPI", name="a", needs=(("b", ""), ("a", "")))
    b = Component(ecosystem="PyPI", name="b", needs=(("a", ""),))
    assert Chains(Inventory((a, b))).to(a) == ()


def test_a_bill_has_what_needs_what_and_hangs_nothing_on_nothing() -> None:
    material = BytesMaterial((UV + CIRCLE).encode())
    artifact = Artifact(name="uv.lock", kind="uv-lock", size=material.size, digest="sha256:00")
    bill = gathered("x", [told(artifact, material)]).bill
    names = {one.ref: f"{one.name} {one.version}".strip() for one in bill.parts}
    links = {(names[one.of], names[one.to]) for one in bill.links}
    assert {to for of, to in links if of == "x"} == {"mine 0.1.0", "b 1.0", "round 1"}
    assert {("a 1.0", "b 2.0"), ("b 2.0", "server 2.5.0"), ("about 1", "round 1")} <= links


CIRCLE = """
[[package]]
name = "round"
version = "1"
source = { registry = "https://pypi.org/simple" }
dependencies = [{ name = "about" }]
[[package]]
name = "about"
version = "1"
source = { registry = "https://pypi.org/simple" }
dependencies = [{ name = "round" }]
"""
_NAMES = st.sampled_from("abcd")


@given(st.lists(st.tuples(_NAMES, st.lists(_NAMES))))
def test_every_chain_ends_in_what_it_explains(rows: list[tuple[str, list[str]]]) -> None:
    made = tuple(
        Component(ecosystem="PyPI", name=name, needs=tuple((one, "") for one in wanted))
        for name, wanted in rows
    )
    inventory = Inventory(made)
    links = set(needed(inventory))
    for one in made:
        chain = (*Chains(inventory).to(one), one)
        assert all(pair in links for pair in pairwise(chain))
