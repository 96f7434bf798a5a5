"""What Debian's and Alpine's package managers have installed, told from their own lists."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probatum.audit.targets import roots
from probatum.components import Inventory
from probatum.errors import FormatError
from probatum.formats.kinds import kind_of
from probatum.inventory.reading import inventory_of
from probatum.material import BytesMaterial, FileMaterial

STATUS = """\
Package: base-files
Status: install ok installed
Version: 12.4+deb12u5

Package: libssl3
Status: install ok installed
Source: openssl
Version: 3.0.15-1~deb12u1
Conffiles:
 /etc/x 0123
 Package: not-this

Package: libfoo1
Status: install ok installed
Source: foo (1.0-2)
Version: 1.0-2+b1

Package: gone
Status: deinstall ok config-files
Version: 1
"""
INSTALLED = """\
C:Q1abc=
P:alpine-release
V:3.20.3-r0
o:alpine-base

P:libssl3
V:3.3.2-r0
o:openssl

P:mine
V:1.0-r0
"""


def told(
    kind: str, text: str, name: str = "x", around: dict[str, bytes] | None = None
) -> Inventory:
    return inventory_of(kind, name, BytesMaterial(text.encode(), around=around))


def rows(inventory: Inventory) -> list[tuple[str, str, str, int | None]]:
    return [(one.ecosystem, one.name, one.version, one.place.line) for one in inventory.components]


def test_debian_packages_are_told_by_their_sources() -> None:
    inventory = told("dpkg-status", STATUS)
    assert rows(inventory) == [
        ("Debian:12", "base-files", "12.4+deb12u5", 1),
        ("Debian:12", "openssl", "3.0.15-1~deb12u1", 7),
        ("Debian:12", "foo", "1.0-2", 15),
    ]
    assert inventory.unread == ()
    assert inventory.components[1].place.column == 9


def test_alpine_packages_are_told_by_their_origins() -> None:
    assert rows(told("apk-installed", INSTALLED)) == [
        ("Alpine:v3.20", "alpine-base", "3.20.3-r0", 4),
        ("Alpine:v3.20", "openssl", "3.3.2-r0", 8),
        ("Alpine:v3.20", "mine", "1.0-r0", 10),
    ]


@pytest.mark.parametrize(
    ("kind", "name", "text", "release", "expected"),
    [
        ("dpkg-status", "var/lib/dpkg/status", "Package: a\nVersion: 1\n",
         'ID=debian\nVERSION_ID="13"\n', "Debian:13"),
        ("dpkg-status", "root!/var/lib/dpkg/status", "Package: a\nVersion: 1\n",
         "ID=ubuntu\nVERSION_ID='24.04'\n", "Ubuntu:24.04"),
        ("dpkg-status", "usr/x/lib/dpkg/status", "Package: a\nVersion: 1\n", "", "Debian"),
        ("dpkg-status", "x", "Package: a\nVersion: 1+deb11u3\n", "", "Debian:11"),
        ("dpkg-status", "x", "Package: base-files\nVersion: 13ubuntu10\n", "", "Debian"),
        ("apk-installed", "lib/apk/db/installed", "P:a\nV:1\n",
         "ID=alpine\nVERSION_ID=3.21.2\n", "Alpine:v3.21"),
        ("apk-installed", "x", "P:a\nV:1\n", "", "Alpine"),
    ],
)  # fmt: skip
def test_the_release_is_told_or_is_missing(
    kind: str, name: str, text: str, release: str, expected: str
) -> None:
    deep = "../" * name.rpartition("!/")[2].count("/")
    inventory = told(kind, text, name, {f"{deep}etc/os-release": release.encode()})
    assert [one.ecosystem for one in inventory.components] == [expected]
    assert bool(inventory.unread) == (":" not in expected)


def test_the_release_is_read_from_the_same_root(tmp_path: Path) -> None:
    for name, text in (
        ("var/lib/dpkg/status.d/libc6", "Package: libc6\nVersion: 2.41-1\n"),
        ("usr/lib/os-release", "ID=debian\nVERSION_ID=13\n"),
    ):
        tmp_path.joinpath(name).parent.mkdir(parents=True)
        tmp_path.joinpath(name).write_text(text)
    tmp_path.joinpath("etc").mkdir()
    tmp_path.joinpath("etc/os-release").symlink_to("../usr/lib/os-release")
    [root] = [one for one in roots(str(tmp_path)) if one.name.endswith("libc6")]
    assert root.path is not None
    material = FileMaterial(root.path, around=root.around)
    assert kind_of(root.name, material) == "dpkg-status"
    [one] = inventory_of("dpkg-status", root.name, material).components
    assert one.ecosystem == "Debian:13"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("dpkg-status", "Package: a\n"),
        ("dpkg-status", "Version: 1\n"),
        ("dpkg-status", "Package:\nVersion: 1\n"),
        ("apk-installed", "P:a\n"),
    ],
)
def test_a_package_without_a_name_or_a_version_is_told(kind: str, text: str) -> None:
    assert told(kind, text).unread


@given(
    st.sampled_from(["dpkg-status", "apk-installed"]),
    st.binary(max_size=60)
    | st.lists(
        st.sampled_from(["Package: ", "Version: ", "Source: ", "P:", "V:", "o:", "a", "1", "(", ")",
                         "\n", "\r\n", " ", "Status: ", "é", "+deb12u1", "base-files"]),
        max_size=20,
    ).map(lambda parts: "".join(parts).encode()),
)  # fmt: skip
def test_nothing_but_format_errors_is_raised(kind: str, data: bytes) -> None:
    try:
        inventory_of(kind, "x", BytesMaterial(data))
    except FormatError:
        return


@pytest.mark.parametrize(
    ("kind", "name", "text"),
    [
        ("dpkg-status", "image:1!/layer-1!/var/lib/dpkg/status", STATUS),
        ("dpkg-status", "var/lib/dpkg/status.d/base", "Package: base-files\nVersion: 12\n"),
        ("text", "var/lib/dpkg/status.d/base.md5sums", "0123  usr/x\n"),
        ("text", "status", "all is well\n"),
        ("apk-installed", "lib/apk/db/installed", INSTALLED),
        ("text", "installed", "all\n"),
    ],
)
def test_a_list_of_packages_is_known_by_what_it_says(kind: str, name: str, text: str) -> None:
    assert kind_of(name, BytesMaterial(text.encode())) == kind
