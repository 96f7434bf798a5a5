"""Decides whether the code turns off the check of a server's certificate.

`verify=False` for requests and httpx, `ssl=False` for aiohttp, `ssl._create_unverified_context`,
`CERT_NONE`, `check_hostname = False`, clients of databases and stores told the same: whoever sits
between the two machines reads and writes what is sent. A default that does not check counts, of a
parameter, a field, an option or a variable of the environment: nobody chose it.

**Refuted** with the call, and where the value was said if that is elsewhere. **Undecided** where
the switch stands under a condition that may be the user's own wish (it is named), or where nothing
was found and a word stands in the code by which it could be done. **Proven** where no such word
does. Not refuted: a switch that checks unless somebody turns it off, the context of a server, an
address of the same machine, `urllib3.disable_warnings` alone, and what only tests run.

What to write instead: nothing, which checks; `verify="ca.pem"` for an authority of your own.

Sources: CWE-295, CWE-297; PEP 476; the documentation of the libraries named.
"""

from probatum.ports import Material, analyzer
from probatum.taint.verdicts import verdict
from probatum.vocabulary import Artifact, Claim, Verdict

VERIFIED_TLS = Claim(
    "verified-tls", "Nothing here turns off the check of a server's certificate or host name."
)


@analyzer(id="verified-tls", claim=VERIFIED_TLS, accepts={"python-project"})
def verified_tls(artifact: Artifact, material: Material) -> Verdict:
    """Look at the constants that every switch of this kind may be given."""
    return verdict("verified-tls", material)
