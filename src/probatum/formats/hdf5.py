"""Walks the whole structure of an HDF5 file: what it holds, where, and what it reaches outside.

Read are: superblocks 0 to 3, object headers 1 and 2 with continuation blocks, groups as symbol
tables and as link messages, attributes in the header, datasets that are compact, contiguous or
chunked by a version 1 B-tree, local and global heaps. What is not read (dense links and
attributes, newer chunk indexes, shared message tables, file drivers) is kept as `open`.

Source: HDF5 File Format Specification 3.0. Keras and h5py write nothing else by default.
"""

import hashlib
from collections.abc import Iterator

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats import hdf5_messages as messages
from probatum.formats.bounds import Broken, broken
from probatum.formats.hdf5_messages import UNDEFINED, Bytes, Cut, Unsupported
from probatum.ports import Material
from probatum.vocabulary import Place, Reason, Undecided, Witness

SIGNATURE = b"\x89HDF\r\n\x1a\n"
# Deflate, shuffle, Fletcher-32, SZIP, N-bit, scale-offset are compiled in; h5py brings LZF.
BUILT_IN = frozenset({1, 2, 3, 4, 5, 6, 32000})
# Header messages that hold values only: they name no other file and no code.
PLAIN = frozenset({0x00, 0x01, 0x03, 0x04, 0x05, 0x0A, 0x0D, 0x0E, 0x12, 0x13, 0x16})
WANTED = ("model_config", "training_config")
MOST_TEXT = 256 << 20
MOST_HEAP = 64 << 20


class Extent(Struct, frozen=True, order=True):
    """Bytes [start, end) of one part."""

    start: int
    end: int
    what: str


class Hdf5(Struct, frozen=True):
    """What a walk found. `outside` and `plugins` break claims; `open` is what was not read."""

    objects: int
    structure: tuple[Extent, ...]
    data: tuple[Extent, ...]
    outside: tuple[Witness, ...]
    plugins: tuple[Witness, ...]
    open: tuple[Undecided, ...]
    texts: dict[str, bytes]


def walked(material: Material) -> Hdf5:
    """The whole file.

    Raises: Broken where an offset, length or signature is wrong; FormatError otherwise.
    """
    walk = _Walk(material)
    walk.whole()
    return Hdf5(
        len(walk.seen),
        tuple(sorted(walk.structure)),
        tuple(sorted(walk.data)),
        tuple(walk.outside),
        tuple(walk.plugins),
        tuple(walk.open),
        walk.texts,
    )


def structure_sha256(material: Material, found: Hdf5) -> str:
    """One digest over every structural byte the walk rests on, with its offset and length."""
    state = hashlib.sha256()
    for one in found.structure:
        state.update(b"%d %d\n" % (one.start, one.end - one.start))
        for start in range(one.start, one.end, 1 << 20):
            state.update(material.read(start, min(1 << 20, one.end - start)))
    return state.hexdigest()


