"""Decides whether running a TensorFlow graph reaches anything beyond memory.

Loading is one thing, calling another: a signature may hold an operation that reads or writes
files, and TensorFlow runs it for whoever serves the model.

- **Proven**: every operation of every graph and of every function in the library computes on
  memory alone, or is the saver's own. `check/saved_model.py` reads the file again.
- **Refuted**: an operation with an effect that a signature, a function of the loaded object or
  an initialiser runs, at its node.
- **Undecided**: an effect that nothing handed out is seen to run, or an unknown operation.

Source: TensorFlow 2.21 gen_*_ops.py and kernels, in `rules/tensorflow_ops.toml`.
"""

from probatum.formats.bounds import digest
from probatum.formats.tensorflow_graph import form_of, graphs
from probatum.formats.tensorflow_reach import reach
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Certificate, Claim, Proven, Refuted, Verdict

RUN_INERT = Claim(
    "run-inert",
    "Running the graph in this file reaches nothing outside the memory of the running process.",
)


@analyzer(id="saved-model-run", claim=RUN_INERT, accepts={"saved-model"})
def saved_model_run(artifact: Artifact, material: Material) -> Verdict:
    """Judges every operation of every graph and function."""
    form = form_of(artifact.name, material)
    found = reach(graphs(material, form))
    witnesses = found.at_load + found.at_run
    if witnesses:
        return Refuted(witnesses)
    if found.open:
        return found.open[0]
    facts = {
        "claim": RUN_INERT.id,
        "form": form,
        "size": material.size,
        "sha256": digest(material, 0, material.size),
        "nodes": found.nodes,
        "functions": found.functions,
        "built": 0,
    }
    return Proven(Certificate("saved_model", facts))
