"""What opening a target yields, and the caps it is opened under."""

from collections.abc import Callable

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats.python_project import Project
from probatum.formats.signed_files import Folder
from probatum.material import Around
from probatum.ports import Material
from probatum.vocabulary import Artifact, Expected


class Caps(Struct, frozen=True):
    """How much a target may unfold to before what is left stays unopened (and is said to be).

    Sizes are bytes. `digest_size`: files up to this size get a digest of their whole content.
    """

    ratio: int = 1000
    member_size: int = 16 << 30
    total_size: int = 64 << 30
    depth: int = 8
    members: int = 100_000
    digest_size: int = 64 << 20


class Root(Struct, frozen=True):
    """One file of a target, before it is opened: the unit of work a worker process is given.

    Exactly one of these says where the bytes are: `path` (the local file system), `fetch`
    (a function (offset, length) -> bytes that only the parent process can call; workers reach
    it through their pipe), `project` (the files that they are put together from; with `fetch`
    where some of those lie far away) or `trouble` (nothing can be read: the one undecided verdict
    to give).
    `name` is the artifact's name, valid UTF-8 and unique in the target; `size` in bytes.
    `expected` is what a manifest says of the bytes; the opener hands it on to the artifact.
    `in_project`: a Python file that a project among the same roots covers.
    `signed`: a signed folder, of which the bytes are made (`formats.signed_folder`), instead.
    `around`: the folder whose other files it may name, for files that configure something.
    `image`: the one that the root is a layer of, if it is; its layers follow one another.
    `folders`: on this machine, the one that the file lies in and, if another, the target.
    """

    name: str
    size: int
    path: str | None = None
    fetch: Callable[[int, int], bytes] | None = None
    trouble: FormatError | None = None
    beside: frozenset[str] = frozenset()
    expected: Expected | None = None
    project: Project | None = None
    signed: Folder | None = None
    in_project: bool = False
    around: Around | None = None
    folders: tuple[str, ...] = ()
    image: str = ""


class Opened(Struct, frozen=True):
    """An artifact with its material; `trouble` says what kept it, or its members, from opening."""

    artifact: Artifact
    material: Material
    trouble: FormatError | None = None
