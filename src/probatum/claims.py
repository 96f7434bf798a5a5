"""The claims that more than one analyser decides. A claim of one analyser stands in its file."""

from probatum.vocabulary import Claim

LOAD_INERT = Claim(
    "load-inert",
    "Loading this file runs nothing its author chose and reaches nothing outside the memory "
    "of the loading process.",
)
DATA_SHAPED = Claim(
    "data-shaped",
    "What loading this file returns is plain data, or instances of classes certified as data: "
    "no function, module or other code to be called later.",
)
HEADER_SOUND = Claim(
    "header-sound",
    "Every offset, length, count and type in this file's header is valid and lies inside the "
    "file, and no two parts overlap.",
)
SELF_CONTAINED = Claim(
    "self-contained",
    "This file makes its loader open nothing else: no path outside its own folder, no network "
    "address, no external entity, no library.",
)
NO_REMOTE_CODE = Claim(
    "no-remote-code",
    "This configuration asks no loader to import or run code by name.",
)
TEMPLATE_INERT = Claim(
    "template-inert",
    "Rendering this template reaches nothing beyond the values handed to it, and ends.",
)
FULLY_OPENED = Claim(
    "fully-opened",
    "Every member of this container was opened, every reader sees the same members, and each "
    "has findings of its own.",
)
KIND_IS_UNDERSTOOD = Claim(
    "kind-is-understood",
    "These bytes are of one kind that Probatum knows, the kind that the file's name promises.",
)
ONE_FORMAT = Claim(
    "one-format",
    "This file is of one format, from its first byte to its last, and bears the name of that "
    "format: no other loader takes it for something else.",
)
NO_LITERAL_SECRET = Claim(
    "no-literal-secret",
    "No password, token or key stands in this file: whoever reads it learns none.",
)
PINNED_TOOLS = Claim(
    "pinned-tools",
    "Every tool and model that this configuration starts or fetches is named in one fixed version.",
)
NO_BLANKET_PERMISSION = Claim(
    "no-blanket-permission",
    "Nothing here lets an agent or a tool do everything, or see a whole disk, without asking.",
)
NO_UNTRUSTED_PROMPT = Claim(
    "no-untrusted-prompt",
    "No event that an outsider raises brings their text to a shell here, or to an agent that can "
    "act, in a job that holds a secret or a token that writes.",
)
