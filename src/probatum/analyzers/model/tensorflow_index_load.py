"""Decides whether restoring a TensorFlow checkpoint by this index can run anything.

The reader looks up tensors by name and copies their bytes from the shards beside it, which it finds
by the index's own name and their number: the file names no path. Strings (the graph of objects that
Keras keeps among the tensors) come back as strings.

**Proven**: the whole index was walked (`tensorflow-index-header`), and every tensor is of a plain
type.

**Undecided**: a tensor of a type that decodes objects (variant, resource), or an index that is not
sound.

Sources: tensorflow/core/util/tensor_bundle/tensor_bundle.cc; core/protobuf/tensor_bundle.proto;
core/lib/io/format.cc.
"""

from probatum.claims import LOAD_INERT
from probatum.formats import tensor_bundle
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Verdict


@analyzer(id="tensorflow-index-load", claim=LOAD_INERT, accepts={"tensorflow-index"})
def tensorflow_index_load(artifact: Artifact, material: Material) -> Verdict:
    """Walk every block and every tensor's entry."""
    return tensor_bundle.proof(material)
