"""What the lock files of npm, pnpm, Yarn, Go, Cargo and conda name, and where."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probatum.catalog import accepting
from probatum.components import Component, Inventory
from probatum.errors import FormatError
from probatum.formats.kinds import kind_of
from probatum.formats.kinds_inventory import YAML_FORMS
from probatum.inventory.reading import KINDS, inventory_of
from probatum.material import BytesMaterial

NPM = json.dumps(
    {
        "lockfileVersion": 3,
        "packages": {
            "": {"name": "app", "version": "1.0.0"},
            "node_modules/lodash": {
                "version": "4.17.20",
                "resolved": "https://registry.npmjs.org/lodash/-/lodash-4.17.20.tgz",
                "integrity": "sha512-AAEC",
                "dev": True,
            },
            "node_modules/a/node_modules/@s/b": {"version": "1.0.0-rc.1", "inBundle": True},
            "node_modules/alias": {
                "name": "real",
                "version": "2.0.0",
                "resolved": "git+ssh://git@e.org/real.git#c0ffee",
            },
            "node_modules/work": {"resolved": "packages/work", "link": True},
            "packages/work": {"version": "0.1.0"},
        },
        "dependencies": {"ignored": {"version": "1.0.0"}},
    },
    indent=1,
)
NPM_1 = json.dumps(
    {
        "lockfileVersion": 1,
        "dependencies": {
            "a": {"version": "1.0.0", "dependencies": {"b": {"version": "2.0.0"}}},
            "c": {"version": "npm:@s/d@3.0.0"},
            "e": {"version": "file:../e"},
        },
    }
)
PNPM_5 = """\
lockfileVersion: 5.4
packages:
  /@s/a/1.0.0_b@2.0.0:
    resolution: {integrity: sha512-AAEC}
    dev: true
  /b/2.0.0:
    resolution: {integrity: sha512-AAEC}
    dev: false
  github.com/o/c/c0ffee:
    resolution: {tarball: https://codeload.github.com/o/c/tar.gz/c0ffee}
    name: c
    version: 3.0.0
"""
PNPM_9 = """\
lockfileVersion: '9.0'
packages:
  '@s/a@1.0.0':
    resolution: {integrity: sha512-AAEC}
  b@2.0.0(a@1.0.0):
    resolution: {integrity: sha512-AAEC}
  c@file:../c:
    resolution: {directory: ../c, type: directory}
snapshots:
  ignored@1.0.0: {}
"""
YARN_1 = """\
# yarn lockfile v1


"@s/a@^1.0.0", "@s/a@^1.1.0":
  version "1.1.2"
  resolved "https://registry.yarnpkg.com/@s/a/-/a-1.1.2.tgz#0123456789012345678901234567890123456789"
  integrity sha512-AAEC
  dependencies:
    version "^9.9.9"

"alias@npm:real@^2.0.0":
  version "2.0.0"
  resolved "https://e.org/real-2.0.0.tgz"
"""
YARN_4 = """\
__metadata:
  version: 8

"@s/a@npm:^1.0.0, @s/a@npm:^1.1.0":
  version: 1.1.2
  resolution: "@s/a@npm:1.1.2"
  checksum: 10/abc
  languageName: node
  linkType: hard

"app@workspace:.":
  version: 0.0.0-use.local
  resolution: "app@workspace:."
"""
BUN = """\
{
  "lockfileVersion": 1,
  "workspaces": {"": {"name": "app", "dependencies": {"@s/a": "^1.0.0"}}},
  "packages": {
    "@s/a": ["@s/a@1.0.0", "", {"dependencies": {"b": "1"}}, "sha512-AAEC"],
    "alias": ["real@2.0.0", "https://npm.e.org", {}, "sha512-AAEC"],
    "c": ["c@github:o/c#c0ffee", {}, "o-c-c0ffee"],
    "@s/a/d": ["d@workspace:d"],
  },
}
"""
GO = """\
module example.org/app // the program

go 1.22

require (
\tgithub.com/o/a v1.2.3
\tgithub.com/o/b/v2 v2.0.0-20240101000000-0123456789ab // indirect
\tgithub.com/o/c v0.1.0
)
require "github.com/o/d" v1.0.0

replace github.com/o/c => github.com/f/c v0.2.0
replace github.com/o/d v1.0.0 => ../d
replace github.com/o/a v9.9.9 => github.com/f/a v9.9.9
exclude github.com/o/a v1.0.0
"""
CARGO = """\
version = 4

[[package]]
name = "app"
version = "0.1.0"
dependencies = ["serde"]

[[package]]
name = "serde"
version = "1.0.200"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "aa"

[[package]]
name = "other"
version = "0.2.0"
source = "git+https://e.org/o.git#c0ffee"
"""
CONDA = """\
name: x
channels:
  - conda-forge
dependencies:
  # first
  - python=3.11
  - numpy==1.26.4
  - pytorch::pytorch=2.1.0=py3.11_cuda12.1_0
  - scipy >=1.10,<2
  - zlib 1.2.13
  - pip
  - pip:
      - torch==2.6.0
      - --extra-index-url https://e.org
      - -r more.txt
"""
CONDA_LOCK = """\
version: 1
metadata:
  channels:
  - url: conda-forge
package:
- name: OpenSSL
  version: 3.0.1
  manager: conda
  platform: linux-64
  url: https://conda.anaconda.org/conda-forge/linux-64/openssl-3.0.1-h0.tar.bz2
  hash: {md5: aa, sha256: bb}
  category: dev
- name: My_Tool
  version: '1.0'
  manager: pip
  url: https://files.pythonhosted.org/packages/x/my_tool-1.0.whl
  hash: {sha256: bb}
"""
PIXI = """\
version: 6
packages:
- conda: https://conda.anaconda.org/conda-forge/linux-64/ld_impl_linux-64-2.40-h41732ed_0.conda
  sha256: aa
- pypi: https://files.pythonhosted.org/packages/ab/a_b-1.0.whl
  name: A_b
  version: '1.0'
  sha256: bb
- pypi: ./own
  name: own
"""


def told(kind: str, text: str) -> Inventory:
    around = {"more.txt": b"extra==1\n"}
    return inventory_of(kind, "x", BytesMaterial(text.encode(), around=around))


def short(one: Component) -> tuple[str, str, str, tuple[str, ...]]:
    return f"{one.ecosystem}/{one.name}", one.version or one.wanted, one.source, one.groups


CHANNEL = "https://conda.anaconda.org/conda-forge/linux-64"


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("npm-lock", NPM, [
            ("npm/lodash", "4.17.20", "", ("dev",)),
            ("npm/@s/b", "1.0.0-rc.1", "", ()),
            ("npm/real", "2.0.0", "git+ssh://git@e.org/real.git#c0ffee", ()),
            ("npm/work", "0.1.0", "packages/work", ()),
        ]),
        ("npm-lock", NPM_1, [
            ("npm/a", "1.0.0", "", ()),
            ("npm/b", "2.0.0", "", ()),
            ("npm/@s/d", "3.0.0", "", ()),
            ("npm/e", "file:../e", "file:../e", ()),
        ]),
        ("pnpm-lock", PNPM_5, [
            ("npm/@s/a", "1.0.0", "", ("dev",)),
            ("npm/b", "2.0.0", "", ()),
            ("npm/c", "3.0.0", "https://codeload.github.com/o/c/tar.gz/c0ffee", ()),
        ]),
        ("pnpm-lock", PNPM_9, [
            ("npm/@s/a", "1.0.0", "", ()),
            ("npm/b", "2.0.0", "", ()),
            ("npm/c", "file:../c", "../c", ()),
        ]),
        ("yarn-lock", YARN_1, [
            ("npm/@s/a", "1.1.2", "", ()),
            ("npm/real", "2.0.0", "https://e.org/real-2.0.0.tgz", ()),
        ]),
        ("yarn-lock", YARN_4, [
            ("npm/@s/a", "1.1.2", "", ()),
            ("npm/app", "0.0.0-use.local", ".", ()),
        ]),
        ("bun-lock", BUN, [
            ("npm/@s/a", "1.0.0", "", ()),
            ("npm/real", "2.0.0", "https://npm.e.org", ()),
            ("npm/c", "github:o/c#c0ffee", "github:o/c#c0ffee", ()),
            ("npm/d", "workspace:d", "workspace:d", ()),
        ]),
        ("go-mod", GO, [
            ("Go/github.com/o/a", "v1.2.3", "", ()),
            ("Go/github.com/o/b/v2", "v2.0.0-20240101000000-0123456789ab", "", ()),
            ("Go/github.com/o/d", "", "../d", ()),
            ("Go/github.com/f/c", "v0.2.0", "", ()),
        ]),
        ("cargo-lock", CARGO, [
            ("crates.io/app", "0.1.0", ".", ()),
            ("crates.io/serde", "1.0.200", "", ()),
            ("crates.io/other", "0.2.0", "git+https://e.org/o.git#c0ffee", ()),
        ]),
        ("conda-environment", CONDA, [
            ("conda/python", "=3.11", "", ()),
            ("conda/numpy", "1.26.4", "", ()),
            ("conda/pytorch", "2.1.0", "pytorch", ()),
            ("conda/scipy", ">=1.10,<2", "", ()),
            ("conda/zlib", "1.2.13", "", ()),
            ("conda/pip", "", "", ()),
            ("PyPI/torch", "2.6.0", "", ()),
            ("PyPI/extra", "1", "", ()),
        ]),
        ("conda-lock", CONDA_LOCK, [
            ("conda/openssl", "3.0.1", CHANNEL, ("dev",)),
            ("PyPI/my-tool", "1.0", "", ()),
        ]),
        ("pixi-lock", PIXI, [
            ("conda/ld_impl_linux-64", "2.40", CHANNEL, ()),
            ("PyPI/a-b", "1.0", "", ()),
            ("PyPI/own", "", "./own", ()),
        ]),
    ],
)  # fmt: skip
def test_a_lock_file_names_each_package_once(
    kind: str, text: str, expected: list[tuple[str, str, str, tuple[str, ...]]]
) -> None:
    inventory = told(kind, text)
    assert [short(one) for one in inventory.components] == expected
    assert inventory.unread == ()
    assert inventory.resolved == (kind != "conda-environment")
    assert_placed(inventory, text)


def assert_placed(inventory: Inventory, text: str) -> None:
    """Every place is in a line that names the component."""
    for one in inventory.components:
        if one.place.part is None:
            assert one.place.line is not None
            assert one.place.column is not None
            behind = text.split("\n")[one.place.line - 1][one.place.column - 1 :]
            assert one.name.replace("-", "_") in behind.lower().replace("-", "_"), one


@pytest.mark.parametrize(
    ("kind", "text", "digest"),
    [
        ("npm-lock", NPM, "sha512:000102"),
        ("pnpm-lock", PNPM_9, "sha512:000102"),
        ("yarn-lock", YARN_1, "sha512:000102"),
        ("bun-lock", BUN, "sha512:000102"),
        ("yarn-lock", YARN_1, "sha1:0123456789012345678901234567890123456789"),
        ("cargo-lock", CARGO, "sha256:aa"),
        ("conda-lock", CONDA_LOCK, "md5:aa"),
        ("pixi-lock", PIXI, "sha256:bb"),
    ],
)
def test_the_hashes_of_a_lock_file_are_told(kind: str, text: str, digest: str) -> None:
    assert digest in {each for one in told(kind, text).components for each in one.hashes}


def test_a_program_of_old_go_does_not_name_all_that_it_is_built_of() -> None:
    assert not told("go-mod", "module a\ngo 1.16\nrequire b v1.0.0\n").resolved


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("npm-lock", '{"packages": []}'),
        ("npm-lock", '{"packages": {"node_modules/a": 1}}'),
        ("npm-lock", '{"packages": {"node_modules/": {}, "node_modules/a": {}}}'),
        ("npm-lock", '{"packages": {"a": {}, "a": {}}}'),
        ("npm-lock", "[]"),
        ("pnpm-lock", "packages:\n  a: 1\n"),
        ("pnpm-lock", "- a\n"),
        ("yarn-lock", "words\n"),
        ("yarn-lock", "a@1:\n  resolved x\n"),
        ("yarn-lock", "a@1:\n  version 1.0.0\n  version 2.0.0\n"),
        ("yarn-lock", "__metadata:\n  version: 8\na: 1\n"),
        ("bun-lock", '{"packages": []}'),
        ("bun-lock", '{"packages": {"a": []}}'),
        ("bun-lock", '{"packages": {"a": ["a"]}}'),
        ("go-mod", "require a\n"),
        ("go-mod", "require a v1.0.0\nrequire a v2.0.0\n"),
        ("go-mod", "include a\n"),
        ("go-mod", "require a v1.0.0\nexclude (\n\ta v1.0.0\n)\n"),
        ("cargo-lock", "package = 1\n"),
        ("cargo-lock", "[[package]]\nversion = '1'\n"),
        ("conda-environment", "dependencies: a\n"),
        ("conda-environment", "dependencies:\n- 'a b c d'\n"),
        ("conda-environment", "dependencies:\n- npm: [a]\n"),
        ("conda-environment", "dependencies:\n- pip: [two words]\n"),
        ("conda-environment", "dependencies:\n- pip: a\n"),
        ("conda-lock", "package:\n- version: 1\n"),
        ("pixi-lock", "packages:\n- conda: https://e.org/x\n"),
        ("pixi-lock", "packages:\n- a\n"),
    ],
)
def test_what_breaks_its_format_is_never_an_empty_inventory(kind: str, text: str) -> None:
    try:
        inventory = told(kind, text)
    except FormatError:
        return
    assert inventory.unread


SNIPPETS = st.lists(
    st.sampled_from(["a", "@", "1.0.0", "\n", "  ", "[", "]", "[[package]]\n", "name = 'a'\n",
                     "packages:\n", "require ", "(\n", ")\n", "=>", "a@1:\n", "  version ", '"',
                     "dependencies:\n", "- ", "- pip:\n", ": ", "{", "}", "\r\n", "é", "\ufeff",
                     "__metadata:\n", "resolution: ", "npm:", "/a/1.0.0:\n", "null", "=", "::"]),
    max_size=20,
).map("".join)  # fmt: skip


@given(st.sampled_from(sorted(KINDS)), st.binary(max_size=60) | SNIPPETS.map(str.encode))
def test_nothing_but_format_errors_is_raised(kind: str, data: bytes) -> None:
    try:
        inventory_of(kind, "x", BytesMaterial(data))
    except FormatError:
        return


@pytest.mark.parametrize(
    ("kind", "name", "text"),
    [
        ("npm-lock", "package-lock.json", "{}"),
        ("npm-lock", "npm-shrinkwrap.json", "{}"),
        ("pnpm-lock", "pnpm-lock.yaml", "a: 1\n"),
        ("yarn-lock", "yarn.lock", "# yarn lockfile v1\n"),
        ("go-mod", "go.mod", "module a\n"),
        ("text", "go.sum", "a v1 h1:x=\n"),
        ("cargo-lock", "Cargo.lock", "version = 4\n"),
        ("conda-lock", "conda-lock.yml", "version: 1\n"),
        ("conda-lock", "gpu.conda-lock.yml", "version: 1\n"),
        ("pixi-lock", "pixi.lock", "version: 6\n"),
        ("conda-environment", "environment.yml", "dependencies:\n  - a\n"),
        ("conda-environment", "env-gpu.yaml", "# x\ndependencies: # y\n\n- a\n"),
        ("yaml", "environment.yml", "variables:\n  a: b\n"),
        ("yaml", "other.yml", "dependencies:\n  - a\n"),
    ],
)
def test_a_file_that_names_components_is_known(kind: str, name: str, text: str) -> None:
    assert kind_of(name, BytesMaterial(text.encode())) == kind


def test_every_form_of_yaml_is_asked_what_yaml_is_asked() -> None:
    wanted = {one.claim.id for one in accepting("yaml")}
    for form in YAML_FORMS:
        assert wanted <= {one.claim.id for one in accepting(form)}, form
        assert form in KINDS
