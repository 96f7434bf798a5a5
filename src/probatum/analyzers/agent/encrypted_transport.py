"""Decides whether an agent's configuration reaches servers on other machines without encryption.

Whoever is on the way reads the prompts, the answers and the token, and can change the tools.

- **Proven**: every address begins with `https` or `wss`, or names this machine, and nothing
  switches the verification of certificates off. `check/agent_config.py` reads again.
- **Refuted**: the address of a server, or of who serves the model (`ANTHROPIC_BASE_URL`), begins
  with `http` or `ws` and names another machine; or a setting switches verification off
  (`NODE_TLS_REJECT_UNAUTHORIZED=0`, `--allow-http`, `--insecure`).
- **Undecided**: an address that a variable decides, a name without a dot (which may be a container
  on this machine), and an unencrypted address that is only handed to a tool.

Sources: modelcontextprotocol.io specification 2025-06-18, "Transports" and "Authorization"
(authorization endpoints over HTTPS); nodejs.org/api/cli.html; CWE-319, CWE-295.
"""

import re

from probatum.formats.agent_config import VARIABLE, document, servers, texts
from probatum.formats.agent_evidence import decided, witness
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Claim, Reason, Undecided, Verdict

ENCRYPTED_TRANSPORT = Claim(
    "encrypted-transport",
    "Every address here on another machine is reached over an encrypted connection.",
)
_PLAIN = re.compile(r"\b(?:http|ws)://(?:[^/@\s]*@)?(\[[^\]]*\]|[^/:\s\"'?#]*)", re.IGNORECASE)
_HERE = re.compile(r"localhost|.*\.localhost|127(?:\.\d+){3}|\[::1\]|host\.docker\.internal", re.I)
_OFF = {
    "NODE_TLS_REJECT_UNAUTHORIZED": ("0",),
    "PYTHONHTTPSVERIFY": ("0",),
    "GIT_SSL_NO_VERIFY": ("1", "true"),
    "rejectUnauthorized": ("false",),
    "verify_ssl": ("false",),
    "verifySsl": ("false",),
}
_OPTIONS = frozenset(
    {"--allow-http", "--insecure", "-k", "--no-verify-ssl", "--no-check-certificate"}
)
_BRIDGES = re.compile(r"(?:mcp-remote|supergateway|mcp-proxy|fastmcp|mcp-server-remote)\b")


_PROVIDER = re.compile(
    r"(?:ANTHROPIC|OPENAI|AZURE_OPENAI|OPENROUTER|GEMINI|GOOGLE_GEMINI|MISTRAL|COHERE|GROQ|DEEPSEEK"
    r"|XAI|LITELLM|OLLAMA)_(?:API_)?(?:BASE_URL|BASE|ENDPOINT|URL|HOST)"
)


@analyzer(id="encrypted-transport", claim=ENCRYPTED_TRANSPORT, accepts={"agent-config"})
def encrypted_transport(artifact: Artifact, material: Material) -> Verdict:
    """Look at every address, and at what weakens the connection."""
    data, node = document(material)
    sure, open = [], []
    reached = set()
    for server in servers(node):
        bridge = any(_BRIDGES.search(word.text) for word in server.words)
        for word in (*server.addresses, *(server.words if bridge else ())):
            reached.add(word.place.offset)
        for word in server.words:
            if word.text in _OPTIONS:
                says = f"{server.name}: {word.text} gives up encryption or its verification"
                sure.append(witness(says, word.place, data))
        for word in server.addresses:
            if not re.match(r"(?:https|wss|http|ws)://[^$%{]*$", word.text, re.IGNORECASE):
                says = f"{server.name}: {word.text[:80]!r} does not say how it is reached"
                open.append(Undecided(Reason.UNRESOLVED, says, word.place))
    for name, value in texts(node):
        if value.text.lower() in _OFF.get(name, ()):
            says = f"{name}={value.text}: certificates are not verified; leave it unset"
            sure.append(witness(says, value.place, data))
        for found in _PLAIN.finditer(value.text):
            if _HERE.fullmatch(found[1]):
                continue
            says = f"{found[0][:100]} is reached without encryption; write https"
            vague = ("." not in found[1] and ":" not in found[1]) or VARIABLE.search(found[0])
            if (value.place.offset in reached or _PROVIDER.fullmatch(name)) and not vague:
                sure.append(witness(says, value.place, data))
            else:
                open.append(Undecided(Reason.UNRESOLVED, f"{name}: {says}", value.place))
    return decided("encrypted-transport", data, sure, open)
