"""What Python's manifests and lock files name, and where."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probatum.catalog import accepting
from probatum.components import Component, Inventory
from probatum.errors import FormatError
from probatum.formats.kinds import kind_of
from probatum.formats.kinds_inventory import JSON_FORMS, TEXT_FORMS
from probatum.inventory.reading import KINDS, MENTIONING, inventory_of
from probatum.material import BytesMaterial

PYLOCK = """\
lock-version = "1.0"
created-by = "pip"

[[packages]]
name = "torch"
version = "2.6.0+cpu"
index = "https://download.pytorch.org/whl/cpu"
marker = "sys_platform == 'linux'"

[[packages.wheels]]
url = "https://example.org/torch.whl"
hashes = {sha256 = "aa11"}

[[packages]]
name = "Odd.Name"
vcs = {type = "git", url = "https://example.org/o.git", commit-id = "c0ffee"}
"""
POETRY_LOCK = """\
[[package]]
name = "torch"
version = "2.6.0+cu124"
optional = false
groups = ["main"]
markers = "python_version >= '3.11'"
files = [
    {file = "torch-2.6.0.whl", hash = "sha256:aa"},
    {file = "torch-2.6.0.tar.gz", hash = "sha256:bb"},
]

[package.dependencies]
jinja2 = "*"

[package.source]
type = "legacy"
url = "https://download.pytorch.org/whl/cu124"
reference = "pytorch"

[[package]]
name = "jinja2"
version = "3.1.5"
groups = ["dev"]
files = []

[package.source]
type = "git"
url = "https://example.org/j.git"
reference = "main"
resolved_reference = "abc123"

[metadata]
lock-version = "2.1"
"""
UV_LOCK = """\
version = 1
requires-python = ">=3.11"

[[package]]
name = "app"
version = "0.1.0"
source = { virtual = "." }
dependencies = [
    { name = "idna" },
]

[[package]]
name = "idna"
version = "3.10"
source = { registry = "https://pypi.org/simple" }
sdist = { url = "https://e.org/idna.tar.gz", hash = "sha256:aa", size = 1 }
wheels = [
    { url = "https://e.org/idna.whl", hash = "sha256:bb", size = 1 },
]

[[package]]
name = "tool"
source = { git = "https://e.org/t.git?rev=1#c0ffee" }
"""
PDM_LOCK = """\
[metadata]
groups = ["default", "test"]

[[package]]
name = "anyio"
version = "4.0.0"
groups = ["default", "test"]
marker = "python_version > '3'"
files = [
    {file = "anyio.whl", hash = "sha256:aa"},
]

[[package]]
name = "local"
version = "1"
groups = ["test"]
path = "./local"
"""
PIPFILE_LOCK = """\
{
    "_meta": {"sources": [{"name": "pypi", "url": "https://pypi.org/simple"},
                          {"name": "torch", "url": "https://download.pytorch.org/whl"}]},
    "default": {
        "requests": {"hashes": ["sha256:aa"], "version": "==2.31.0",
                     "markers": "python_version > '3'"},
        "torch": {"index": "torch", "version": "==2.6.0+cpu"}
    },
    "develop": {
        "mine": {"editable": true, "path": "."}
    }
}
"""
PIPFILE = """\
[[source]]
url = "https://pypi.org/simple"
name = "pypi"

[packages]
requests = "==2.31.0"
flask = {version = ">=2", extras = ["async"]}
any = "*"

