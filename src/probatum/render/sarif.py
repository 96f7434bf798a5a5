"""The report as SARIF 2.1.0, for code scanning services and editors.

A proven finding is a result of kind `pass`, a refuted one `fail`, an undecided one `open`; the
claims are the rules. A finding that the policy accepts is suppressed. A member of a container
is placed in the file that holds it, since that is what a viewer can open; the artifact table
describes the member itself, as SARIF's nested artifacts do, and the steps point into it.

Source: OASIS SARIF 2.1.0 with errata 01; section numbers stand where they decide something.
"""

import hashlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, assert_never
from urllib.parse import quote

import msgspec

from probatum import __version__
from probatum.formats.python_environment import KIND as ENVIRONMENT
from probatum.formats.python_project import KIND as PROJECT
from probatum.policy import Acceptance, Decision
from probatum.render.evidence import headline, incompleteness, parted
from probatum.render.visible import visible
from probatum.tallies import verdict_word
from probatum.vocabulary import (
    Artifact,
    Excerpt,
    Finding,
    Place,
    Proven,
    Refuted,
    Report,
    Step,
    Undecided,
    Witness,
)
from probatum.wire import sentences

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

_CELL = ".ipynb#"

_Object = dict[str, Any]


def render(report: Report, *, decision: Decision | None = None, problems_only: bool = False) -> str:
    """The report as a SARIF log of one run.

    `problems_only` leaves out what does not break the policy, or what is proven where no `decision`
    says what does: some services raise an alert for every result, whatever its kind (GitHub code
    scanning is one).
    """
    run = _Run(report, decision).run(problems_only)
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(log), indent=1).decode() + "\n"


