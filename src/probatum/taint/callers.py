"""Says which calls of a project may call a function, or make objects of a class."""

from collections.abc import Callable

from probatum.taint.program import Place, Program

Caller = tuple[Place, int]  # the calling function, and the node of the call there

_MOST_NAMESAKES = 2  # methods of one name, up to which a call of an unknown object means them


class Callers:
    """Every call is resolved once, with all others whose callee has the same last name."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._of: dict[Place, list[Caller]] = {}
        self._resolved: dict[str, dict[Place | None, list[int]]] = {}

    def of(self, place: Place) -> list[Caller]:
        """The calls that mean the function, or its class where it is a method of one.

        A call of an object of which nothing is known means a method whose name is rare.
        """
        self.program.rests_on(("callers", *place))
        known = self._of.get(place)
        if known is None:
            key = ("callers", self.called(place), *place)
            known = self._of[place] = self.program.remembered(key, lambda: self.found(place))
        return known

    def called(self, place: Place) -> str:
        """The name that calls of it go by: of `__init__` the class's."""
        owner = self.program.owner(place)
        short = self.program[place].name.rpartition(".")[2]
        if short == "__init__" and owner is not None:
            short = self.program[owner].name.rpartition(".")[2]
        return short

    def found(self, place: Place) -> list[Caller]:
        """The same as `of`, worked out anew of what each call means."""
        program = self.program
        owner = program.owner(place)
        short = self.called(place)
        meant = self._by_meaning(short)
        found = {*meant.get(place, ())}
        if owner is not None:
            found.update(meant.get(owner, ()))
            if len(program.methods.get(short, ())) <= _MOST_NAMESAKES:
                found.update(meant.get(None, ()))
        calls = program.calls.get(short, ())
        return [((calls[at][0], calls[at][1]), calls[at][2]) for at in sorted(found)]

    def _by_meaning(self, short: str) -> dict[Place | None, list[int]]:
        """For each function the calls of this name that mean it, by number; None: nobody knows."""
        known = self._resolved.get(short)
        if known is None:
            known = self._resolved[short] = {}
            for number, (module, index, call) in enumerate(self.program.calls.get(short, ())):
                key = ("meant", short, module, index, call)
                for function in self.program.remembered(key, self._meant((module, index), call)):
                    known.setdefault(function, []).append(number)
        return known

    def _meant(self, caller: Place, call: int) -> Callable[[], list[Place | None]]:
        """Works out what a call may mean, each once; None where nobody knows."""

        def work() -> list[Place | None]:
            meanings = self.program.meanings(caller, self.program[caller].nodes[call][1])
            if not meanings:
                return [None]
            return list(dict.fromkeys(one.function for one in meanings if one.function is not None))

        return work
