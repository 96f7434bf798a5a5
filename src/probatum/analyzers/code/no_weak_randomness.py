"""Decides whether a secret is made of what anybody can guess.

`random` and `numpy.random` can be foretold from a few of their answers; `uuid1` is the time and the
machine's address; a digest of the time is a digest of a number that everybody knows. What is called
a password, a secret, a session's or a reset's token, a nonce or a salt must not be made of these.
A bare `token` counts where it is made of letters or bits, since a language model's tokens are none.

**Refuted** with the way from the call to the secret's name, through texts, digests, and the
functions that return it. **Undecided** where nothing was found and such a function is named, which
is no proof. **Proven** where none is. Not refuted: a choice among things that are there already,
`random.SystemRandom`, `secrets`, `uuid4`, and what only tests run.

What to write instead: `secrets.token_urlsafe()`, `secrets.choice`.

Sources: CWE-330, CWE-338, CWE-340, CWE-341; https://docs.python.org/3/library/secrets.html.
"""

from probatum.ports import Material, analyzer
from probatum.taint.verdicts import verdict
from probatum.vocabulary import Artifact, Claim, Verdict

NO_WEAK_RANDOMNESS = Claim(
    "no-weak-randomness", "No secret made here can be foretold from the time or earlier ones."
)


@analyzer(id="no-weak-randomness", claim=NO_WEAK_RANDOMNESS, accepts={"python-project"})
def no_weak_randomness(artifact: Artifact, material: Material) -> Verdict:
    """Follow what such calls answer to what it is called."""
    return verdict("no-weak-randomness", material)
