"""What a report comes to: the word for each verdict, how many there are of each, what is missing.

Apart from `wire`, whose types take as long to make as judging ten small files.
"""

from collections import Counter

from probatum.vocabulary import Planned, Proven, Refuted, Report, Undecided, Verdict

_WORDS = {Proven: "proven", Refuted: "refuted", Undecided: "undecided"}
VERDICTS = tuple(_WORDS.values())


def counts(report: Report) -> dict[str, int]:
    """How many findings carry each verdict: always all three, in the order of `VERDICTS`."""
    tally = Counter(verdict_word(finding.verdict) for finding in report.findings)
    return {word: tally[word] for word in VERDICTS}


def unanswered(report: Report) -> tuple[Planned, ...]:
    """What was planned and has no finding: empty unless the audit was interrupted."""
    done = {(finding.artifact.name, finding.claim) for finding in report.findings}
    return tuple(plan for plan in report.planned if (plan.artifact, plan.claim) not in done)


def verdict_word(verdict: Verdict) -> str:
    """`proven`, `refuted` or `undecided`."""
    return _WORDS[type(verdict)]
