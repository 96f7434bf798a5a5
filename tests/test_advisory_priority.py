"""How urgent a vulnerability is: EPSS and CISA's catalogue, kept as one text, and looked up."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisory_mirror import epss, kev
from probatum.advisories.priority import (
    Exploited,
    Priorities,
    Priority,
    Scores,
    exploited,
    scores,
    written,
)
from probatum.errors import FormatError

CVES = st.builds("CVE-{}-{:04}".format, st.integers(1999, 2030), st.integers(0, 200_000))
SHARES = st.tuples(*[st.sampled_from(["0.00042", "0.5", "1.0", "1", "0", "9e-05"])] * 2)


def read(text: bytes) -> Scores:
    return scores(text.splitlines())


def test_a_table_of_scores_is_read() -> None:
    found = read(epss("2026-01-31", CVE_2021_44228=("0.94358", "0.99962")))
    assert found == Scores("2026-01-31", {"CVE-2021-44228": ("0.94358", "0.99962")})


@pytest.mark.parametrize(
    "row", ["CVE-2021-1,2,0.5", "x,0.1,0.2", "CVE-2021-44228,0.1", "CVE-2021-44228,-0.1,0.2",
            "CVE-2021-44228,nan,0.2", "CVE-2021-44228,0.1,0.2,0.3", "CVE-2021-44228,1.5,0.2"]
)  # fmt: skip
def test_a_row_that_is_no_score_is_refused_with_its_line(row: str) -> None:
    with pytest.raises(FormatError, match="line 4"):
        read(epss("2026-01-31", CVE_2021_44228=("0.9", "0.9")) + row.encode())


def test_a_table_without_its_day_columns_or_rows_is_refused() -> None:
    whole = epss("2026-01-31", CVE_2021_44228=("0.9", "0.9")).splitlines()
    for left in (whole[1:], whole[:2], [whole[0], whole[2]], []):
        with pytest.raises(FormatError):
            scores(left)


def test_a_catalogue_is_read() -> None:
    found = exploited(kev("2026-01-30", CVE_2021_44228="2021-12-10"))
    assert found == Exploited("2026-01-30", {"CVE-2021-44228": "2021-12-10"})


@pytest.mark.parametrize(
    "text",
    [
        b"", b"[]", b"{", b"[" * 100_000, kev("2026-01-30"),
        kev("2026-01-30", GHSA_1="2021-12-10"), kev("2026-01-30", CVE_2021_44228="soon"),
        kev("someday", CVE_2021_44228="2021-12-10"),
    ],
)  # fmt: skip
def test_what_is_no_catalogue_is_refused(text: bytes) -> None:
    with pytest.raises(FormatError):
        exploited(text)


def looked_up(scored: Scores | None, listed: Exploited | None) -> Priorities:
    return Priorities(b"".join(written(scored, listed)))


def test_the_most_urgent_name_of_a_vulnerability_counts() -> None:
    found = looked_up(
        Scores("2026-01-31", {"CVE-2026-1": ("0.1", "0.5"), "CVE-2026-0002": ("0.9", "0.99")}),
        Exploited("2026-01-30", {"CVE-2026-0003": "2026-01-15"}),
    )
    ids = ("GHSA-xxxx-xxxx-xxxx", "CVE-2026-0002", "CVE-2026-0003")
    assert found.of(ids) == Priority("2026-01-15", 0.9, 0.99, "2026-01-31")
    assert found.of(("CVE-2026-0003",)) == Priority("2026-01-15")
    assert found.of(("CVE-2026-00", "CVE-2026-00021", "PYSEC-1", "")) == Priority()
    assert (found.epss_day, found.kev_day) == ("2026-01-31", "2026-01-30")


def test_nothing_known_is_a_text_too() -> None:
    assert looked_up(None, None).of(("CVE-2021-44228",)) == Priority()
    assert list(looked_up(None, None).lines()) == []


def test_a_text_that_is_none_is_refused() -> None:
    for text in (b"", b"\n", b"CVE-2026-0001 0.1 0.1 -\n", b"[]\n"):
        with pytest.raises(FormatError):
            Priorities(text)


@settings(deadline=None)
@given(st.dictionaries(CVES, SHARES, max_size=30), st.sets(CVES, max_size=30), CVES)
def test_every_entry_is_found_and_no_other(
    of: dict[str, tuple[str, str]], listed: set[str], other: str
) -> None:
    since = dict.fromkeys(listed, "2026-01-15")
    found = looked_up(Scores("2026-01-31", of), Exploited("2026-01-30", since))
    for cve in {*of, *since, other}:
        said = found.of((cve,))
        assert said.exploited_since == since.get(cve, "")
        assert said.epss == (float(of[cve][0]) if cve in of else None)
    assert {line[0] for line in found.lines()} == {*of, *since}
