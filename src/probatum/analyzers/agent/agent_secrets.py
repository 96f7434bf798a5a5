"""Decides whether an agent's configuration holds a password, a token or a key in so many letters.

Such files are committed, synchronised and pasted; every tool that the agent starts can read them.

- **Proven**: every text in it reads like a variable, a switch, a number, a word, a path,
  a tool's version or a plain address, none is long and mixed like a key, and what is called like a
  secret, in an environment, a header or an option, is a variable or empty. Assumed: what reads like
  that is that. `check/agent_config.py` looks again.
- **Refuted**: a text has the form of a service's tokens, or looks random under the name of a
  secret. The witness says which kind, where and how long; it never shows the secret.
- **Undecided**: some other text under such a name, and long mixed texts elsewhere.

Write a variable instead: `${env:NAME}` or `${input:name}`, or keep it where the client keeps them.

Sources: `rules/secrets.toml`; CWE-798.
"""

from probatum.claims import NO_LITERAL_SECRET
from probatum.formats.agent_config import document, texts
from probatum.formats.agent_evidence import decided, witness
from probatum.formats.secret_text import secret
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Reason, Undecided, Verdict

_ASSUMED = ("what reads like a path, a word of settings or a tool's version is no secret",)


@analyzer(id="agent-secrets", claim=NO_LITERAL_SECRET, accepts={"agent-config"})
def agent_secrets(artifact: Artifact, material: Material) -> Verdict:
    """Look at every text, and at what names it."""
    data, node = document(material)
    sure, open = [], []
    for name, value in texts(node):
        found = secret(name, value.text)
        if found is not None and found.surely:
            says = f"{name or 'a text'}: {found.says}; write a variable, and revoke this one"
            sure.append(witness(says, value.place, data, shown=False))
        elif found is not None:
            says = f"{name}: {found.says}: is it one?"
            open.append(Undecided(Reason.UNRESOLVED, says, value.place))
    return decided("no-literal-secret", data, sure, open, _ASSUMED)
