"""Decides whether a secret stands in the code: a literal text handed to what signs or opens.

The key of `jwt.encode` and `jwt.decode`, `hmac.new`, `Fernet`, `itsdangerous`; `secret_key` of an
application, `SECRET_KEY` in its settings, `SessionMiddleware(secret_key=…)`; the `password` of a
database; texts of the form of a provider's key handed to its client. Whoever can read the code, or
install the package, has the secret, and signs what he likes. A default counts, where the
environment or a setting gives nothing: it is what holds for everybody who sets nothing.

**Refuted** with the call, and where the text stands; the text itself is never told, only its
length. **Undecided** where another value may take its place (that is named), or where nothing was
found and something that takes secrets is named. **Proven** where nothing is. Not refuted: an empty
text, one that is filled in later (`${KEY}`, `<key>`), a public key, and what only tests run.

What to write instead: read it from the environment or a file and refuse to start without it, or
make one at the first start and keep it.

Sources: CWE-321, CWE-798; CVE-2023-43791; the documentation of the libraries named.
"""

from probatum.ports import Material, analyzer
from probatum.taint.verdicts import verdict
from probatum.vocabulary import Artifact, Claim, Verdict

NO_HARDCODED_SECRET = Claim(
    "no-hardcoded-secret", "No key or password that is used here is a text that stands in the code."
)


@analyzer(id="no-hardcoded-secret", claim=NO_HARDCODED_SECRET, accepts={"python-project"})
def no_hardcoded_secret(artifact: Artifact, material: Material) -> Verdict:
    """Look at the texts that everything which takes a secret may be given."""
    return verdict("no-hardcoded-secret", material)
