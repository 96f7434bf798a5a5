"""What a component is called."""

import pytest

from probatum.components import Component, purl, python_name


@pytest.mark.parametrize("written", ["Flask-CORS", "flask_cors", "flask.cors", "FLASK--cors"])
def test_a_python_name_is_written_in_one_way(written: str) -> None:
    assert python_name(written) == "flask-cors"


@pytest.mark.parametrize(
    ("component", "expected"),
    [
        (Component(ecosystem="PyPI", name="torch", version="2.6.0+cu124"),
         "pkg:pypi/torch@2.6.0%2Bcu124"),
        (Component(ecosystem="npm", name="@scope/tool", version="1.0.0"),
         "pkg:npm/%40scope/tool@1.0.0"),
        (Component(ecosystem="Go", name="github.com/ollama/ollama", version="v0.1.34"),
         "pkg:golang/github.com/ollama/ollama@v0.1.34"),
        (Component(ecosystem="Debian:12", name="openssl", version="3.0.15-1~deb12u1"),
         "pkg:deb/debian/openssl@3.0.15-1~deb12u1?distro=debian-12"),
        (Component(ecosystem="PyPI", name="requests"), "pkg:pypi/requests"),
        (Component(ecosystem="nowhere", name="x", version="1"), ""),
    ],
)  # fmt: skip
def test_a_component_has_a_package_url(component: Component, expected: str) -> None:
    assert purl(component) == expected
