"""Whether loading a pickle runs anything its author chose.

**Proven** when every import, call, instance, state and item assignment of every stream resolves to
an effect summary whose conditions on the arguments hold: for the C unpickler, for `pickle.py`, and
for the loader of the file's kind (torch, joblib). The certificate lists each such step with its
offset and the summary it rests on.

**Refuted** when a step runs a callable known to have an effect, with arguments that make it have
one. The witness gives the opcode, the callable and its arguments; every load that succeeds passes
through it. A dangerous name that is merely present is no witness.

**Undecided** otherwise, with the first step that could not be resolved: a name without a summary,
arguments outside a summary's conditions, bytes that two unpicklers read differently
(`parser-differential`), a truncated or malformed stream.

What stands beside the file could be imported first: where a name is among those that the imported
libraries, and what they import in turn, look for, the claim is undecided.

A class that the Python files of the same folder define is followed in its source: importing it
must run nothing but definitions, and nothing that it defines may be looked up by a load. The proof
then assumes that an import looks in this folder first, and the certificate binds each file. What
prevents it is named with its line.

The proof assumes one unpickler for each stream (one that is kept keeps its memo), libraries that
nobody has patched, and that a joblib file is not read on after its first `pickle.load`. A library
may warn in its own words. What a forged array or tree does when it is *used* is another question.

Sources: CPython `Modules/_pickle.c` and `Lib/pickle.py`; Huang et al., "PickleBall", 2025, for
summaries derived from a library's own source.
"""

from probatum.claims import LOAD_INERT
from probatum.formats.own_classes import own_classes
from probatum.formats.pickle_evidence import load_verdict
from probatum.formats.pickle_streams import streams
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Verdict


@analyzer(
    id="pickle-load", claim=LOAD_INERT, accepts={"pickle", "joblib", "torch-pickle", "torch-raw"}
)
def pickle_load(artifact: Artifact, material: Material) -> Verdict:
    """Load-inert, for every pickle stream of the file."""
    return load_verdict(
        streams(artifact.kind, material, own=own_classes(artifact, material)), material
    )
