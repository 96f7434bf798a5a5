"""Which values come from outside: parameters, answers of calls, names and fields."""

from probatum.taint.flow import ATTR, CALL, COMPARE, FUNCTION, NAME, PARAM, Function, Node
from probatum.taint.program import Meaning, Place, Program
from probatum.taint.rules import Sink, Source, answering, answering_objects, sources, words
from probatum.taint.states import ALONE, BEHIND_OWN, State
from probatum.taint.values import Values

_TO_ANYBODY = (
    "no-code-injection",
    "no-command-injection",
    "no-template-injection",
    "no-archive-traversal",
)
_CHOSEN_ONCE = ("no-path-traversal", "no-request-forgery", "no-sql-injection")
_APPLICATIONS = ("FastAPI", "APIRouter", "Flask", "Blueprint", "Sanic", "Quart", "FastMCP")


class Origins:
    """Matches the values of one program with the rows of sources."""

    def __init__(self, program: Program, values: Values) -> None:
        self.program = program
        self.values = values

    def of_parameter(self, place: Place, name: str) -> Source | None:
        """The source that a parameter is by its type, its class or its function's decorators."""
        key = ("source of a parameter", place, name)
        if key not in self.program.memo:
            self.program.memo[key] = self._of_parameter(place, name)
        found: Source | None = self.program.memo[key]
        return found

    def _of_parameter(self, place: Place, name: str) -> Source | None:
        program = self.program
        function = program[place]
        said = function.annotations.get(name, "")
        annotated = program.annotated(place, said) if said else ""
        owner = program.owner(place)
        bases = [one for _, one in program.ancestry(owner)] if owner is not None else []
        short = function.name.rpartition(".")[2]
        for source in sources():
            if annotated and annotated in source.types:
                return source
            if source.fields:
                continue
            meant = short in source.methods if source.methods else short != "__init__"
            if source.offered:
                meant = not short.startswith("_") and function.parameters[:1] != ("cls",)
            named = meant and any(_ends_so(base, source.classes) for base in bases)
            if named and (not source.offered or self._is_registered(owner, short)):
                return source
            for decorator in function.decorators if source.decorators else ():
                if self._decorates(place, decorator, source):
                    return source
        return None

    def _is_registered(self, cls: Place | None, method: str) -> bool:
        """A class of tools says which of its methods are some, by `self.register(self.method)` and
        the like; one that names none offers all."""
        named: set[str] = set()
        for member in self.program.members[cls].values() if cls is not None else ():
            nodes = self.program[member].nodes
            for node in nodes:
                if node[0] == CALL and self.program.short(member, node[1]) in words("registers"):
                    given = (nodes[one] for one in (*node[2], *(one for _, one in node[3])))
                    named |= {one[2] for one in given if one[0] == ATTR}
        return not named or method in named

    def of_answer(
        self, row: Sink, place: Place, node: Node, short: str, meanings: list[Meaning]
    ) -> Source | None:
        """The source that what a call answers is."""
        outside = meanings[0].outside if meanings else ""
        inside = any(one.function for one in meanings)
        callee = self.program[place].nodes[node[1]]
        named = callee[0] == ATTR and not self.of_name(row, self.program.dotted(place, callee[1]))
        for source in answering(outside, short):
            if not source.is_for(row.claim):
                continue
            if outside and outside in source.calls:
                return source
            if named and short in source.methods and not source.classes:
                called = self.values.called(place, callee[1])
                if any(word in called for word in source.never) and not node[2]:
                    continue
                if source.receivers and self._is_called_so(place, callee[1], source.receivers):
                    return source
                if not source.receivers and not inside:
                    return source
        return None if inside else answering_objects().get(self._made(place, node[1]))

    def _is_called_so(self, place: Place, node: int, names: tuple[str, ...]) -> bool:
        """What the code calls an object, or what made it, is one of these names, or ends like one
        of them that begins with `_`."""
        given = self.program[place].nodes[node]
        made = self.program.short(place, given[1]) if given[0] == CALL else ""
        said = self.program.type_of(place, node).rpartition(".")[2].removesuffix("()")
        ends = tuple(one for one in names if one.startswith("_"))
        called = {self.values.called(place, node), made, said} - {""}
        return any({one, one.strip("_")} & {*names} or one.endswith(ends) for one in called)

    def of_handed(self, short: str) -> Source | None:
        """The source of what a call so named has the function called with that it is given."""
        return next((one for one in sources() if short in one.handed), None)

    def of_name(self, row: Sink, name: str) -> Source | None:
        """The source that an absolute dotted name, or an attribute of it, is."""
        for source in sources() if name else ():
            if not source.is_for(row.claim):
                continue
            if any(name == one or name.startswith(one + ".") for one in source.names):
                return source
        return None

    def of_attribute(self, row: Sink, place: Place, node: Node) -> Source | None:
        """The source that an attribute is, as a rule of what a call answers."""
        answered = self.program[place].nodes[node[1]][0] == CALL
        fitting = (
            one for one in sources() if node[2] in one.attributes and (answered or one.of_any)
        )
        return next((one for one in fitting if one.is_for(row.claim)), None)

    def of_field(self, place: Place, node: Node) -> Source | None:
        """The source that a field is which a framework fills: `self.request` of a handler."""
        owner = self.program.owner(place)
        if owner is None or self.program[place].nodes[node[1]] != (PARAM, 0):
            return None
        filled = not node[2].startswith("_") and node[2] in self.program[owner].annotations
        meant = {node[2], "*"} if filled else {node[2]}
        fitting = [one for one in sources() if meant.intersection(one.fields)]
        if not fitting:
            return None
        bases = [one for _, one in self.program.ancestry(owner)]
        return next(
            (one for one in fitting if any(_ends_so(base, one.classes) for base in bases)), None
        )

    def of_type(self, said: str) -> Source | None:
        """The source that every object of a type is."""
        return next((one for one in sources() if said and said in one.types), None)

    # What callers choose

    def enough(self, row: Sink, state: State, name: str, *, field: bool = False) -> bool:
        """A parameter or field of this name, which callers choose, is a source for this sink."""
        if not row.public or state.joined == ALONE or state.far or state.whole:
            return False
        if name.startswith("_") or name.lower().rpartition("_")[2] in words(
            "operator's own", row.claim
        ):
            return False
        if field and row.claim in _CHOSEN_ONCE and self._is_own(state):
            return False
        if row.claim == "no-request-forgery":
            return state.inner
        if row.claim == "no-sql-injection" and self._shapes(state, name, field):
            return False
        inner = state.inner or field
        if row.joined:
            named = name.lower().rpartition("_")[2] in words("name of a thing", row.claim)
            return inner or (named and state.joined == BEHIND_OWN)
        return inner or row.claim != "no-unsafe-reflection"

    def _is_own(self, state: State) -> bool:
        """A field of the object whose method this is, or of what it keeps: said by its maker.

        Where the method was entered by what it answers, the object is one that its caller has.
        """
        if state.context:
            return False
        nodes = self.program[state.place].nodes
        given = nodes[state.node]
        while given[0] == ATTR:
            given = nodes[given[1]]
        return given[:2] == (PARAM, 0) and self.program.owner(state.place) is not None

    def _shapes(self, state: State, name: str, field: bool) -> bool:
        """What the maker of an object says of a database once: no request chooses that."""
        if not field:
            return self.program[state.place].name.endswith("__init__")
        return not words("shape of a database").isdisjoint(name.lower().split("_"))

    def public(self, row: Sink, place: Place, called: bool) -> bool:
        """Others are to call the function: it is shipped, and not private unless nobody calls it.

        Private is what PEP 8 calls so: a function or class whose name begins with `_`, and what
        stands in such a module and no other kind of module imports. Of one that is called here, its
        callers say what it is given, unless the package offers it (the `__init__` imports or
        defines it, or its module), or the claim is one of `_TO_ANYBODY`.
        """
        key = ("public", row.claim in _TO_ANYBODY, place, called)
        known: bool | None = self.program.memo.get(key)
        if known is None:
            known = self.program.memo[key] = self._public(row, place, called)
        return known

    def _public(self, row: Sink, place: Place, called: bool) -> bool:
        function = self.program[place]
        if function.kind != "function" or function.name.endswith("<lambda>"):
            return False
        if not self.program.modules[place[0]].shipped:
            return False
        short = function.name.rpartition(".")[2]
        if self._is_hidden(place, function) or short in words("called by Python"):
            return False
        if self._is_command(place, function) or (called and self._is_of_script(place)):
            return False
        parts = function.name.split(".")
        if f"{place[0]}.{parts[0]}" not in self.program.exported:
            parts = [*place[0].split("."), *parts]
        private = any(part.startswith("_") and not part.endswith("__") for part in parts)
        if not called or private:
            return not called
        short = function.name.partition(".")[0]
        offered = self.program.offered
        named = place[0] in offered or f"{place[0]}.{short}" in offered
        return named or row.claim in _TO_ANYBODY

    def _is_command(self, place: Place, function: Function) -> bool:
        """It is run from a command line, by whoever runs the program."""
        outer = (place[0], function.parent)
        nodes = self.program[outer].nodes
        for one in function.decorators:
            named = nodes[one][1] if nodes[one][0] == CALL else one
            if self.program.short(outer, named) in words("command line"):
                return True
        return False

    def _is_of_script(self, place: Place) -> bool:
        """It stands in a file that is run, and that no other file imports."""
        name, exported = self.program[place].name.partition(".")[0], self.program.exported
        if place[0] in exported or f"{place[0]}.{name}" in exported:
            return False
        known: bool | None = self.program.memo.get(("script", place[0]))
        if known is None:
            nodes = self.program[place[0], 0].nodes
            compared = [node[2] for node in nodes if node[0] == COMPARE]
            known = any(nodes[one] == (NAME, "__name__") for one in compared)
            self.program.memo["script", place[0]] = known
        return known

    def _is_hidden(self, place: Place, function: Function) -> bool:
        """It stands in a function that does not return it: nobody else has it."""
        outer = self.program[place[0], function.parent]
        given = (outer.nodes[value] for value, _ in outer.exits if value >= 0)
        return outer.kind == "function" and (FUNCTION, place[1]) not in given

    def is_record_field(self, row: Sink, ancestors: list[Place], name: str) -> bool:
        """The attribute is a field of a record class, which its maker fills."""
        key = ("field of a record", row.claim, ancestors[0], name)
        known: bool | None = self.program.memo.get(key)
        if known is None:
            found = self._is_record_field(row, ancestors, name)
            known = self.program.memo[key] = found
        return known

    def _is_record_field(self, row: Sink, ancestors: list[Place], name: str) -> bool:
        program = self.program
        for ancestor in ancestors:
            said = program[ancestor].annotations.get(name)
            short = program[ancestor].name.rpartition(".")[2]
            if short.endswith(tuple(words("configuration class", row.claim))):
                return False
            if not program.modules[ancestor[0]].shipped:
                continue
            if said is None or "ClassVar" in said or name.isupper():
                continue
            kept = "__init__" in program.members[ancestor] and any(program.kept(ancestor, name))
            if not kept and self._makes_records(program[ancestor], ancestor, ancestors):
                return True
        return False

    def is_record(self, cls: Place) -> bool:
        """The class is one whose makers fill its fields."""
        known: bool | None = self.program.memo.get(("record", cls))
        if known is None:
            ancestors = [one for one, _ in self.program.ancestry(cls) if one is not None]
            known = self.program.memo["record", cls] = any(
                self._makes_records(self.program[one], one, ancestors) for one in ancestors
            )
        return known

    def _makes_records(self, body: Function, cls: Place, ancestors: list[Place]) -> bool:
        outer = (cls[0], body.parent)
        said = [self.values.words(outer, one) for one in body.decorators]
        said += [base for one in ancestors for base in self.program.bases(one)]
        return any(part in word for word in said for part in words("record class"))

    def _made(self, place: Place, node: int) -> str:
        """The class, or function, of a library that an object comes from."""
        return self.program.type_of(place, node).removesuffix("()")

    def _decorates(self, place: Place, decorator: int, source: Source) -> bool:
        outer = (place[0], self.program[place].parent)
        nodes = self.program[outer].nodes
        node = nodes[decorator]
        if node[0] == CALL:
            node = nodes[node[1]]
        if node[0] == ATTR and node[2] in source.decorators:
            called = self.values.called(outer, node[1]).lower()
            made = nodes[node[1]]
            if made[0] == CALL:  # a variable of the module, or made for this alone
                called += f" {self.program.short(outer, made[1]).lower()}" if called else ""
                return not called or any(one in called for one in source.of)
            if nodes[node[1]][0] == PARAM and called == "self":
                return self._is_application(outer)
            return any(one in called for one in source.of)
        return node[0] == NAME and node[1] in source.of

    def _is_application(self, method: Place) -> bool:
        """A method of an application's or router's class: it makes routes of its own object."""
        owner = self.program.owner(method)
        bases = [one for _, one in self.program.ancestry(owner)] if owner is not None else []
        return any(_ends_so(base, _APPLICATIONS) for base in bases)


def _ends_so(base: str, endings: tuple[str, ...]) -> bool:
    return base.rpartition(".")[2].endswith(endings)
