"""Decides whether how long a comparison takes tells an attacker how much of a secret he has.

`==` and `!=` of texts, and `in` a collection of them, end at the first difference: how long they
take tells how much of a guess was right. A secret is what is called so (a key, a token, a password,
an expected signature), or what `hmac` answers; the other side must come from a request.

**Refuted** with the way from the request to the comparison. **Undecided** where nothing was found
and the code compares at all, which is no proof. **Proven** where it compares nothing. Not refuted:
`hmac.compare_digest` and `secrets.compare_digest`, a comparison of a digest of what was asked, of
two values that both come from the request, and with a constant that is no secret.

What to write instead: `secrets.compare_digest(given.encode(), expected.encode())`; of several, all
of them, without ending at the first that fits.

Sources: CWE-208; https://docs.python.org/3/library/hmac.html#hmac.compare_digest; CVE-2025-59425.
"""

from probatum.ports import Material, analyzer
from probatum.taint.verdicts import verdict
from probatum.vocabulary import Artifact, Claim, Verdict

CONSTANT_TIME_COMPARISON = Claim(
    "constant-time-comparison",
    "No secret is compared with a request's value in a time that depends on how much agrees.",
)


@analyzer(id="constant-time-comparison", claim=CONSTANT_TIME_COMPARISON, accepts={"python-project"})
def constant_time_comparison(artifact: Artifact, material: Material) -> Verdict:
    """Follow both sides of every comparison of a secret back to where they come from."""
    return verdict("constant-time-comparison", material)
