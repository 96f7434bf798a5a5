"""Opens models of a local Ollama store as targets: `ollama://name[:tag]`, a store, a manifest.

A store is a folder with `manifests/<registry>/<namespace>/<model>/<tag>` and
`blobs/sha256-<hex>`. Each blob that a manifest names becomes a root `model:tag!/<what it is>`
with the manifest's digest to be held against; the manifest itself is `model:tag`. Of a whole store
the blobs that no manifest names, and all other files, are judged too.

Source: ollama `server/manifest.go`, `server/modelpath.go`, `envconfig/config.go`.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from probatum.adapters import layout
from probatum.adapters.layout import Layout, RootsOf
from probatum.audit import targets
from probatum.audit.opened import Root
from probatum.errors import FormatError, TargetError
from probatum.formats.manifest import Descriptor, manifest

SCHEME = "ollama://"
_REGISTRY, _NAMESPACE, _TAG = "registry.ollama.ai", "library", "latest"
_SHARED_STORE = "/usr/share/ollama/.ollama/models"
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,349}")
_MEDIA_TYPE = re.compile(r"application/vnd\.ollama\.image\.([a-z][a-z0-9-]{0,30})")


def recognises(target: str) -> bool:
    """Whether `target` is an Ollama address, a store, or a manifest in one."""
    return (
        target.startswith(SCHEME) or _is_store(Path(target)) or _store_of(Path(target)) is not None
    )


def roots(target: str, *, plain: RootsOf = targets.roots) -> Iterator[Root]:
    """The blobs of the models that `target` names; `plain` lists the files of a folder.

    Raises: TargetError if there is no such model or store.
    """
    if target.startswith(SCHEME):
        store, wanted = _found(target)
    elif (above := _store_of(Path(target))) is not None:
        store, wanted = above, Path(target).absolute().relative_to(above).as_posix()
    else:
        store, wanted = Path(target), ""
    files = layout.of_folder(str(store), plain)
    for path in [one for one in files.paths() if one.startswith("manifests/")]:
        name = _model(path)
        if name is not None and wanted in ("", path):
            yield from _model_roots(files, path, name)
    if not wanted:
        yield from files.rest()


def _model_roots(files: Layout, path: str, name: str) -> Iterator[Root]:
    written = files.file(path)
    told = files.told(name, [path])
    yield told
    try:
        listed = manifest(files.manifest(written))
    except FormatError as trouble:
        yield files.trouble(f"{told.name}!/layers", trouble)
        return
    config = () if listed.config is None else (listed.config,)
    for what, blob in [*(("config", one) for one in config), *_called(listed.layers)]:
        if isinstance(blob, FormatError):
            yield files.trouble(f"{told.name}!/{what}", blob)
        else:
            paths = [f"blobs/{blob.written.replace(':', '-')}", f"blobs/{blob.written}"]
            held_against = layout.expected(blob, told.name)
            yield files.told(f"{told.name}!/{what}", paths, held_against)


def _called(
    layers: tuple[Descriptor | FormatError, ...],
) -> Iterator[tuple[str, Descriptor | FormatError]]:
    for blob in layers:
        kind = None if isinstance(blob, FormatError) else _MEDIA_TYPE.fullmatch(blob.media_type)
        yield kind[1] if kind else "layer", blob


def _model(path: str) -> str | None:
    """The name by which Ollama calls the model whose manifest lies at `path`."""
    parts = path.split("/")[1:]
    if len(parts) != 4 or not _HOST.fullmatch(parts[0]) or not all(map(_WORD.fullmatch, parts[1:])):
        return None
    host, namespace, model, tag = parts
    if host != _REGISTRY:
        return f"{host}/{namespace}/{model}:{tag}"
    return f"{model}:{tag}" if namespace == _NAMESPACE else f"{namespace}/{model}:{tag}"


def _found(target: str) -> tuple[Path, str]:
    """The store that holds the model, and its manifest's path ('' for the whole store)."""
    asked = target.removeprefix(SCHEME).strip("/")
    stores = [one for one in _stores() if _is_store(one)]
    path = _manifest_path(asked) if asked else ""
    for store in stores:
        if not path or layout.is_file(store / path):
            return store, path
    looked = ", ".join(map(str, stores)) or "no store was found; set OLLAMA_MODELS"
    pull = f"; 'ollama pull {asked}' fetches it" if asked else ""
    raise TargetError(f"{target} is not in the local Ollama store ({looked}){pull}")


def _manifest_path(asked: str) -> str:
    name, _, tag = asked.rpartition(":") if ":" in asked.rpartition("/")[2] else (asked, "", _TAG)
    parts = name.split("/")
    defaults = [_REGISTRY, _NAMESPACE][: max(0, 3 - len(parts))]
    path = "/".join(["manifests", *defaults, *parts, tag])
    if _model(path) is None:
        raise TargetError(
            f"{SCHEME}{asked} names no model: write ollama://[[registry/]namespace/]name[:tag]"
        )
    return path


def _stores() -> Iterator[Path]:
    chosen = os.environ.get("OLLAMA_MODELS")
    if chosen:
        yield Path(chosen)
        return
    yield Path("~/.ollama/models").expanduser()
    yield Path(_SHARED_STORE)


def _is_store(folder: Path) -> bool:
    return layout.is_folder(folder / "manifests") and layout.is_folder(folder / "blobs")


def _store_of(path: Path) -> Path | None:
    """The store of which `path` is a manifest."""
    above = path.absolute().parents
    if len(above) < 6 or above[3].name != "manifests" or not layout.is_file(path):
        return None
    return above[4] if _is_store(above[4]) else None
