"""What an audit's JSON report says of each file: run by Probatum's Python.

    python summary.py REPORT.json

Prints a JSON object: for each file of the target its exit code under the default policy, had it
been audited alone; whether `load-inert` is proven of all in it that it is asked of; and every
finding's claim, verdict and reason.
"""

import datetime
import json
import sys
from collections import defaultdict
from pathlib import Path

from msgspec.structs import replace

from probatum.policy import Policy, decide
from probatum.vocabulary import Finding, Proven, Report, Undecided
from probatum.wire import from_json


def main() -> None:
    report = from_json(Path(sys.argv[1]).read_bytes())
    files: dict[str, list[Finding]] = defaultdict(list)
    for finding in report.findings:
        files[finding.artifact.name.partition("!/")[0]].append(finding)
    print(json.dumps({name: _summary(report, findings) for name, findings in files.items()}))


def _summary(report: Report, findings: list[Finding]) -> dict[str, object]:
    alone = replace(report, planned=(), findings=tuple(findings))
    loads = [one.verdict for one in findings if one.claim == "load-inert"]
    told = [(one.claim, type(one.verdict).__name__.lower(), _reason(one)) for one in findings]
    return {
        "exit": decide(alone, Policy(), datetime.date.today()).exit_code,
        "proven": bool(loads) and all(isinstance(one, Proven) for one in loads),
        "findings": told,
    }


def _reason(finding: Finding) -> str:
    return finding.verdict.reason if isinstance(finding.verdict, Undecided) else ""


if __name__ == "__main__":
    main()
