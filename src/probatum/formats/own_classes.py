"""Effect summaries of the classes that an audited folder defines itself, from their source.

Under one assumption, which the certificate states: the folder is where an import of the class's
module looks first. The class gets a summary if importing its module runs nothing but definitions
(`own_code`) and an instance of it is made and filled by built-in or summarised code alone.
"""

from typing import Final

from probatum.formats import effects, own_folder
from probatum.formats.effects import Row
from probatum.formats.own_folder import Folder, Prevents
from probatum.material import folders_of
from probatum.ports import Material
from probatum.vocabulary import Artifact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probatum.formats.own_code import Imported, Module
    from probatum.formats.own_definitions import Class

_SHAPES: Final[dict[str, dict[str, object]]] = {
    "builtins:object": {"new": ((),), "build": ("state",)},
    "own:list": {"new": ((),), "build": ("state",), "items": "list"},
    "own:dict": {"new": ((),), "build": ("state",), "items": "dict"},
    "own:named-tuple": {"new": (("any*",),)},
    "own:enum": {"call": (("none|bool|int|float|str",),), "hash": True},
}
_COMPRESSED: Final = (".gz", ".bz2", ".xz", ".lzma", ".zst", ".lz4", ".z")


class OwnClasses:
    """What the folders around one artifact define, and which of their files that was read from."""

    def __init__(self, folders: tuple[Folder, ...]) -> None:
        self._folders = folders
        self._imported: dict[Folder, Imported] = {}
        self._rows: dict[str, Row] = {}
        self._why = ""

    def row(self, module: str, name: str) -> Row:
        """The summary of `module:name`. Raises: Prevents with what keeps it from having one."""
        full = f"{module}:{name}"
        if full not in self._rows:
            if not self._folders:
                raise Prevents("the folder is not at hand: audit it on this machine")
            if self._why:
                raise Prevents(self._why)  # what was imported half means nothing
            try:
                self._rows[full] = _row(self._module(module), full, name)
            except Prevents as exc:
                self._why = str(exc)
                raise
            except RecursionError as exc:
                self._why = f"the code of {module} is nested too deep"
                raise Prevents(self._why) from exc
        return self._rows[full]

    def digests(self) -> dict[str, str]:
        """The sha256 of each file that the rows rest on; all lie in one folder."""
        return {file: sha for one in self._imported.values() for file, sha in one.digests.items()}

    def _module(self, module: str) -> "Module":
        folder = own_folder.place(self._folders, module.partition(".")[0])
        if self._imported and folder not in self._imported:
            raise Prevents("its classes lie in more than one folder")
        from probatum.formats.own_code import Imported  # few pickles need a parser of Python

        return self._imported.setdefault(folder, Imported(folder)).module(module)


def own_classes(artifact: Artifact, material: Material) -> OwnClasses:
    """The classes of the folders around an artifact.

    None around a member of an archive, which is unpacked who knows where before it is loaded; but
    torch loads its own archives where they lie, and joblib a file that is compressed as a whole.
    """
    return OwnClasses(folders_of(material.beside) if _is_in_place(artifact) else ())


def _is_in_place(artifact: Artifact) -> bool:
    parent = artifact.parent
    if parent is None or "!/" in parent:
        return parent is None
    inside, base = artifact.name.removeprefix(f"{parent}!/"), parent.rpartition("/")[2]
    is_whole = base == inside or base.lower() in {f"{inside.lower()}{one}" for one in _COMPRESSED}
    return artifact.kind == "torch-pickle" or (artifact.kind in ("pickle", "joblib") and is_whole)


def assumed(digests: dict[str, str]) -> tuple[str, ...]:
    """What a proof that rests on these files of a folder takes for granted, in one sentence."""
    if not digests:
        return ()
    return (
        f"importing finds {', '.join(sorted(digests))} in this folder, before any other path, "
        "loaded module or import hook, and what that imports of libraries is as published",
    )


def _row(module: "Module", full: str, name: str) -> Row:
    meant = module.names.get(name)
    if meant != f"own:{full}":
        raise Prevents(f"{module.file} does not define {name} once and for all")
    if name in module.functions:
        return _made(full, {}, is_class=False)
    cls = module.classes[name]
    shape = _shape(cls)
    if isinstance(shape, str):
        known = effects.row(shape)
        if known is None:
            raise Prevents(f"no summary of {shape}, from which {name} is derived")
        return _made(full, {"new": known.new, "build": known.build, "attributes": known.attributes})
    return _made(full, shape)


def _shape(cls: "Class") -> dict[str, object] | str:
    """How instances are made and filled: a shape, or the name of a library's summary."""
    for one in cls.own:
        if one.unmade:
            raise Prevents(one.unmade)
    kinds = {base.row for base in cls.bases if not base.neutral} or {"builtins:object"}
    kind = kinds.pop()
    if not kind:
        raise Prevents(f"instances of {cls.name} are made by code of a library without a summary")
    taken = {name for one in cls.own for name in one.bound}
    if kind == "own:enum" and taken & {"__eq__", "__hash__"}:
        raise Prevents(f"{cls.name} says how it is compared")
    return _SHAPES.get(kind, kind)


def _made(full: str, shape: dict[str, object], *, is_class: bool = True) -> Row:
    plain: dict[str, object] = {
        "call": (), "new": (), "build": (), "attributes": {}, "items": "", "hash": False,
    }  # fmt: skip
    return Row(
        name=full, is_class=is_class, arrays=False, returns="", data=False, basis="",
        **(plain | shape),  # type: ignore[arg-type]
    )  # fmt: skip