class _Run:
    def __init__(self, report: Report, decision: Decision | None) -> None:
        self._report = report
        self._says = sentences(report)
        self._claims = sorted({finding.claim for finding in report.findings})
        self._artifacts = {finding.artifact.name: finding.artifact for finding in report.findings}
        self._index = {name: index for index, name in enumerate(self._artifacts)}
        accepted = decision.accepted if decision else ()
        self._accepted = {(one.artifact.name, one.claim): why for one, why in accepted}
        breaking, _ = parted(report, decision)
        self._problems = {(one.artifact.name, one.claim) for one in breaking}

    def run(self, problems_only: bool) -> _Object:
        lacking = incompleteness(self._report)
        trouble = {"level": "error", "message": _message(lacking)}
        return {
            "tool": {"driver": self._driver()},
            "invocations": [
                {
                    "executionSuccessful": not lacking,
                    "toolExecutionNotifications": [trouble] if lacking else [],
                }
            ],
            "columnKind": "unicodeCodePoints",
            "artifacts": [self._artifact(one) for one in self._artifacts.values()],
            "results": [
                self._result(finding)
                for finding in self._report.findings
                if not problems_only or self._is_problem(finding)
            ],
        }

    def _driver(self) -> _Object:
        return {
            "name": "Probatum",
            "version": __version__,
            "semanticVersion": __version__,
            "rules": [self._rule(claim) for claim in self._claims],
        }

    def _rule(self, claim: str) -> _Object:
        says = visible(self._says.get(claim, claim))
        return {
            "id": visible(claim),
            "shortDescription": {"text": says},
            "fullDescription": {"text": says},
            "help": {"text": f"`probatum explain {visible(claim)}` says what decides this claim."},
            "defaultConfiguration": {"level": "error"},
            "properties": {"tags": ["security"]},
        }

    def _artifact(self, artifact: Artifact) -> _Object:
        described: _Object = {
            "location": {"uri": self._uri_of(artifact)},
            "length": artifact.size,
            "properties": {"kind": artifact.kind, "name": visible(artifact.name)},
        }
        if artifact.digest:
            described["hashes"] = {"sha-256": artifact.digest.partition(":")[2]}
        parent = self._index.get(artifact.parent or "")
        if parent is not None and artifact.parent != artifact.name:
            described["parentIndex"] = parent
        return described

    def _uri_of(self, artifact: Artifact) -> str:
        """3.24.2: the location of a nested artifact is a path inside its container."""
        container = f"{artifact.parent}!/"
        if artifact.parent is not None and artifact.name.startswith(container):
            return _uri(artifact.name.removeprefix(container))
        return _uri(_path(artifact.name, self._report.targets))

    def _is_problem(self, finding: Finding) -> bool:
        return (finding.artifact.name, finding.claim) in self._problems

    def _acceptance(self, finding: Finding) -> Acceptance | None:
        return self._accepted.get((finding.artifact.name, finding.claim))

    def _result(self, finding: Finding) -> _Object:
        verdict = finding.verdict
        said = f"{finding.artifact.name}: {finding.claim} is {verdict_word(verdict)}: "
        result: _Object = {
            "ruleId": visible(finding.claim),
            "ruleIndex": self._claims.index(finding.claim),
            "message": _message(said + headline(verdict)),
            "partialFingerprints": {"probatumFinding/v1": _fingerprint(finding)},
            "properties": {"analyzer": visible(finding.analyzer), "verdict": verdict_word(verdict)},
        }
        place, excerpt = Place(), None
        match verdict:
            case Proven(certificate, assumptions):
                result |= {"kind": "pass", "level": "none"}
                result["properties"]["checker"] = visible(certificate.checker)
                result["properties"]["assumptions"] = [visible(one) for one in assumptions]
            case Refuted(witnesses):
                result |= {"kind": "fail", "level": "error"} | self._flows(finding, witnesses)
                place, excerpt = witnesses[0].place, witnesses[0].excerpt
            case Undecided(reason, _, place):
                result |= {"kind": "open", "level": "none"}
                result["properties"]["reason"] = str(reason)
            case _:
                assert_never(verdict)
        result["locations"] = [self._where(finding.artifact, place, excerpt)]
        if accepted := self._acceptance(finding):
            result["suppressions"] = [_suppression(accepted)]
        return result

    def _flows(self, finding: Finding, witnesses: tuple[Witness, ...]) -> _Object:
        said: _Object = {}
        told = [alone for one in witnesses for alone in _alone(one)]
        flows = [self._flow(finding.artifact, one) for one in told if one.steps]
        if flows:
            said["codeFlows"] = flows
        if told[1:]:
            said["relatedLocations"] = [
                {
                    "id": number,
                    **self._where(finding.artifact, witness.place, witness.excerpt),
                    "message": _message(witness.says),
                }
                for number, witness in enumerate(told[1:], 1)
            ]
        return said

    def _flow(self, artifact: Artifact, witness: Witness) -> _Object:
        steps = [self._step(artifact, step) for step in witness.steps]
        instead = f". Instead: {witness.instead}" if witness.instead else ""
        return {"message": _message(witness.says + instead), "threadFlows": [{"locations": steps}]}

    def _step(self, artifact: Artifact, step: Step) -> _Object:
        says, place = step.says or step.code.strip(), step.place
        if _is_in_file(artifact, place):
            where = self._in_file(artifact, place)
            if region := where["physicalLocation"].get("region"):
                region |= _extent(step)
            return {"location": {**where, "message": _message(says)}}
        inside = {"uri": self._uri_of(artifact), "index": self._index[artifact.name]}
        physical = {"artifactLocation": inside}
        if region := _region(artifact, place):
            physical["region"] = region
        return {"location": {"physicalLocation": physical, "message": _message(says)}}

    def _in_file(self, artifact: Artifact, place: Place) -> _Object:
        """The line in a file of a project: what a viewer opens is that file."""
        folder, single, _ = artifact.name.rpartition("!/project")
        if single:
            folder = folder.rpartition("/")[0]
        elif artifact.name != ".":
            folder = artifact.name
        file, cell, number = str(place.part).partition(_CELL)
        file += cell.rstrip("#")
        path = _path(f"{folder}/{file}" if folder else file, self._report.targets)
        physical: _Object = {"artifactLocation": {"uri": _uri(path)}}
        if number:  # the line is one of the cell, which no region of the file can say
            named = [{"fullyQualifiedName": visible(str(place))}]
            return {"physicalLocation": physical, "logicalLocations": named}
        if place.line is not None:
            physical["region"] = _line(place)
        return {"physicalLocation": physical}

    def _where(self, artifact: Artifact, place: Place, excerpt: Excerpt | None) -> _Object:
        if _is_in_file(artifact, place):
            return self._in_file(artifact, place)
        outermost = artifact.name.partition("!/")[0]
        file = _path(outermost, self._report.targets)
        physical: _Object = {"artifactLocation": {"uri": _uri(file)}}
        where: _Object = {"physicalLocation": physical}
        named = place.part
        if outermost == artifact.name:
            physical["artifactLocation"]["index"] = self._index[artifact.name]
            if region := _region(artifact, place):
                physical["region"] = region
                if excerpt is not None and _covers(excerpt, place):
                    physical["contextRegion"] = _context(excerpt)
        else:  # a region of the member would be wrong in the file that holds it
            named = artifact.name if named is None else f"{artifact.name} {named}"
        if named is not None:
            where["logicalLocations"] = [{"fullyQualifiedName": visible(named)}]
        return where