[dev-packages]
x = {git = "https://e.org/x.git", ref = "v1"}
"""


def told(kind: str, text: str, around: Mapping[str, str] | None = None) -> Inventory:
    files = {name: one.encode() for name, one in (around or {}).items()}
    return inventory_of(kind, "x", BytesMaterial(text.encode(), around=files))


def short(one: Component) -> tuple[str, str, str, str, tuple[str, ...]]:
    return one.name, one.version or one.wanted, one.source, one.marker, one.groups


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("pylock", PYLOCK, [
            ("torch", "2.6.0+cpu", "https://download.pytorch.org/whl/cpu",
             "sys_platform == 'linux'", ()),
            ("odd-name", "", "git+https://example.org/o.git@c0ffee", "", ()),
        ]),
        ("poetry-lock", POETRY_LOCK, [
            ("torch", "2.6.0+cu124", "https://download.pytorch.org/whl/cu124",
             "python_version >= '3.11'", ()),
            ("jinja2", "3.1.5", "git+https://example.org/j.git@abc123", "", ("dev",)),
        ]),
        ("uv-lock", UV_LOCK, [
            ("app", "0.1.0", ".", "", ()),
            ("idna", "3.10", "", "", ()),
            ("tool", "", "git+https://e.org/t.git?rev=1#c0ffee", "", ()),
        ]),
        ("pdm-lock", PDM_LOCK, [
            ("anyio", "4.0.0", "", "python_version > '3'", ()),
            ("local", "1", "./local", "", ("test",)),
        ]),
        ("pipfile-lock", PIPFILE_LOCK, [
            ("requests", "2.31.0", "", "python_version > '3'", ()),
            ("torch", "2.6.0+cpu", "https://download.pytorch.org/whl", "", ()),
            ("mine", "", ".", "", ("develop",)),
        ]),
        ("pipfile", PIPFILE, [
            ("requests", "2.31.0", "", "", ()),
            ("flask", ">=2", "", "", ()),
            ("any", "", "", "", ()),
            ("x", "", "git+https://e.org/x.git@v1", "", ("dev-packages",)),
        ]),
    ],
)  # fmt: skip
def test_a_lock_file_names_each_package_once(
    kind: str, text: str, expected: list[tuple[str, str, str, str, tuple[str, ...]]]
) -> None:
    inventory = told(kind, text)
    assert [short(one) for one in inventory.components] == expected
    assert inventory.unread == ()
    assert inventory.resolved == kind.endswith("lock")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("pylock", PYLOCK),
        ("poetry-lock", POETRY_LOCK),
        ("uv-lock", UV_LOCK),
        ("pdm-lock", PDM_LOCK),
    ],
)
def test_the_hashes_of_a_lock_file_are_told(kind: str, text: str) -> None:
    hashes = {digest for one in told(kind, text).components for digest in one.hashes}
    assert hashes <= {"sha256:aa", "sha256:bb", "sha256:aa11"}
    assert hashes


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("torch==2.6.0+cu124", ("torch", "2.6.0+cu124", "", "", ())),
        ("Flask_Cors [async] >= 3.0, !=3.1 # why", ("flask-cors", ">= 3.0, !=3.1", "", "", ())),
        ("numpy (==1.26.4)", ("numpy", "1.26.4", "", "", ())),
        ("a===1.0.0-custom", ("a", "1.0.0-custom", "", "", ())),
        ("a==1.*", ("a", "==1.*", "", "", ())),
        ("a==1.0,>=0.5", ("a", "1.0", "", "", ())),
        ("a==1.0,==2.0", ("a", "==1.0,==2.0", "", "", ())),
        ("a", ("a", "", "", "", ())),
        ('a==1; python_version < "3.9"', ("a", "1", "", 'python_version < "3.9"', ())),
        ("a @ https://e.org/a-1.2+cpu-py3-none-any.whl#sha256=AB",
         ("a", "1.2+cpu", "https://e.org/a-1.2+cpu-py3-none-any.whl", "", ())),
        ("https://e.org/x/a_b-1.2-1-cp311-cp311-linux_x86_64.whl",
         ("a-b", "1.2", "https://e.org/x/a_b-1.2-1-cp311-cp311-linux_x86_64.whl", "", ())),
        ("https://e.org/a-b-1.2.tar.gz", ("a-b", "1.2", "https://e.org/a-b-1.2.tar.gz", "", ())),
        ("a @ git+https://e.org/a.git@v1 ; python_version > '3'",
         ("a", "git+https://e.org/a.git@v1", "git+https://e.org/a.git@v1",
          "python_version > '3'", ())),
        ("-e git+https://e.org/a.git@v1#egg=a[x]",
         ("a", "git+https://e.org/a.git@v1", "git+https://e.org/a.git@v1", "", ())),
        ("./wheels/a-1.0-py3-none-any.whl",
         ("a", "1.0", "./wheels/a-1.0-py3-none-any.whl", "", ())),
    ],
)  # fmt: skip
def test_a_line_of_requirements_is_read_as_pip_reads_it(
    line: str, expected: tuple[str, str, str, str, tuple[str, ...]]
) -> None:
    inventory = told("requirements", f"# first\n{line}\n")
    assert [short(one) for one in inventory.components] == [expected]
    assert inventory.unread == ()
    assert inventory.components[0].place.line == 2


def test_lines_go_on_behind_a_backslash_and_carry_hashes() -> None:
    text = "a==1 \\\r\n    --hash=sha256:aa \\\r\n    --hash sha256:bb\r\n    # via b\r\nb==2\r\n"
    first, second = told("requirements", text).components
    assert first.hashes == ("sha256:aa", "sha256:bb")
    assert (second.name, second.place.line, second.place.column) == ("b", 5, 1)


@pytest.mark.parametrize(
    "line",
    [
        "-e .",
        "./folder",
        "git+https://e.org/a.git",
        "${NAME}==1",
        "two words",
        "a==1 --nonsense",
        "a==1 --hash='",
        "-r missing.txt",
        "-r https://e.org/r.txt",
        "-r ${FILE}",
        "--requirement=../../r.txt",
        "-c missing.txt",
        "tor\\\nch==1",
        "-r",
        "=",
    ],
)
def test_what_is_not_understood_is_told_with_its_place(line: str) -> None:
    inventory = told("requirements", f"\n  {line}\n")
    assert inventory.components == ()
    assert [one.place.line for one in inventory.unread] == [2]


def test_files_that_are_included_are_read_with_their_own_places() -> None:
    around = {
        "deps/base.txt": "a==1\n-r more.txt\n-r ../x.txt\n",
        "deps/more.txt": "b==2\n-r base.txt\n",
        "c.txt": "d==4\na==9\n",
    }
    found = told("requirements", "--requirem deps/base.txt\nd\n-cc.txt\n", around)
    rows = [(one.name, one.version, one.place.part, one.place.line) for one in found.components]
    assert rows == [
        ("d", "4", None, 2),
        ("a", "1", "deps/base.txt", 1),
        ("b", "2", "deps/more.txt", 1),
    ]
    assert [str(one.place) for one in found.unread] == ["deps/base.txt:3:1"]


def test_another_index_is_the_source_of_all() -> None:
    inventory = told("requirements", "a==1\n-i https://e.org/simple\nb @ https://e.org/b-1.zip\n")
    assert [one.source for one in inventory.components] == [
        "https://e.org/simple",
        "https://e.org/b-1.zip",
    ]
    inventory = told("requirements", "--index-url=https://pypi.org/simple/\na==1\n")
    assert [one.source for one in inventory.components] == [""]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_requirements_are_decoded_as_pip_decodes_them(encoding: str) -> None:
    text = "# coding: latin-1\n# é\na==1\n" if encoding == "latin-1" else "# é\na==1\n"
    data = text.encode(encoding)
    [found] = inventory_of("requirements", "x", BytesMaterial(data)).components
    assert (found.name, found.version, found.place.column) == ("a", "1", 1)


def test_a_manifest_tells_every_list_of_requirements() -> None:
    text = """\
