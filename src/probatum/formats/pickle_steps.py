"""What each effectful opcode of the pickle machine does to the abstract heap.

Every import, call, instance, state and item assignment is either admitted by a summary (and
recorded as an Effect), known to be an effect (a Danger), or a Problem that names what is missing.
Names are found in `pickle_names`, calls judged in `pickle_calls`; states, items and what loaders
add stand here.
"""

from collections.abc import Callable
from typing import Final

from probatum.formats.pickle_calls import Calls
from probatum.formats.pickle_findings import Stored
from probatum.formats.pickle_loaders import container, storage
from probatum.formats.pickle_names import Underflow, shown
from probatum.formats.pickle_slots import dtype_after, has_attributes, holds, relied_on
from probatum.formats.pickle_values import (
    BYTEARRAY,
    Box,
    Instance,
    Name,
    Value,
    complete_dtype,
    described,
    dimensions,
    give,
    hash_inert,
    is_scalar,
)
from probatum.vocabulary import Reason


class Steps(Calls):
    """The steps that fill what was made: states and items; and those of loaders."""

    def build(self) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if not isinstance(target, Instance):
            what = "changes the class or function itself" if isinstance(target, Name) else "unknown"
            self.problem(Reason.UNRESOLVED, f"BUILD on {described(target)}: {what}")
            return
        row = target.row
        admitted = False
        if row.name == "numpy:dtype":
            # The type must be complete before anything that allocates by it has seen it.
            target.dtype = None if self.last_use > target.made else dtype_after(target, state)
            admitted = "dtype-state" in row.build and target.dtype is not None
        else:
            admitted = any(holds(slot, state) for slot in row.build) and has_attributes(row, state)
            if type(state) is tuple and len(state) in (5, 7):
                target.dtype = complete_dtype(state[2])
                target.dimensions = dimensions(state[1])
        target.parts.append(state)
        if not admitted or target.built:
            self._no_state(target, state)
            return
        target.built = True
        give(state)
        for box in relied_on(row, state):
            box.frozen = True
        self.admit(0x62, "build", row)

    def _no_state(self, target: Instance, state: Value) -> None:
        again = "a second time " if target.built else ""
        self.problem(
            Reason.MISSING_SUMMARY,
            f"no effect summary for building {shown(target.row.name)} {again}"
            f"from {described(state)}",
        )

    def append(self) -> None:
        value = self.stack.pop()
        self.appended(0x61, self.stack[-1], [value])

    def appends(self) -> None:
        items = self.pop_mark()
        self.appended(0x65, self.stack[-1], items)

    def appended(self, opcode: int, target: Value, items: list[Value]) -> None:
        if isinstance(target, Box) and target.type == "list":
            target.extend(items)
        elif isinstance(target, Instance) and target.row.items == "list":
            target.parts += items
            self.admit(opcode, "items", target.row)
        elif target is not BYTEARRAY:
            self._no_items(target, "append to")

    def set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.assigned(0x73, self.stack[-1], [key, value])

    def set_items(self) -> None:
        items = self.pop_mark()
        self.assigned(0x75, self.stack[-1], items)

    def assigned(self, opcode: int, target: Value, items: list[Value]) -> None:
        if len(items) % 2:
            raise Underflow
        self.hashed(items[::2])
        if isinstance(target, Box) and target.frozen:
            self.problem(Reason.UNRESOLVED, "changes a dict that a built object relies on")
        if isinstance(target, Box) and target.type == "dict":
            target.extend(items)
        elif isinstance(target, Instance) and target.row.items == "dict":
            target.parts += items
            self.admit(opcode, "items", target.row)
        else:
            self._no_items(target, "assign items of")

    def add_items(self) -> None:
        items = self.pop_mark()
        target = self.stack[-1]
        self.hashed(items)
        if isinstance(target, Box) and target.type == "set":
            target.extend(items)
        elif isinstance(target, Instance) and target.row.items == "set":
            target.parts += items
            self.admit(0x90, "items", target.row)
        else:
            self._no_items(target, "add to")

    def _no_items(self, target: Value, what: str) -> None:
        if isinstance(target, Instance):
            self.problem(
                Reason.MISSING_SUMMARY, f"no effect summary to {what} a {shown(target.row.name)}"
            )
        else:
            self.problem(Reason.UNRESOLVED, f"{what} {described(target)}")

    def hashed(self, keys: list[Value]) -> None:
        for key in keys:
            if not is_scalar(key) and not hash_inert(key):
                self.problem(Reason.MISSING_SUMMARY, f"no summary for the hash of {described(key)}")

    def list_of(self) -> None:
        items = self.pop_mark()
        box = Box("list", [])
        box.extend(items)
        self.stack.append(box)

    def tuple_of(self) -> None:
        items = self.pop_mark()
        self.stack.append(tuple(items))

    def dict_of(self) -> None:
        items = self.pop_mark()
        box = Box("dict", [])
        self.assigned(0x64, box, items)
        self.stack.append(box)

    def frozenset_of(self) -> None:
        items = self.pop_mark()
        self.hashed(items)
        self.stack.append(Box("frozenset", items))

    # What a loader adds

    def persistent(self) -> None:
        """BINPERSID: torch's loaders read a storage; any other loader does what it likes."""
        key = self.stack.pop()
        layer = container(key, self.loader)
        if layer is not None and layer.row is not None:
            self.admit(0x51, "source", layer.row)
            self.stack.append(layer)
            return
        found = storage(key, self.loader)
        if found is None:
            self.problem(Reason.UNRESOLVED, f"the persistent id {described(key)}")
            self.stack.append(self.unknown(key))
            return
        self.admit(0x51, "storage", found)
        made = Instance(found, (), self.at)
        self._stored[id(made)] = len(self.storages), made
        self.storages.append(Stored(self.at, key[2], key[1].name, key[4]))
        self.stack.append(made)

    def buffer(self) -> None:
        self.problem(Reason.UNRESOLVED, "an out-of-band buffer, which the loading process chooses")
        self.stack.append(self.unknown())

    def readonly_buffer(self) -> None:
        self.problem(Reason.UNRESOLVED, "an out-of-band buffer, which the loading process chooses")


STEPS: Final[dict[int, Callable[[Steps], None]]] = {
    0x93: Steps.stack_global,
    0x52: Steps.reduce,
    0x81: Steps.new_object,
    0x92: Steps.new_object_keywords,
    0x6F: Steps.object_of,
    0x62: Steps.build,
    0x61: Steps.append,
    0x65: Steps.appends,
    0x73: Steps.set_item,
    0x75: Steps.set_items,
    0x90: Steps.add_items,
    0x6C: Steps.list_of,
    0x74: Steps.tuple_of,
    0x64: Steps.dict_of,
    0x91: Steps.frozenset_of,
    0x51: Steps.persistent,
    0x97: Steps.buffer,
    0x98: Steps.readonly_buffer,
}
