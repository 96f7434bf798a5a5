"""Decides whether the code starts a server that everybody may reach and that asks nobody who he is.

Gradio with `share=True` or `server_name="0.0.0.0"` and no `auth`; an MCP server (FastMCP) bound to
an address that other machines reach without `auth`, `token_verifier` or `transport_security`;
Flask's debugger, which runs code for whoever asks, on such an address. What a model server or a
tool can do, its visitors can. A default counts, of an option, a parameter or a variable of the
environment.

**Refuted** with the call, and where the address was said if that is elsewhere. **Undecided** where
whether it asks depends on a value that is not known or on a condition that may be the user's own
wish (it is named), or where nothing was found and a word stands in the code by which a server could
be started. **Proven** where no such word does.

What to write instead: `127.0.0.1`, which is the default; `auth=`; a proxy that asks, in front.

Sources: CWE-306, CWE-489; mcp 1.23.0, `server/fastmcp/server.py`: protection against rebinding is
automatic for localhost only; https://www.gradio.app/guides/sharing-your-app.
"""

from probatum.ports import Material, analyzer
from probatum.taint.verdicts import verdict
from probatum.vocabulary import Artifact, Claim, Verdict

NO_OPEN_SERVER = Claim(
    "no-open-server", "No server started here answers other machines without asking who calls."
)


@analyzer(id="no-open-server", claim=NO_OPEN_SERVER, accepts={"python-project"})
def no_open_server(artifact: Artifact, material: Material) -> Verdict:
    """Look at the addresses that each such server may be given, and at what asks."""
    return verdict("no-open-server", material)