[build-system]
requires = ["setuptools==70.0"]

[project]
name = "My.App"
dependencies = [
  "torchvision==0.21.0",  # not "torch==1"
  'torch==2.6.0 ; sys_platform == "linux"',
]
dynamic = ["version", "optional-dependencies"]

[project.optional-dependencies]
gpu = ["my-app[cpu]", "xformers>=0.0.20"]

[dependency-groups]
test = ["pytest", {include-group = "gpu"}]

[tool.uv]
dev-dependencies = ["ruff==0.8"]

[tool.uv.sources]
torch = [{index = "pytorch", marker = "x"}]
xformers = {git = "https://e.org/x.git"}

[tool.poetry.dependencies]
python = "^3.11"
requests = "^2.31"
pandas = "2.2.0"
local = {path = "../local", optional = true}

[tool.poetry.extras]
more = ["local"]

[tool.poetry.group.docs.dependencies]
mkdocs = [{version = "==1.5", markers = "python_version > '3'"}]
"""
    inventory = told("python-manifest", text)
    linux = 'sys_platform == "linux"'
    assert [short(one) for one in inventory.components] == [
        ("setuptools", "70.0", "", "", ("build-system",)),
        ("torchvision", "0.21.0", "", "", ()),
        ("torch", "2.6.0", "pytorch", linux, ()),
        ("xformers", ">=0.0.20", "https://e.org/x.git", "", ("gpu",)),
        ("pytest", "", "", "", ("test",)),
        ("ruff", "0.8", "", "", ("dev",)),
        ("requests", "^2.31", "", "", ()),
        ("pandas", "2.2.0", "", "", ()),
        ("local", "", "../local", "", ("more",)),
        ("mkdocs", "1.5", "", "python_version > '3'", ("docs",)),
    ]
    assert [one.why for one in inventory.unread] == [
        "the optional-dependencies are computed when the project is built"
    ]
    assert_placed(inventory, text)


def test_requirements_that_setuptools_takes_from_a_file_are_read() -> None:
    text = """\
