"""An analyser of projects for the tests: it finds calls of `danger` and tells the way to them."""

from probatum.formats.python_project import files, left_out
from probatum.ports import Material, analyzer
from probatum.vocabulary import (
    Artifact,
    Certificate,
    Claim,
    Place,
    Proven,
    Reason,
    Refuted,
    Step,
    Undecided,
    Verdict,
    Witness,
)

ANALYZERS = ("project_analyzers:no_danger", "project_analyzers:counted")


@analyzer(
    id="no-danger",
    claim=Claim("no-danger", "No file of this project calls danger."),
    accepts={"python-project"},
)
def no_danger(artifact: Artifact, material: Material) -> Verdict:
    """Refute with the assignments of `x` and the call, in the order of the files."""
    steps: list[Step] = []
    for name, content in files(material):
        for number, line in enumerate(content.decode().splitlines(), 1):
            if line.startswith("x = "):
                steps.append(Step(line, Place(line=number, part=name)))
            if "danger(" in line:
                place = Place(line=number, part=name)
                steps.append(Step(f"`{line.strip()}` is where it ends", place))
                return Refuted((Witness(line.strip(), place, tuple(steps)),))
    for one in left_out(material):
        return Undecided(Reason.UNRESOLVED, f"{one.name}: {one.why}")
    return Undecided(Reason.NOT_ANALYSED, "nothing was found, which shows nothing")


@analyzer(
    id="counted",
    claim=Claim("counted", "Somebody has counted the files."),
    accepts={"python-project"},
)
def counted(artifact: Artifact, material: Material) -> Verdict:
    """Prove the number of files and of bytes, by no checker that exists."""
    contents = dict(files(material))
    size = sum(len(one) for one in contents.values())
    return Proven(Certificate("none", {"files": list(contents), "size": size}))
