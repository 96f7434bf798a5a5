"""Decides whether a loop goes on, calling tools, for as long as a model's answers say so.

A `while` that asks a model, does what it answers, and is left only when an answer says that it is
done: a model that is confused, or told to by what it reads, never says so, and each turn costs
money and runs tools.

**Refuted** with the call of the model and the loop, where every way out of it depends on an answer
and nothing in it names a number, a time, a budget or a switch. **Undecided** where nothing was
found and the code loops at all, which is no proof. **Proven** where it does not. Not refuted: a
`for` over a range, a loop that waits for a person or a message at each turn, one with a way out
that depends on something else. A limit that the called library keeps by itself is not seen.

What to write instead: `for turn in range(most_turns)`, and an error behind it; a budget that is
counted down.

Sources: CWE-835; OWASP LLM10:2025 Unbounded Consumption.
"""

from probatum.ports import Material, analyzer
from probatum.taint.verdicts import verdict
from probatum.vocabulary import Artifact, Claim, Verdict

BOUNDED_MODEL_LOOPS = Claim(
    "bounded-model-loops", "No loop here ends only when a model's answer says so."
)


@analyzer(id="bounded-model-loops", claim=BOUNDED_MODEL_LOOPS, accepts={"python-project"})
def bounded_model_loops(artifact: Artifact, material: Material) -> Verdict:
    """Look at every loop that asks a model, and at what ends it."""
    return verdict("bounded-model-loops", material)