def _alone(witness: Witness) -> Iterator[Witness]:
    """A witness, and each further place that it tells of as one of its own."""
    yield witness
    for steps in witness.also:
        yield Witness(steps[-1].says, steps[-1].place, steps)


def _path(file: str, targets: tuple[str, ...]) -> str:
    """Where a file of a target lies, seen from where the audit ran: there a viewer looks for it.

    The name of a file is relative to its target, or to where the audit ran if there are several.
    A path that leads out of here, or an address, says nothing to a viewer: the name stands alone.
    """
    if len(targets) != 1:
        return file
    path = targets[0] if PurePosixPath(targets[0]).name == file else f"{targets[0]}/{file}"
    parts = PurePosixPath(path).parts
    leads_out = "://" in path or path.startswith(("/", "-")) or ".." in parts
    return file if leads_out else "/".join(parts) or "."


def _is_in_file(artifact: Artifact, place: Place) -> bool:
    return artifact.kind in (PROJECT, ENVIRONMENT) and bool(place.part)


def _uri(name: str) -> str:
    """A relative reference (RFC 3986): a colon or a second slash at its start would be a host."""
    encoded = quote(name.encode("utf-8", "backslashreplace"), safe="/!")
    return encoded.replace("//", "/%2F") if encoded.startswith("//") else encoded


def _region(artifact: Artifact, place: Place) -> _Object:
    region: _Object = {}
    if place.line is not None:
        region |= _line(place)
    if place.offset is not None:
        region["byteOffset"] = place.offset
        region["byteLength"] = 1 if place.offset < artifact.size else 0
    return region


def _line(place: Place) -> _Object:
    column = {} if place.column is None else {"startColumn": place.column}
    return {"startLine": place.line} | column


def _extent(step: Step) -> _Object:
    """3.30.7, 3.30.8: what of the lines a step means, and the line."""
    said: _Object = {"snippet": {"text": visible(step.code)}} if step.code else {}
    if step.end is not None and step.place.column is not None:
        line, column = step.end
        said |= {"endLine": line, "endColumn": column}
    return said


def _covers(excerpt: Excerpt, place: Place) -> bool:
    """3.29.5: a context region holds the whole of the region."""
    return place.offset is not None and excerpt.start <= place.offset < excerpt.start + len(
        excerpt.data
    )


def _context(excerpt: Excerpt) -> _Object:
    data = excerpt.data
    shown: _Object = {"binary": data}
    if excerpt.text:
        shown = {"text": "\n".join(visible(one) for one in _decoded(data).split("\n"))}
    return {"byteOffset": excerpt.start, "byteLength": len(data), "snippet": shown}


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


def _suppression(accepted: Acceptance) -> _Object:
    why = f"{accepted.owner} until {accepted.expires}: {accepted.reason}"
    return {"kind": "external", "status": "accepted", "justification": visible(why)}


def _fingerprint(finding: Finding) -> str:
    """The same for the same finding in a later audit, even where bytes before it have moved."""
    verdict = finding.verdict
    match verdict:
        case Proven():
            shown = ""
        case Refuted(witnesses):
            shown = witnesses[0].says
        case Undecided(reason, detail):
            shown = f"{reason}: {detail}"
        case _:
            assert_never(verdict)
    parts = "\0".join((finding.artifact.name, finding.claim, verdict_word(verdict), shown))
    return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()


def _message(text: str) -> _Object:
    """3.11.5, 3.11.6: `{0}` in a message would be a placeholder, `[text](target)` a link."""
    return {"text": visible(text).replace("](", "\\](").replace("{", "{{").replace("}", "}}")}