class _Walk:
    """The state of one walk: what is waiting, what was seen, what was found."""

    def __init__(self, material: Material) -> None:
        self.material = material
        self.seen: set[int] = set()
        self.nodes: set[int] = set()
        self.waiting: list[tuple[int, str]] = []
        self.structure: list[Extent] = []
        self.data: list[Extent] = []
        self.outside: list[Witness] = []
        self.plugins: list[Witness] = []
        self.open: list[Undecided] = []
        self.texts: dict[str, bytes] = {}
        self.spent = 0
        self.end = material.size

    def whole(self) -> None:
        self.waiting.append((self._superblock(), "/"))
        while self.waiting:
            address, path = self.waiting.pop()
            if address not in self.seen:
                self.seen.add(address)
                self._object(address, path)

    def take(self, offset: int, length: int, what: str) -> bytes:
        """Structural bytes, recorded once; more of them than the file holds means overlap."""
        if length < 0 or offset + length > self.end:
            raise broken(
                self.material,
                min(offset, self.material.size),
                f"{what} at {offset}, {length} bytes long, passes the end of the file",
            )
        self.spent += length
        if self.spent > self.material.size:
            raise Broken("the parts of this file overlap", Place(offset=offset, part=what))
        self.structure.append(Extent(offset, offset + length, what))
        pieces = []
        for start in range(offset, offset + length, 1 << 20):
            pieces.append(self.material.read(start, min(1 << 20, offset + length - start)))
        return b"".join(pieces)

    def unread(self, detail: str, path: str) -> None:
        self.open.append(Undecided(Reason.UNSUPPORTED, detail, Place(part=path)))

    # The superblock and what stands beside it

    def _superblock(self) -> int:
        start = self.material.read(0, 96)
        if start[:8] != SIGNATURE:
            raise FormatError(Reason.UNSUPPORTED, "the HDF5 signature is not at byte 0")
        if len(start) < 48:
            raise FormatError(Reason.TRUNCATED, "the file ends inside its superblock")
        version = start[8]
        if version in (0, 1):
            return self._old_superblock(version)
        if version in (2, 3):
            return self._new_superblock()
        raise FormatError(Reason.UNSUPPORTED, f"superblock version {version}")

    def _old_superblock(self, version: int) -> int:
        tail = 24 if version == 0 else 28
        cursor = Bytes(self.take(0, tail + 72, "superblock"))
        cursor.at = 13
        self._widths(cursor.number(1), cursor.number(1))
        cursor.at = tail
        base, _, end, driver = (cursor.number(8) for _ in range(4))
        self._ends(base, end)
        if driver != UNDEFINED:
            self.unread("a file driver that may spread the file over others", "superblock")
        cursor.take(8)
        return cursor.number(8)

    def _new_superblock(self) -> int:
        cursor = Bytes(self.take(0, 48, "superblock"))
        cursor.at = 9
        self._widths(cursor.number(1), cursor.number(1))
        cursor.take(1)
        base, extension, end, root = (cursor.number(8) for _ in range(4))
        self._ends(base, end)
        if extension != UNDEFINED:
            self.waiting.append((extension, "superblock extension"))
        return root

    def _widths(self, offsets: int, lengths: int) -> None:
        if (offsets, lengths) != (8, 8):
            raise FormatError(Reason.UNSUPPORTED, f"offsets of {offsets}, lengths of {lengths}")

    def _ends(self, base: int, end: int) -> None:
        if base != 0:
            raise FormatError(Reason.UNSUPPORTED, f"a base address of {base}")
        if end > self.material.size:
            raise broken(
                self.material, 0, f"the superblock ends the file at {end}, past its last byte"
            )
        self.end = end  # what lies behind it, HDF5 takes for no part of the file

    # Objects

    def _object(self, address: int, path: str) -> None:
        try:
            for kind, shared, body in self._messages(address, path):
                self._message(kind, shared, body, path)
        except Cut as exc:
            raise broken(
                self.material, address, f"a header message of {path} is cut short"
            ) from exc
        except Unsupported as exc:
            self.unread(str(exc), path)

    def _messages(self, address: int, path: str) -> Iterator[tuple[int, bool, bytes]]:
        start = self.material.read(address, 6) if address != UNDEFINED else b""
        if start[:4] == b"OHDR":
            yield from self._new_messages(address, path)
        elif start[:1] == b"\x01":
            prefix = self.take(address, 16, "object header")
            blocks = [(address + 16, int.from_bytes(prefix[8:12], "little"))]
            yield from self._blocks(blocks, path, b"", 8, 0)
        else:
            raise broken(self.material, address, f"no object header at {address} for {path}")

    def _new_messages(self, address: int, path: str) -> Iterator[tuple[int, bool, bytes]]:
        flags = self.material.read(address, 6)[-1]
        width = 1 << (flags & 3)
        head = 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0) + width
        prefix = self.take(address, head, "object header")
        length = int.from_bytes(prefix[-width:], "little")
        blocks = [(address + head, length)]
        self.take(address + head + length, 4, "object header checksum")
        yield from self._blocks(blocks, path, b"OCHK", 4, 2 if flags & 4 else 0)

    def _blocks(
        self, blocks: list[tuple[int, int]], path: str, mark: bytes, head: int, order: int
    ) -> Iterator[tuple[int, bool, bytes]]:
        first = True
        while blocks:
            address, length = blocks.pop(0)
            cursor = Bytes(self.take(address, length, f"object header of {path}"))
            end = length
            if mark and not first:
                if cursor.take(4) != mark:
                    raise broken(self.material, address, f"no {mark.decode()} at {address}")
                end = length - 4
            first = False
            while end - cursor.at >= head + order:
                kind = cursor.number(2 if head == 8 else 1)
                size, flags = cursor.number(2), cursor.number(1)
                cursor.take((3 if head == 8 else 0) + order)
                body = Bytes(cursor.take(size))
                if kind == 0x10:
                    blocks.append((body.number(8), body.number(8)))
                else:
                    yield kind, bool(flags & 2), body.data

    def _message(self, kind: int, shared: bool, body: bytes, path: str) -> None:
        if shared and kind == 0x03:
            self.waiting.append((messages.shared(body), f"{path} (its type)"))
        elif shared:
            raise Unsupported(f"a shared message of type {kind:#x}")
        elif kind in _READ:
            _READ[kind](self, body, path)
        elif kind not in PLAIN:
            raise Unsupported(f"a header message of type {kind:#x}")

    # Groups

    def _link_info(self, body: bytes, path: str) -> None:
        cursor = Bytes(body)
        flags = cursor.data[1] if len(body) > 1 else 0
        cursor.take(2 + (8 if flags & 1 else 0))
        if cursor.number(8) != UNDEFINED:
            self.unread("links in dense storage (a fractal heap)", path)

    def _attribute_info(self, body: bytes, path: str) -> None:
        cursor = Bytes(body)
        flags = cursor.data[1] if len(body) > 1 else 0
        cursor.take(2 + (2 if flags & 1 else 0))
        if cursor.number(8) != UNDEFINED:
            self.unread("attributes in dense storage (a fractal heap)", path)

    def _link(self, body: bytes, path: str) -> None:
        link = messages.link(body)
        self._linked(link, path)

    def _linked(self, link: messages.Link, path: str) -> None:
        at = f"{path.rstrip('/')[-200:]}/{link.name[:80]}"
        if link.kind == messages.HARD:
            self.waiting.append((link.address, at))
        elif link.kind == messages.EXTERNAL:
            says = f"reading {at} opens another file: {link.target[:200]!r}"
            self.outside.append(Witness(says, Place(part=at)))
        elif link.kind != messages.SOFT:
            self.unread(f"a user-defined link of class {link.kind}", at)

    def _symbol_table(self, body: bytes, path: str) -> None:
        cursor = Bytes(body)
        tree, heap = cursor.number(8), cursor.number(8)
        names = self._local_heap(heap)
        for node in self._leaves(tree, 0, 8):
            self._symbols(node, names, path)

    def _leaves(self, root: int, kind: int, key: int) -> Iterator[int]:
        """The children of a version 1 B-tree's lowest level."""
        trees = [root]
        while trees:
            address = trees.pop()
            self._once(address)
            head = self.take(address, 24, "B-tree node")
            if head[:4] != b"TREE" or head[4] != kind:
                raise broken(self.material, address, f"no B-tree node of type {kind} there")
            used = int.from_bytes(head[6:8], "little")
            entries = Bytes(self.take(address + 24, used * (key + 8), "B-tree entries"))
            for _ in range(used):
                entries.take(key)
                child = entries.number(8)
                if head[5] == 0:
                    yield child
                else:
                    trees.append(child)

    def _once(self, address: int) -> None:
        if address in self.nodes:
            raise Broken("a node is reached twice", Place(offset=min(address, 1 << 62)))
        self.nodes.add(address)

    def _symbols(self, address: int, names: bytes, path: str) -> None:
        self._once(address)
        head = self.take(address, 8, "symbol table node")
        if head[:5] != b"SNOD\x01":
            raise broken(self.material, address, "no symbol table node there")
        count = int.from_bytes(head[6:8], "little")
        entries = Bytes(self.take(address + 8, 40 * count, "symbol table entries"))
        for _ in range(count):
            offset, header, cached = entries.number(8), entries.number(8), entries.number(4)
            entries.take(20)
            name = Bytes(names[offset:]).text()
            if cached != 2:  # 2 is a soft link, which stays inside the file
                self._linked(messages.Link(name, messages.HARD, header), path)

    def _local_heap(self, address: int) -> bytes:
        head = Bytes(self.take(address, 32, "local heap"))
        if head.take(5) != b"HEAP\0":
            raise broken(self.material, address, "no local heap there")
        head.take(3)
        size, _, start = (head.number(8) for _ in range(3))
        if size > MOST_HEAP:
            raise FormatError(Reason.OVER_LIMIT, f"a local heap of {size} bytes")
        return self.take(start, size, "local heap data")

    # Datasets

    def _layout(self, body: bytes, path: str) -> None:
        found = messages.layout(body)
        if found.kind == messages.VIRTUAL:
            self._virtual(found, path)
        elif found.address == UNDEFINED or found.kind == messages.COMPACT:
            return
        elif found.kind == messages.CONTIGUOUS and found.size is not None:
            self._data(found.address, found.size, path)
        elif found.kind == messages.CHUNKED:
            self._chunks(found, path)

    def _data(self, start: int, size: int, path: str) -> None:
        if start + size > self.end:
            raise broken(
                self.material,
                min(start, self.material.size),
                f"the data of {path}, {size} bytes at {start}, pass the end of the file",
            )
        if size:
            self.data.append(Extent(start, start + size, f"data of {path}"))

    def _chunks(self, found: messages.Layout, path: str) -> None:
        """Each chunk's stored size stands in the key before it."""
        key = 8 + 8 * found.dimensions
        for address, size in self._chunk_places(found.address, key):
            self._data(address, size, path)

    def _chunk_places(self, root: int, key: int) -> Iterator[tuple[int, int]]:
        trees = [root]
        while trees:
            address = trees.pop()
            self._once(address)
            head = self.take(address, 24, "chunk B-tree node")
            if head[:5] != b"TREE\x01":
                raise broken(self.material, address, "no chunk B-tree node there")
            used = int.from_bytes(head[6:8], "little")
            entries = Bytes(self.take(address + 24, used * (key + 8), "chunk B-tree entries"))
            for _ in range(used):
                size = entries.number(4)
                entries.take(key - 4)
                child = entries.number(8)
                if head[5] == 0:
                    yield child, size
                else:
                    trees.append(child)

    def _virtual(self, found: messages.Layout, path: str) -> None:
        mapping = Bytes(self._global(found.address, found.index))
        mapping.take(9)
        source = mapping.text()
        if source != ".":
            says = f"reading {path} opens another file: {source[:200]!r} (a virtual dataset)"
            self.outside.append(Witness(says, Place(part=path)))
        self.unread("a virtual dataset, whose further sources are not read", path)

    def _external_files(self, body: bytes, path: str) -> None:
        heap, offsets = messages.slots(body)
        names = self._local_heap(heap)
        for offset in offsets:
            name = Bytes(names[offset:]).text()
            says = f"reading {path} opens another file: {name[:200]!r} (external raw data)"
            self.outside.append(Witness(says, Place(part=path)))

    def _filters(self, body: bytes, path: str) -> None:
        for id in messages.filters(body):
            if id not in BUILT_IN:
                says = f"reading {path} makes HDF5 look for a plug-in library for filter {id}"
                self.plugins.append(Witness(says, Place(part=path)))

    # Attributes

    def _attribute(self, body: bytes, path: str) -> None:
        found = messages.attribute(body)
        if found.shared_type is not None:
            self.waiting.append((found.shared_type, f"{path}@{found.name[:80]} (its type)"))
        if path == "/" and found.name == "PYTABLES_FORMAT_VERSION":
            self.unread("PyTables unpickles attributes and object arrays", path)
        if path == "/" and found.name in WANTED:
            self.texts[found.name] = self._text(found)

    def _text(self, found: messages.Attribute) -> bytes:
        if found.name in self.texts:
            detail = f"the attribute {found.name} stands twice"
            raise FormatError(Reason.PARSER_DIFFERENTIAL, detail)
        if found.text is not None:
            return found.text.rstrip(b"\0")
        if found.heap is None:
            raise FormatError(Reason.UNSUPPORTED, f"the attribute {found.name} is not one string")
        length, address, index = found.heap
        return self._global(address, index)[:length]

    def _global(self, address: int, wanted: int) -> bytes:
        head = Bytes(self.material.read(address, 16))
        if head.take(5) != b"GCOL\x01":
            raise broken(self.material, min(address, 1 << 62), "no global heap there")
        head.take(3)
        size = head.number(8)
        if size > MOST_TEXT:
            raise FormatError(Reason.OVER_LIMIT, f"a global heap of {size} bytes")
        fresh = address not in self.nodes
        self.nodes.add(address)
        if fresh:
            heap = Bytes(self.take(address, size, "global heap"))
        else:
            heap = Bytes(self.material.read(address, size))
        heap.at = 16
        while len(heap.data) - heap.at >= 16:
            index = heap.number(2)
            heap.take(6)
            length = heap.number(8)
            if index == wanted:
                return heap.take(length)
            if index == 0:
                break
            heap.take(length + -length % 8)
        raise broken(self.material, address, f"the global heap has no object {wanted}")


_READ = {
    0x02: _Walk._link_info,
    0x06: _Walk._link,
    0x07: _Walk._external_files,
    0x08: _Walk._layout,
    0x0B: _Walk._filters,
    0x0C: _Walk._attribute,
    0x11: _Walk._symbol_table,
    0x15: _Walk._attribute_info,
}
