"""Which files an agent reads as its instructions: a matter of names, since the content is prose.

Sources: agents.md; code.claude.com/docs/en/memory, /skills, /sub-agents and /slash-commands;
docs.cursor.com/context/rules; docs.windsurf.com (rules); docs.github.com, "Adding repository custom
instructions for GitHub Copilot"; code.visualstudio.com/docs/copilot/customization;
geminicli.com/docs (GEMINI.md); docs.cline.bot (.clinerules); docs.roocode.com (.roo/rules);
aider.chat/docs/usage/conventions.html; block.github.io/goose (.goosehints); llmstxt.org;
docs.continue.dev (rules); kiro.dev/docs/steering; docs.aws.amazon.com/amazonq (.amazonq/rules).
"""

import re

_BASES = re.compile(
    r"(?:agents?|claude|gemini|qwen|crush|warp|jules|copilot|codex)(?:\.(?:local|override))?\.md"
    r"|(?:skill|conventions|system[_-]?prompt|copilot-instructions)\.(?:md|txt)"
    r"|\.(?:cursor|windsurf|cline|roo|kilocode|junie|augment|goose|continue|trae)"
    r"(?:rules|hints|modes|-guidelines)(?:-[a-z]+)?(?:\.md)?|\.rules|\.goosehints"
    r"|llms(?:-[a-z]+)?\.txt|.+\.mdc|.+\.(?:instructions|prompt|chatmode|agent)\.md|.+\.prompt"
)
_TEXT = re.compile(r"[^.]+|.*\.(?:md|markdown|mdx|txt|prompt)")
# Folders all of whose texts are handed to an agent.
_FOLDERS = re.compile(
    r"/\.(?:claude|codex|gemini|opencode|qwen)/(?:.*/)?"
    r"(?:commands?|agents?|skills?|rules|prompts|output-styles)/"
    r"|/\.(?:cursor|windsurf|roo|continue|amazonq|augment|trae|kilocode)/"
    r"(?:.*/)?(?:rules|prompts|commands)[a-z-]*/"
    r"|/\.github/(?:instructions|prompts|chatmodes|agents)/"
    r"|/\.(?:clinerules|kiro/steering|junie)/|/(?:system[_-])?prompts?/"
)

# Settings of clients: which of them are JSON with servers, content tells.
_SETTINGS = re.compile(
    r"/\.(?:claude|gemini|qwen|zed)/settings(?:\.local)?\.json|/managed-settings\.json"
    r"|/\.cursor/(?:cli|cli-config|permissions|hooks)\.json|/\.(?:codex|vibe)/config\.toml"
    r"|/opencode\.jsonc?|/\.(?:kiro|amazonq)/(?:.*/)?(?:cli-)?agents/[^/]+\.json"
)


def is_agent_settings(path: str) -> bool:
    """Whether an agent's client takes the file `path` for its settings."""
    return _SETTINGS.search("/" + path.lower()) is not None


def is_read_by_agents(path: str, beside: frozenset[str]) -> bool:
    """Whether an agent takes the text file `path` for instructions or for a part of a skill.

    `beside` names what lies in its folder and at the root of the target.
    """
    low = "/" + path.lower()
    base = low.rpartition("/")[2]
    if _BASES.fullmatch(base):
        return True
    if not _TEXT.fullmatch(base):
        return False
    if base.endswith(".md") and "SKILL.md" in beside:
        return True
    return bool(_FOLDERS.search(low)) and "." in base