[project]
dynamic = ["dependencies"]
[tool.setuptools.dynamic]
dependencies = {file = ["requirements.txt"]}
"""
    inventory = told("python-manifest", text, {"requirements.txt": "a==1\n"})
    assert [(one.name, one.place.part) for one in inventory.components] == [
        ("a", "requirements.txt")
    ]
    assert told("python-manifest", text).unread


def assert_placed(inventory: Inventory, text: str) -> None:
    """Every place points at the text that names the component."""
    for one in inventory.components:
        place = one.place
        assert place.line is not None
        assert place.column is not None
        behind = text.split("\n")[place.line - 1][place.column - 1 :].strip("\"'")
        written = behind.lower().replace("_", "-").replace(".", "-")
        assert written.startswith(one.name.replace(".", "-")), (one, behind)
        assert text.encode()[place.offset :].decode().strip("\"'").startswith(behind[:3])


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("pylock", PYLOCK),
        ("poetry-lock", POETRY_LOCK),
        ("uv-lock", UV_LOCK),
        ("pdm-lock", PDM_LOCK),
        ("pipfile-lock", PIPFILE_LOCK),
        ("pipfile", PIPFILE),
        ("requirements", "# é\n  Torch==1\nb @ https://e.org/b-1.zip\n"),
    ],
)
def test_every_place_points_at_the_name(kind: str, text: str) -> None:
    assert_placed(told(kind, text), text)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("poetry-lock", "package = 1"),
        ("uv-lock", "[[package]]\nname = 1\n[[package]]\nversion = '1'\n"),
        ("pylock", "packages = [1]"),
        ("pipfile-lock", '{"default": {"a": {}, "a": {}}}'),
        ("pipfile-lock", "[]"),
        ("pipfile-lock", '{"default": []}'),
        ("poetry-lock", "x = [" * 5000),
        ("python-manifest", '[project]\ndependencies = "a==1"\n'),
        ("python-manifest", "[project]\ndependencies = [1, 'no requirement']\n"),
        ("python-manifest", "[tool.poetry.dependencies]\n'not a name' = '1'\n"),
    ],
)
def test_what_breaks_its_format_is_never_an_empty_inventory(kind: str, text: str) -> None:
    try:
        inventory = told(kind, text)
    except FormatError:
        return
    assert inventory.unread


SNIPPETS = st.lists(
    st.sampled_from(["a", "==1", "\n", "  ", "[", "]", "[[package]]\n", "name = 'a'\n", "-r x\n",
                     "version = 1\n", "\\\n", "#", ";", "@ ", "http://e/a-1.zip", "'", '"', "=",
                     "-e", " --hash=", "\r\n", "\x0c", "é", "\ufeff", "{", "}", ",", ":", "..",
                     "[project]\ndependencies = [", "[tool.poetry.dependencies]\n", "null"]),
    max_size=20,
).map("".join)  # fmt: skip


def test_the_registry_itself_is_no_other_source() -> None:
    text = "[[package]]\nname = 'a'\nversion = '1'\n[package.source]\ntype = 'legacy'\n"
    text += "url = 'https://pypi.org/simple/'\n"
    assert [one.source for one in told("poetry-lock", text).components] == [""]


@given(st.sampled_from(sorted(KINDS)), st.binary(max_size=60) | SNIPPETS.map(str.encode))
def test_nothing_but_format_errors_is_raised(kind: str, data: bytes) -> None:
    try:
        inventory_of(kind, "x", BytesMaterial(data))
    except FormatError:
        return


@given(SNIPPETS)
def test_every_line_that_asks_for_something_is_told(source: str) -> None:
    inventory = told("requirements", source)
    found = {one.place.line for one in (*inventory.components, *inventory.unread)}
    for number, line in enumerate(source.split("\n"), 1):
        if line.startswith("a==1") and not source.split("\n")[number - 2].endswith("\\"):
            assert number in found


@pytest.mark.parametrize(
    ("kind", "name", "text"),
    [
        ("requirements", "requirements.txt", "some words\n"),
        ("requirements", "requirements-dev.txt", "a==1\n-r requirements.txt\n"),
        ("requirements", "dev_requirements.in", "a>=1 # c\n"),
        ("requirements", "requirements/gpu.txt", "torch==2.6.0 \\\n    --hash=sha256:aa\n"),
        ("requirements", "constraints-3.11.txt", "a==1\n"),
        ("text", "requirements-notes.txt", "Some words on what is required.\n"),
        ("text", "notes.txt", "a==1\n"),
        ("python-manifest", "pyproject.toml", "[mcp_servers.a]\n"),
        ("poetry-lock", "sub/poetry.lock", "x = 1\n"),
        ("uv-lock", "uv.lock", "version = 1\n"),
        ("pdm-lock", "pdm.lock", "x = 1\n"),
        ("pylock", "pylock.toml", "x = 1\n"),
        ("pylock", "pylock.gpu.toml", "x = 1\n"),
        ("pipfile", "Pipfile", "[packages]\n"),
        ("pipfile-lock", "Pipfile.lock", "{}\n"),
    ],
)
def test_a_file_that_names_components_is_known(kind: str, name: str, text: str) -> None:
    assert kind_of(name, BytesMaterial(text.encode())) == kind


def test_every_form_of_text_is_asked_what_text_is_asked() -> None:
    wanted = {one.claim.id for one in accepting("text")}
    for form in TEXT_FORMS:
        assert wanted <= {one.claim.id for one in accepting(form)}, form
        assert form in KINDS | MENTIONING


def test_a_lock_file_in_json_is_a_whole_document() -> None:
    for form in JSON_FORMS:
        assert "kind-is-understood" in {one.claim.id for one in accepting(form)}
        assert form in KINDS | MENTIONING


SETUP = """\
[metadata]
name = x
[options]
install_requires =
    a==1.0
    # a comment
    b>=2; python_version < "3.12"
    ./local
setup_requires = c==3
tests_require = d; e
packages = find:
[options.extras_require]
gpu = f==4
more =
    file: more.txt
[other]
install_requires = no==1
"""


def test_the_requirements_of_setup_cfg_are_told_with_their_groups() -> None:
    material = BytesMaterial(SETUP.encode(), around={"more.txt": b"g==5\n"})
    assert kind_of("setup.cfg", material) == "setup-cfg"
    inventory = inventory_of("setup-cfg", "setup.cfg", material)
    told = [
        (one.name, one.version or one.wanted, one.groups, one.place.line)
        for one in inventory.components
    ]
    assert sorted(told) == [
        ("a", "1.0", (), 5),
        ("b", ">=2", (), 7),
        ("c", "3", ("build-system",), 9),
        ("f", "4", ("gpu",), 13),
        ("g", "5", (), 1),
    ]
    assert [(one.place.line, one.why) for one in inventory.unread] == [
        (8, "not one requirement: ./local"),
        (10, "not one requirement: d; e"),
    ]


def test_a_setup_cfg_of_other_tools_asks_for_nothing() -> None:
    assert kind_of("setup.cfg", BytesMaterial(b"[flake8]\nmax-line-length = 99\n")) != "setup-cfg"
