"""Decides whether data from outside reaches a deserialiser that runs code.

`pickle`, `cloudpickle`, `dill`, `joblib.load`, `torch.load` without `weights_only=True`,
`numpy.load` with `allow_pickle=True`, `yaml.load` without a safe loader, `marshal`, `jsonpickle`:
who writes the bytes decides what runs. Outside is what a request, a socket, a model or a stored
object brings, a file that somebody else made, and what the callers of a public function hand
over.

**Refuted** with the path, step by step, from where the value enters to the call. **Undecided**
where a condition stands in between and nobody knows whether it stops an attacker (it is named),
where a file could not be read, or where no path was found, which is no proof. **Proven** where
the code holds no such call at all, under any name: its checker looks for the names.

What to write instead: `weights_only=True`, `yaml.safe_load`, safetensors, JSON; an opt-in that is
off by default.

Sources: CWE-502; CVE-2024-9053, CVE-2025-24357; Python documentation, pickle.
"""

from probatum.ports import Material, analyzer
from probatum.taint.verdicts import verdict
from probatum.vocabulary import Artifact, Claim, Verdict

NO_UNSAFE_DESERIALIZATION = Claim(
    "no-unsafe-deserialization",
    "No value from outside is deserialised by code that can run what the value says.",
)


@analyzer(
    id="no-unsafe-deserialization", claim=NO_UNSAFE_DESERIALIZATION, accepts={"python-project"}
)
def no_unsafe_deserialization(artifact: Artifact, material: Material) -> Verdict:
    """Follow every such call back to where its arguments come from."""
    return verdict("no-unsafe-deserialization", material)
