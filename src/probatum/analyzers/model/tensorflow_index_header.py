"""Decides whether the index of a TensorFlow checkpoint is sound.

**Proven**: its blocks follow each other from the first byte to the footer; keys stand in order;
each tensor has a plain type, the size that its shape comes to, and a place in a shard where no
other tensor lies. How many bytes each shard must hold is said as an assumption: the shards lie
beside it.

**Undecided**: a block that is compressed, a tensor that is sliced, a type that restores more than
numbers and text, numbers in the other byte order, or an index that breaks these rules.

Sources: tensorflow/core/util/tensor_bundle/tensor_bundle.cc; core/protobuf/tensor_bundle.proto;
core/lib/io/format.cc.
"""

from probatum.claims import HEADER_SOUND
from probatum.formats import tensor_bundle
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Verdict


@analyzer(id="tensorflow-index-header", claim=HEADER_SOUND, accepts={"tensorflow-index"})
def tensorflow_index_header(artifact: Artifact, material: Material) -> Verdict:
    """Walk every block and every tensor's entry."""
    return tensor_bundle.proof(material)
