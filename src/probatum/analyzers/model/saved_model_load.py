"""Decides whether loading a TensorFlow SavedModel or frozen graph runs anything.

TensorFlow's loader builds the graph, restores the variables through the saver, and runs the
initialisers (vocabulary tables, resources). Keras 2's loader besides rebuilds each layer that it
knows from the JSON metadata in the object graph, or in `keras_metadata.pb` beside it, which is
judged here as an artifact of its own.

- **Proven**: every operation of every graph and of every function in the library computes on
  memory alone, by TensorFlow's own registry reviewed by family; the saver restores from the path
  that the loader hands it, tables read the model's own assets, nothing is placed on another
  machine, and the metadata names Keras's own objects. `check/saved_model.py` reads the file again.
- **Refuted**: an operation that reads or writes files, calls Python, sends or ends the process,
  run by an initialiser; marshalled code in a Lambda of the metadata.
- **Undecided**: such an operation elsewhere (see `saved-model-run`), an operation that is not in
  TensorFlow's registry, a file read by a path that the graph makes itself.

Sources: TensorFlow 2.21 gen_*_ops.py and kernels; tensorflow/python/saved_model/load.py;
tf_keras/src/saving/legacy/saved_model/load.py.
"""

from probatum.claims import LOAD_INERT
from probatum.formats import keras_config
from probatum.formats.bounds import digest
from probatum.formats.strict_json import parsed
from probatum.formats.tensorflow_graph import Meta, form_of, graphs
from probatum.formats.tensorflow_reach import reach
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Certificate, Proven, Reason, Refuted, Undecided, Verdict

ASSUMPTIONS = (
    "the loading process has registered no operation or Keras object of its own under these names",
    "what lies beside it (variables, assets, keras_metadata.pb) is judged as artifacts of its own",
)


@analyzer(id="saved-model-load", claim=LOAD_INERT, accepts={"saved-model"})
def saved_model_load(artifact: Artifact, material: Material) -> Verdict:
    """Judges every operation, and the metadata that Keras rebuilds layers from."""
    form = form_of(artifact.name, material)
    metas = graphs(material, form)
    found = reach(metas)
    described = _described(metas)
    witnesses = found.at_load + described.witnesses
    if witnesses:
        return Refuted(witnesses)
    if found.open:
        return found.open[0]
    against = keras_config.not_inert(described)
    if against is not None:
        return against
    if found.at_run:
        first = found.at_run[0]
        detail = f"{first.says}; calling the model runs it, and loading is not seen to"
        return Undecided(Reason.UNRESOLVED, detail, first.place)
    facts = {
        "claim": LOAD_INERT.id,
        "form": form,
        "size": material.size,
        "sha256": digest(material, 0, material.size),
        "nodes": found.nodes,
        "functions": found.functions,
        "built": described.objects,
    }
    return Proven(Certificate("saved_model", facts), ASSUMPTIONS)


def _described(metas: tuple[Meta, ...]) -> keras_config.Reached:
    return keras_config.together(
        keras_config.reached(parsed(text.encode(), "Keras metadata"), "metadata", revived=True)
        for meta in metas
        for text in meta.metadata
        if text.lstrip()[:1] == "{"
    )
