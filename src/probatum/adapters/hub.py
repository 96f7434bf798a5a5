"""Opens a repository of a Hugging Face hub as a target, fetching only the bytes that are read.

Protocol:

1. The revision is pinned: the hub names its commit, which every later request and every
   artifact's name carries.
2. The tree at that commit is listed, page by page, with sizes and digests.
3. A file that the local cache holds at that commit is read from there; of any other one only
   byte ranges are fetched, when an analyser asks for them.

huggingface_hub (the extra `hub`) provides endpoint, token, cache and HTTP session; it is imported
only when a target is an `hf://` address.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct

from probatum.adapters.hub_address import SCHEME, Address, address, plain
from probatum.adapters.hub_cache import Cache
from probatum.adapters.hub_ranges import Blocks, Listed, Ranges, refusal
from probatum.adapters.hub_transfer import Answer, Transfer
from probatum.audit.opened import Caps, Root
from probatum.audit.projects import Gathered
from probatum.errors import FormatError, TargetError
from probatum.formats.importable import Tree
from probatum.vocabulary import Expected, Reason

_ENTRIES = 100_000
_PAGES = 2_000
_PAGE_SIZE = 64 << 20
_SIZES = 1 << 62
_COMMIT = re.compile(r"[0-9a-f]{40}")
_NEXT = re.compile(r'<([^<>"\s]{1,4096})>\s*;\s*rel="next"')


class _Commit(Struct):
    sha: str


class _Stored(Struct):
    oid: str
    size: int


class _Entry(Struct):
    """One line of a tree listing; fields beside these are not needed."""

    path: str
    type: str
    size: int = 0
    oid: str = ""
    lfs: _Stored | None = None


def recognises(target: str) -> bool:
    """Whether `target` is an address on a hub."""
    return target.startswith(SCHEME)


def roots(target: str, *, transfer: Transfer | None = None) -> Iterator[Root]:
    """Every file of the repository, or of the part of it, that `target` names.

    Never silent: what cannot be listed or read is a Root with its trouble.
    Raises: TargetError if the address is malformed, or if the hub knows no such thing.
    """
    asked = address(target)
    try:
        repository = _Repository(asked, transfer or connected())
        commit = repository.commit()
    except FormatError as trouble:
        yield from _without_hub(asked, trouble)
        return
    yield from repository.roots(commit)


def connected() -> Transfer:
    """The hub that huggingface_hub is set up for: HF_ENDPOINT, HF_TOKEN or the cached token.

    Raises: FormatError(MISSING_EXTRA) without the extra; TargetError if it is set up wrongly.
    """
    try:
        from huggingface_hub import constants, get_session, get_token
    except ImportError as exc:
        raise FormatError(Reason.MISSING_EXTRA, "pip install 'probatum[hub]'") from exc
    try:
        session = get_session()
    except (ValueError, ImportError) as exc:  # a proxy that the HTTP library cannot use
        raise TargetError(f"the connection to the hub cannot be set up: {exc}") from exc
    token = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
    timeout_s = float(constants.HF_HUB_DOWNLOAD_TIMEOUT)
    return Transfer(session, constants.ENDPOINT, token, timeout_s=timeout_s)


class _Repository:
    def __init__(self, asked: Address, transfer: Transfer) -> None:
        self._asked = asked
        self._transfer = transfer
        self._cache = Cache.of(asked)
        self._blocks = Blocks()

    def commit(self) -> str:
        """Step 1: the commit that the revision names now."""
        revision = quote(self._asked.revision, safe="")
        answer = self._transfer.get(f"{self._api()}/revision/{revision}", limit=_PAGE_SIZE)
        _demand_known(answer, self._asked)
        sha = str(getattr(_decoded(answer.body, _Commit), "sha", ""))
        if not _COMMIT.fullmatch(sha):
            raise FormatError(Reason.UNREADABLE, "the hub does not say which commit this is")
        if _COMMIT.fullmatch(self._asked.revision) and sha != self._asked.revision:
            raise FormatError(Reason.UNREADABLE, f"the hub names another commit instead: {sha}")
        return sha

    def roots(self, commit: str) -> Iterator[Root]:
        """Steps 2 and 3."""
        entries, trouble = self._listing(commit)
        files = [one.path for one in entries if one.type != "directory"]
        folders = [one.path for one in entries if one.type == "directory"]
        beside = _Beside(files, folders, self._asked.path, is_whole=trouble is None)
        seen: set[str] = set()
        top = self._asked.named(commit)
        project = Gathered(Caps(), f"{top}/")
        for entry in entries:
            if entry.type == "directory" or not _at(entry.path, self._asked.path):
                continue
            root = self._root(entry, commit, beside.of(entry.path))
            if root.name in seen:
                root = _troubled(f"{root.name}#{len(seen)}", "the hub lists this path twice")
            seen.add(root.name)
            yield project.take(root)
        if trouble is not None:
            says = f"the hub's listing broke off after {len(entries)} entries: {trouble.detail}"
            yield project.take(Root(top, 0, trouble=FormatError(trouble.reason, says)))
        yield from project.roots(f"{top}!/project", beside.of(""))

    def _listing(self, commit: str) -> tuple[list[_Entry], FormatError | None]:
        entries: list[_Entry] = []
        try:
            for entry in self._part(commit):
                entries.append(entry)
        except FormatError as trouble:
            return entries, trouble
        return entries, None

    def _part(self, commit: str) -> Iterator[_Entry]:
        """Step 2: what lies at and below the path; for a single file, what lies in its folder."""
        path = self._asked.path
        try:
            yield from self._tree(commit, path, recursive=True)
        except _NotThere as exc:
            try:
                entries = list(self._tree(commit, path.rpartition("/")[0], recursive=False))
            except _NotThere:
                entries = []
            if not path or all(one.path != path or one.type != "file" for one in entries):
                raise TargetError(f"{self._asked.named(commit, path)} is not there") from exc
            yield from entries

    def _tree(self, commit: str, path: str, *, recursive: bool) -> Iterator[_Entry]:
        url = f"{self._api()}/tree/{commit}" + (f"/{quote(path)}" if path else "")
        url += f"?recursive={recursive}&expand=False"
        count = 0
        for page in range(_PAGES):
            answer = self._transfer.get(url, limit=_PAGE_SIZE)
            if answer.status == 404 and page == 0:
                raise _NotThere
            if answer.status != 200:
                raise refusal(answer)
            for entry in _entries(answer.body):
                count += 1
                if count > _ENTRIES:
                    raise FormatError(Reason.OVER_LIMIT, f"more than {_ENTRIES} entries")
                yield entry
            following = _NEXT.search(answer.headers.get("link", ""))
            if following is None:
                return
            url = following[1]
        raise FormatError(Reason.OVER_LIMIT, f"more than {_PAGES} pages")

    def _root(self, entry: _Entry, commit: str, beside: frozenset[str]) -> Root:
        """Step 3."""
        name = self._asked.named(commit, entry.path)
        wrong = _wrong(entry)
        if wrong is not None:
            return _troubled(name, wrong)
        cached = _of_size(self._cache.file(commit, entry.path), entry.size)
        expected: Expected | None = None
        if entry.lfs:
            by = self._asked.named(commit)
            expected = Expected(f"sha256:{entry.lfs.oid}", by, entry.size, costly=cached is None)
        if cached is not None:
            return Root(name, entry.size, path=cached, beside=beside, expected=expected)
        fetch = self._fetch(entry, commit)
        return Root(name, entry.size, fetch=fetch, beside=beside, expected=expected)

    def _fetch(self, entry: _Entry, commit: str) -> Callable[[int, int], bytes]:
        area = "" if self._asked.kind == "model" else f"{self._asked.kind}s/"
        where = f"{area}{self._asked.repo}/resolve/{commit}/{quote(entry.path)}"
        listed = Listed(
            url=f"{self._transfer.endpoint}/{where}",
            size=entry.size,
            commit=commit,
            oid=None if entry.lfs else entry.oid or None,
            sha256=entry.lfs.oid if entry.lfs else None,
        )
        return Ranges(self._transfer, listed, self._blocks).read

    def _api(self) -> str:
        return f"{self._transfer.endpoint}/api/{self._asked.kind}s/{self._asked.repo}"


class _NotThere(Exception):
    """The hub has nothing at the path that was to be listed."""


class _Beside:
    """For each folder, what `Material.beside` is to say of its files, as one shared set.

    Where the listing is not whole, a folder of it may be a package that it does not show.
    """

    def __init__(self, files: list[str], folders: list[str], root: str, *, is_whole: bool) -> None:
        self._names: dict[str, set[str]] = {}
        self._sets: dict[str, frozenset[str]] = {}
        self._root = root
        self._tree = Tree(files)
        self._is_whole = is_whole
        for path in (*files, *folders):
            while path:
                folder, _, name = path.rpartition("/")
                names = self._names.setdefault(folder, set())
                if name in names:
                    break
                names.add(name)
                path = folder

    def of(self, path: str) -> frozenset[str]:
        folder = path.rpartition("/")[0]
        if folder not in self._sets:
            nearby = {*self._shown(folder), *self._shown(self._root)}
            self._sets[folder] = (
                self._tree.of(path) | nearby if self._is_whole else frozenset(nearby)
            )
        return self._sets[folder]

    def _shown(self, folder: str) -> Iterator[str]:
        above = f"{folder}/" if folder else ""
        for name in self._names.get(folder, ()):
            inside = self._names.get(above + name)
            is_shown = inside is None or not self._is_whole
            yield name if is_shown else self._tree.folder(above + name)


def _entries(body: bytes) -> Iterator[_Entry]:
    page = _decoded(body, list[Any])
    if page is None:
        raise FormatError(Reason.UNREADABLE, "the hub's listing is not what its API promises")
    for one in page:
        try:
            yield msgspec.convert(one, _Entry)
        except (msgspec.ValidationError, RecursionError):
            path = one.get("path") if isinstance(one, dict) else None
            yield _Entry(path=path if isinstance(path, str) else "?", type="malformed")


def _wrong(entry: _Entry) -> str | None:
    """What in a listed entry cannot be believed."""
    if entry.type != "file":
        return "the hub lists this as neither file nor folder"
    if not plain(entry.path):
        return "the hub lists a path that leads out of the repository"
    if not 0 <= entry.size < _SIZES:
        return "the hub lists an impossible size"
    if entry.lfs and entry.lfs.size != entry.size:
        return f"the hub lists two sizes: {entry.size} and {entry.lfs.size} bytes"
    if entry.lfs and not re.fullmatch(r"[0-9a-f]{64}", entry.lfs.oid):
        return "the hub lists a digest that is none"
    return None


def _without_hub(asked: Address, trouble: FormatError) -> Iterator[Root]:
    """Offline: what the local cache holds, and always the trouble itself."""
    if trouble.reason is not Reason.OFFLINE:
        yield Root(asked.named(asked.revision), 0, trouble=trouble)
        return
    cache = Cache.of(asked)
    commit = cache.commit(asked.revision)
    paths = list(cache.files(commit)) if commit else []
    beside = _Beside(paths, [], asked.path, is_whole=False)
    held = [path for path in paths if _at(path, asked.path)]
    top = asked.named(commit or asked.revision)
    project = Gathered(Caps(), f"{top}/")
    for path in held:
        assert commit is not None
        name = asked.named(commit, path)
        yield project.take(_from_cache(name, cache.file(commit, path), beside.of(path)))
    says = f"{trouble.detail}; {len(held)} files are in the local cache, perhaps not all there are"
    yield project.take(Root(top, 0, trouble=FormatError(Reason.OFFLINE, says)))
    yield from project.roots(f"{top}!/project", beside.of(""))


def _from_cache(name: str, path: str | None, beside: frozenset[str]) -> Root:
    if path is None:
        return _troubled(name, "a link in the local cache leads nowhere, or out of it")
    try:
        return Root(name, Path(path).stat().st_size, path=path, beside=beside)
    except OSError as exc:
        return _troubled(name, f"the local cache cannot be read: {exc.strerror}")


def _of_size(path: str | None, size: int) -> str | None:
    """`path` if the file there has this size: a cut or overwritten blob is not the listed file."""
    try:
        return path if path and Path(path).stat().st_size == size else None
    except OSError:
        return None


def _at(path: str, asked: str) -> bool:
    return not asked or path == asked or path.startswith(asked + "/")


def _decoded(body: bytes, shape: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, RecursionError):
        return None


def _troubled(name: str, says: str, reason: Reason = Reason.UNREADABLE) -> Root:
    return Root(name, 0, trouble=FormatError(reason, says))


def _demand_known(answer: Answer, asked: Address) -> None:
    if answer.status == 200:
        return
    code = answer.headers.get("x-error-code", "")
    name = asked.named(asked.revision)
    if code == "RevisionNotFound":
        raise TargetError(f"{name}: the repository has no such revision")
    # The hub says RepoNotFound with 401 as well, so as not to tell which private ones exist.
    if code == "RepoNotFound" or answer.status == 404:
        raise TargetError(f"{name}: the hub has no such repository; if it is private, set HF_TOKEN")
    raise refusal(answer)
