"""What the checker reads of a lock file: every component, or nothing at all."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probatum.check.named_components import named
from probatum.errors import Rejected

_NPM = "https://registry.npmjs.org/"


def _read(kind: str, text: str) -> list[tuple[str, str]]:
    return [(name, version) for _, name, version in named(kind, text.encode())]


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("requirements", "# runs\nTorch_Audio==2.5.0  # newest\n\n", [("torch-audio", "2.5.0")]),
        ("requirements", "a==1 \\\n  --hash=sha256:00 \\\n  --hash=sha256:ff\nb[x]==2",
         [("a", "1"), ("b", "2")]),
        ("requirements", 'a==1 ; python_version < "3.12"\n', [("a", "1")]),
        ("requirements", "--require-hashes\na==2.6.0+cu124", [("a", "2.6.0+cu124")]),
        ("uv-lock", '[[package]]\nname="me"\nversion="0"\nsource={editable="."}\n[[package]]\n'
         'name="a"\nversion="1"\nsource={registry="https://pypi.org/simple"}', [("a", "1")]),
        ("poetry-lock", '[[package]]\nname="a"\nversion="1"', [("a", "1")]),
        ("pdm-lock", '[[package]]\nname="a"\nversion="1"', [("a", "1")]),
        ("pylock", 'lock-version="1.0"\n[[packages]]\nname="a"\nversion="1"', [("a", "1")]),
        ("pipfile-lock", '{"_meta": {}, "default": {"a": {"version": "==1"}}}', [("a", "1")]),
        ("npm-lock", json.dumps({"lockfileVersion": 3, "packages": {
            "": {"name": "me"},
            "node_modules/@s/a": {"version": "1.0.0", "resolved": _NPM + "@s/a/-/a-1.0.0.tgz"},
            "node_modules/b": {"name": "c", "version": "2.0.0"}}}),
         [("@s/a", "1.0.0"), ("c", "2.0.0")]),
        ("npm-lock", json.dumps({"lockfileVersion": 2, "packages": {
            "node_modules/a": {"version": "1.0.0"}, "node_modules/b": {"version": "2.0.0"}},
            "dependencies": {"a": {"version": "1.0.0", "dependencies": {
                "b": {"version": "2.0.0"}}}}}), [("a", "1.0.0"), ("b", "2.0.0")]),
        ("cargo-lock", '[[package]]\nname="me"\nversion="0.0.0"\ndependencies=["a"]\n'
         '[[package]]\nname="a"\nversion="1.0.0"\n'
         'source="registry+https://github.com/rust-lang/crates.io-index"', [("a", "1.0.0")]),
    ],
)  # fmt: skip
def test_every_component_is_read(kind: str, text: str, expected: list[tuple[str, str]]) -> None:
    assert _read(kind, text) == expected


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("requirements", "a>=1"),
        ("requirements", "a==1.*"),
        ("requirements", "-r more.txt"),
        ("requirements", "--extra-index-url https://host.example/simple\na==1"),
        ("requirements", "a @ https://host.example/a.whl"),
        ("requirements", "-e git+https://host.example/a"),
        ("requirements", "./a.whl"),
        ("requirements", "--no-binary :all: --index-url https://host.example/simple\na==1"),
        ("requirements", "${HIDDEN}"),
        ("requirements", "# harmless \\\nhidden==1\n"),
        ("requirements", "a==1 \\\n# harmless\nhidden==1\n"),
        ("requirements", "# -*- coding: utf-7 -*-\n# +AAo-hidden==1\n"),
        ("requirements", "\ufeffa==1"),
        ("uv-lock", '[[package]]\nname="a"\nversion="1"\nsource={git="https://host.example/a"}'),
        ("uv-lock", '[[package]]\nname="a"\nversion="1"\nsource={editable="sub"}'),
        ("uv-lock", '[[package]]\nname="a"\nsource={registry="https://pypi.org/simple"}'),
        ("uv-lock", "package = 1"),
        ("poetry-lock", '[[package]]\nname="a"\nversion="1"\nsource={type="git", url="x"}'),
        ("pdm-lock", '[[package]]\nname="a"\nversion="1"\ngit="https://host.example/a"'),
        ("pylock", '[[packages]]\nname="a"\nversion="1"\n[packages.directory]\npath="."'),
        ("pipfile-lock", '{"_meta": {"sources": [{"url": "https://host.example"}]}}'),
        ("pipfile-lock", '{"_meta": {}, "default": {"a": {"version": "==1"}, "a": {"git": "x"}}}'),
        ("pipfile-lock", '{"_meta": {}, "default": {"a": {"version": "*"}}}'),
        ("npm-lock", '{"lockfileVersion": 1, "dependencies": {}}'),
        ("npm-lock", '{"lockfileVersion": 3, "packages": {"node_modules/a": {"link": true}}}'),
        ("uv-lock", '[[package]]\nname="a"\nversion="1"\nsource={registry="https://pypi.org/simple"}'
         '\nwheels=[{url="https://files.pythonhosted.org/packages/b-1-py3-none-any.whl"}]'),
        ("uv-lock", '[[package]]\nname="a"\nversion="1"\nsource={registry="https://pypi.org/simple"}'
         '\nsdist={url="https://host.example/a-1.tar.gz"}'),
        ("pylock", '[[packages]]\nname="a"\nversion="1"\nwheels=[{path="a-1-py3-none-any.whl"}]'),
        ("npm-lock", '{"lockfileVersion": 3, "packages": {"node_modules/a": {"version": "g"}}}'),
        ("npm-lock", '{"lockfileVersion": 3, "packages": {"node_modules/a": {"version": "1.0.0", '
         '"inBundle": true}}}'),
        ("npm-lock", json.dumps({"lockfileVersion": 2, "packages": {}, "dependencies": {
            "a": {"version": "1.0.0"}}})),
        ("npm-lock", json.dumps({"lockfileVersion": 3, "packages": {"node_modules/a": {
            "version": "1.0.0", "resolved": _NPM + "other/-/other-1.0.0.tgz"}}})),
        ("cargo-lock", '[[package]]\nname="a"\nversion="1"\nsource="git+https://host.example"'),
        ("cargo-lock", '[[package]]\nname="a"\nversion="1"\n[[package]]\nname="b"\nversion="1"'),
        ("conda", ""),
    ],
)  # fmt: skip
def test_what_may_name_something_else_is_rejected(kind: str, text: str) -> None:
    with pytest.raises(Rejected):
        _read(kind, text)


def _environment(**files: bytes) -> str:
    """An environment of these files, whose names have `__` for `/`."""
    held = ((name.replace("__", "/"), data) for name, data in files.items())
    parts = [b"%d %s\n%s" % (len(data), name.encode(), data) for name, data in held]
    return b"".join([b"python-environment 1\n", *parts]).decode("latin-1")


_METADATA = b"Metadata-Version: 2.1\nName: Torch_Audio\nVersion: 2.5.0\n\nVersion: 9\n"


def test_the_distributions_of_an_environment_are_read() -> None:
    text = _environment(
        **{
            "torch_audio-2.5.dist-info__METADATA": _METADATA,
            "b.egg-info": b"Name: b\r\nVersion: 1\r\n",
            "hook.pth": b"# a comment\nimport hook\n\ninner\n",
        }
    )
    assert _read("python-environment", text) == [("torch-audio", "2.5.0"), ("b", "1")]


@pytest.mark.parametrize(
    "files",
    [
        {"a.dist-info__METADATA": b"Name: a\n"},
        {"a.dist-info__METADATA": b"Name: a\nVersion: 1\nVersion: 2\n"},
        {"a.dist-info__METADATA": b"Name: a\nVersion: 1\nNAME : b\n"},
        {"a.dist-info__METADATA": b"Name: a\nVersion: 1\n .2\n"},
        {"a.dist-info__METADATA": b"Name: a\nX: y\rVersion: 1\n"},
        {"a.dist-info__METADATA": _METADATA, "a.dist-info__direct_url.json": b"{}"},
        {"a.egg-link": b"/src"},
        {"b-1.dist-info__METADATA": b"Name: a\nVersion: 1\n"},
        {"a-2.dist-info__METADATA": b"Name: a\nVersion: 1\n"},
        {"b-1-a-2.dist-info__METADATA": b"Name: a\nVersion: 2\n"},
        {"a.egg__EGG-INFO__PKG-INFO": b"Name: a\nVersion: 1\n"},
        {"a.Dist-Info__METADATA": b"Name: a\nVersion: 1\n"},
        {"a-1.dist-info__METADATA": b"Name: a\nVersion: one\n"},
        {"more.pth": b"/opt/packages\n"},
        {"more.pth": b"import x\n../packages\n"},
        {"more.pth": b"C:\\packages\n"},
    ],
)
def test_what_an_environment_may_hold_otherwise_is_rejected(files: dict[str, bytes]) -> None:
    with pytest.raises(Rejected):
        _read("python-environment", _environment(**files))


def test_what_was_left_out_of_an_environment_may_be_anything() -> None:
    whole = _environment(**{"a.dist-info__METADATA": _METADATA})
    for text in (whole.replace("\n", "\n- b.dist-info: a link\n", 1), whole[:-1], whole + "1"):
        with pytest.raises(Rejected):
            _read("python-environment", text)


_KINDS = (
    "python-environment", "requirements", "uv-lock", "poetry-lock", "pdm-lock", "pylock",
    "pipfile-lock", "npm-lock", "cargo-lock",
)  # fmt: skip
_VALUES: Any = st.recursive(
    st.none() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["packages", "package", "_meta", "default", "version", "", "a", "source"]
            )
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(_KINDS), st.binary(max_size=200) | _VALUES.map(json.dumps).map(str.encode))
def test_hostile_bytes_are_read_or_rejected(kind: str, data: bytes) -> None:
    with suppress(Rejected):
        assert all(isinstance(part, str) for one in named(kind, data) for part in one)
