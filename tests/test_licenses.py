"""Which declared licences are SPDX's, and how they are spelled."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probatum.bom.licenses import is_expression, is_known, spelled


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("apache-2.0", "Apache-2.0"),
        ("apache-2.0 or mit", "Apache-2.0 OR MIT"),
        ("( mit AND bsd-3-clause ) or  Apache-2.0", "(MIT AND BSD-3-Clause) OR Apache-2.0"),
        ("gpl-2.0-only with classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"),
        ("(MIT)", "(MIT)"),
        ("mit OR", "mit OR"),
        ("mit OR OR mit", "mit OR OR mit"),
        ("(mit OR mit", "(mit OR mit"),
        ("mit mit", "mit mit"),
        ("mit/apache-2.0", "mit/apache-2.0"),
        ("our own OR mit", "our own OR mit"),
        ("mit WITH mit", "mit WITH mit"),
    ],
)
def test_a_licence_is_spelled_as_spdx_does_if_it_is_one_of_its(said: str, expected: str) -> None:
    assert spelled(said) == expected


_WORDS = ("MIT", "mit", "OR", "and", "(", ")", "WITH", "+", "-")


@given(st.text(max_size=40) | st.lists(st.sampled_from(_WORDS)).map(" ".join))
def test_what_is_spelled_stays_and_is_an_expression_or_not(said: str) -> None:
    once = spelled(said)
    assert spelled(once) == once
    if is_expression(once):
        assert not is_known(once)
        assert once.count("(") == once.count(")")
