# ruff: noqa: SIM905  (a list of kinds reads better as words)
"""Which kind of text a file is."""

import re

from probatum.formats.kinds_seen import Seen
from probatum.formats.patterns import Later

_JSON = Later(r"\ufeff?\s*(\{\s*(\"|\}|$)|\[\s*([\[{\"\]0-9tfn-]|$))")
_XGBOOST = Later(r"\s*\{\s*\"(learner|version|Config)\"")
# However many settings stand before its servers: a client's own file of state is long.
_SOUGHT = 1 << 16
_AGENT = Later(
    rb'"(?:mcpServers|mcp_servers|context_servers|inputSchema)"\s*:\s*\{'
    rb'|"(?:defaultMode|approvalMode|defaultApprovalMode)"\s*:\s*"'
    rb'|"(?:enableAllProjectMcpServers|chat\.tools\.[\w.]*[aA]utoApprove)"\s*:'
    rb'|"(?:PreToolUse|PostToolUse|UserPromptSubmit|SessionStart|beforeShellExecution)"\s*:\s*\['
)
_AGENT_TOML = Later(
    r"(?m)^[ \t]*(?:approval_policy|sandbox_mode)[ \t]*=|^[ \t]*\[mcp_servers(?:\.|\])"
)
_FRONT = Later(r"\ufeff?---[ \t]*\r?\n(.*?)(?:\n---|\Z)", re.DOTALL)
_XML_ROOT = Later(
    r"(?:\s|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>)*<(?:[\w.-]+:)?([A-Za-z][\w.-]*)",
    re.DOTALL,
)
WRITTEN_AS_TEXT = frozenset(
    "model-config tokenizer-config yaml chat-template markdown python shell-script notebook "
    "text json lightgbm-text agent-rules agent-config github-workflow".split()
)
_WRITTEN_AS_JSON = WRITTEN_AS_TEXT | {"xgboost-json"}


def script_kind(seen: Seen) -> str:
    """Who runs the file that begins with `#!`."""
    first = seen.head.split(b"\n", 1)[0]
    if b"python" in first:
        return "python"
    from probatum.formats.kinds_deploy import launches

    return "launcher" if launches(seen) else "shell-script"


def json_kind(seen: Seen) -> str:
    """What the JSON document is, by its name or by its first keys."""
    text = seen.text or ""
    if seen.promise in _WRITTEN_AS_JSON - {"json"}:
        # A Keras or skops archive has files of the same names with quite another meaning.
        inside = seen.parent in ("keras", "skops", "mar", "torch-zip", "torchscript")
        return "json" if inside and seen.promise == "model-config" else str(seen.promise)
    if '"learner"' in text and _XGBOOST.match(text):
        return "xgboost-json"
    if '"cells"' in text and '"nbformat"' in text:
        return "notebook"
    if _AGENT.search(seen.material.read(0, _SOUGHT)):
        return "agent-config"
    return "served-version" if _is_answer(seen) else "json"


def _is_answer(seen: Seen) -> bool:
    """Whether it is what serving software answers of its version."""
    from probatum.formats import served_versions  # few documents are worth its rules

    if seen.size > served_versions.LARGEST or not served_versions.is_likely(seen.text or ""):
        return False
    text = seen.material.read(0, seen.size).decode("utf-8", "replace")
    return bool(served_versions.answers(seen.inside, text))


def is_agent_toml(seen: Seen) -> bool:
    """Whether a TOML file holds the settings of Codex, or servers as it writes them."""
    return (
        seen.promise == "text"
        and seen.base.endswith(".toml")
        and _AGENT_TOML.search(seen.text or "") is not None
    )


def is_json(seen: Seen) -> bool:
    """Whether the text begins like a JSON object or list."""
    return seen.text is not None and bool(_JSON.match(seen.text))


def xml_kind(seen: Seen) -> str:
    """What the XML document is, by its root element."""
    root = _xml_root(seen)
    if root == "pmml":
        return "pmml"
    return "openvino-xml" if root == "net" else "text"


def is_xml(seen: Seen) -> bool:
    """Any XML with a root; what is neither a network nor PMML is text."""
    return _xml_root(seen) is not None and seen.promise in (None, "text", "openvino-xml", "pmml")


def _xml_root(seen: Seen) -> str | None:
    text = (seen.text or "").lstrip("\ufeff \t\r\n")
    if not text.startswith("<"):
        return None
    found = _XML_ROOT.match(text)
    if found is None:  # a long prologue hides it: go by the name
        return {"pmml": "pmml", "openvino-xml": "net"}.get(seen.promise or "")
    return found[1].lower()


def is_space_card(seen: Seen) -> bool:
    """A README whose front matter says by what the hub runs it as a Space."""
    if seen.promise != "markdown" or seen.base != "readme.md" or seen.text is None:
        return False
    front = _FRONT.match(seen.text)
    return front is not None and re.search(r"(?m)^[\"']?sdk[\"']?\s*:", front[1]) is not None


def is_promised_text(seen: Seen) -> bool:
    """Whether the name says which kind of text this is."""
    return seen.text is not None and seen.promise in WRITTEN_AS_TEXT
