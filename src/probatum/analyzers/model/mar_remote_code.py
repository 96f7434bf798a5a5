"""Decides whether a TorchServe archive (`.mar`) brings code that the server runs.

`MAR-INF/MANIFEST.json` names a handler. A handler that is a file is imported from the archive
when the model is registered; `modelFile` is a Python file whose class is built; `requirementsFile`
is installed with pip where the server allows it.

- **Proven**: the handler is one of TorchServe's own, by its bare name, the manifest names no model
  file and no requirements, and nothing in the archive could be imported in place of what the
  handler imports. `check/mar_manifest.py` reads it again.
- **Refuted**: a handler, model file or requirements from the archive, at its key. That is how
  most archives work: whoever serves one runs its author's code.
- **Undecided**: a manifest with keys that are not known here; a Python file or a library in the
  archive, as its folder stands on the path from which the server's own handler imports.

Sources: pytorch/serve model-archiver manifest; ts/model_loader.py; ts/torch_handler;
frontend EnvironmentUtils.java (PYTHONPATH begins with the model's folder).
"""

import re
from collections.abc import Iterator
from typing import Any

from probatum.claims import NO_REMOTE_CODE
from probatum.formats.strict_json import parsed
from probatum.formats.zip_text import another_s, member
from probatum.ports import Material, analyzer
from probatum.vocabulary import (
    Artifact,
    Certificate,
    Place,
    Proven,
    Reason,
    Refuted,
    Undecided,
    Verdict,
    Witness,
)

# What an import of the handler's own may find in its place.
_IMPORTABLE = re.compile(r"\.(?:py|pyc|pyo|pyd|so|dylib|dll|pth|egg|whl)\Z", re.IGNORECASE)
MANIFEST = "MAR-INF/MANIFEST.json"
HANDLERS = frozenset({"image_classifier", "image_segmenter", "object_detector", "text_classifier"})
PLAIN = frozenset({"createdOn", "runtime", "archiverVersion", "description", "model"})
MODEL = frozenset(
    {
        "configFile",
        "description",
        "extensions",
        "handler",
        "modelName",
        "modelVersion",
        "serializedFile",
    }
)
RUNS = {
    "modelFile": "builds a class of this Python file",
    "requirementsFile": "installs these requirements",
}


@analyzer(id="mar-remote-code", claim=NO_REMOTE_CODE, accepts={"mar"})
def mar_remote_code(artifact: Artifact, material: Material) -> Verdict:
    """Reads the manifest and says what of it the server runs."""
    # A handler may bring a config.json of its own; under Keras's suffix it is Keras's.
    beside = () if artifact.name.endswith(".keras") else ("config.json",)
    text = member(material, MANIFEST, beside)
    manifest = parsed(text.data, MANIFEST)
    model = manifest.get("model") if isinstance(manifest, dict) else None
    if not isinstance(model, dict):
        return _open("the manifest describes no model", "model")
    witnesses = tuple(_witnesses(model))
    if witnesses:
        return Refuted(witnesses)
    known = MODEL | RUNS.keys()
    strange = [*(manifest.keys() - PLAIN), *(model.keys() - known)]
    if strange:
        return _open(f"the manifest's key {min(strange)[:60]!r} is not known here", min(strange))
    if manifest.get("runtime", "python") not in ("python", "python3"):
        return _open(f"the runtime {str(manifest['runtime'])[:60]!r}", "runtime")
    if model.get("handler") not in HANDLERS:
        return _open("the manifest names no handler", "model.handler")
    for name in text.names:
        if _IMPORTABLE.search(name):
            says = "TorchServe puts the archive's folder first on the path that Python imports from"
            return Undecided(Reason.UNRESOLVED, f"{says}: {name[:120]!r}", Place(part=name))
    stranger = another_s(text.strangers)
    if stranger is not None:
        return stranger
    facts = {
        "size": material.size,
        "directory": text.directory,
        "directory_sha256": text.directory_sha256,
        "manifest_sha256": text.data_sha256,
    }
    return Proven(Certificate("mar_manifest", facts))


def _witnesses(model: dict[str, Any]) -> Iterator[Witness]:
    handler = model.get("handler")
    if isinstance(handler, str) and handler not in HANDLERS:
        says = f"TorchServe imports the handler {handler[:120]!r} and calls it"
        yield Witness(says, Place(part=f"{MANIFEST}: model.handler"))
    for key, does in RUNS.items():
        if model.get(key):
            says = f"TorchServe {does}: {str(model[key])[:120]!r}"
            yield Witness(says, Place(part=f"{MANIFEST}: model.{key}"))


def _open(detail: str, key: str) -> Undecided:
    return Undecided(Reason.UNRESOLVED, detail, Place(part=f"{MANIFEST}: {key[:60]}"))
