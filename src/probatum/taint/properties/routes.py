"""The routes of a project's web applications, and which of them ask who calls."""

from collections.abc import Iterator
from functools import partial

from msgspec import Struct

from probatum.taint.flow import ATTR, CALL, CONST, FUNCTION, NAME, PACK, Node
from probatum.taint.program import Place, Program
from probatum.taint.properties.matching import Matching
from probatum.taint.properties.rows import Framework, frameworks, words

_DEEPEST = 2
_APPLICATIONS = ("FastAPI", "Flask", "Quart", "Sanic")
_REFUSALS = (401, 403)
_MIDDLEWARE = frozenset(
    ["middleware", "before_request", "before_app_request", "on_request", "add_middleware"]
)


class Route(Struct, frozen=True):
    """A handler, the application or router that it is of, and how it is reached.

    `decorator` is the node of the decorator in the function around the handler; `app`: the owner
    is an application, not a router that one includes.
    """

    place: Place
    owner: str
    method: str
    path: str
    changing: bool
    outer: Place
    decorator: int
    app: bool


class Routes:
    """Reads them off one program."""

    def __init__(self, matching: Matching) -> None:
        self.matching = matching
        self.program: Program = matching.program

    def all(self) -> Iterator[Route]:
        """Every route of what is shipped, by its decorator."""
        for name, module in self.program.modules.items():
            if module.shipped:
                work = partial(self._of, name)
                yield from self.program.remembered(("routes", name), work)

    def _of(self, name: str) -> list[Route]:
        """The routes of one module."""
        found = []
        for place, function in self.program.part(name).functions():
            outer = (name, function.parent)
            routes = [self._route(place, outer, one) for one in function.decorators]
            found += [one for one in (*routes, self._method(place, outer)) if one is not None]
        return found

    def _method(self, place: Place, outer: Place) -> Route | None:
        """A method of a handler's class, which is called as the HTTP method is."""
        short = self.program[place].name.rpartition(".")[2]
        owner = self.program.owner(place)
        for framework in frameworks() if owner is not None else ():
            known = framework.handlers and short in (*framework.changing, *framework.reading)
            if not known or owner is None or not self._handles(owner, framework):
                continue
            made = self.program[outer].nodes.index((FUNCTION, place[1]))
            cls = self.program[owner].name
            changing = short in framework.changing
            return Route(place, place[0], short.upper(), cls, changing, outer, made, False)
        return None

    def _handles(self, cls: Place, framework: Framework) -> bool:
        bases = (name for one, name in self.program.ancestry(cls) if one != cls)
        return any(name.rpartition(".")[2] in framework.handlers for name in bases)

    def _route(self, place: Place, outer: Place, decorator: int) -> Route | None:
        nodes = self.program[outer].nodes
        made = nodes[decorator]
        if made[0] != CALL or nodes[made[1]][0] != ATTR:
            return None
        _, base, method = nodes[made[1]]
        for framework in frameworks():
            known = (*framework.changing, *framework.reading, *framework.neutral)
            said = self._class(outer, base) if method in known else ""
            if said in framework.apps:
                owner = self.program.dotted(outer, base) or f"{outer}:{base}"
                first = nodes[made[2][0]] if made[2] else (CONST, "")
                path = first[1] if first[0] == CONST and isinstance(first[1], str) else ""
                verb = self._verb(framework, outer, decorator, method)
                changing = verb.lower() in framework.changing
                app = said.endswith(_APPLICATIONS)
                return Route(place, owner, verb, path, changing, outer, decorator, app)
        return None

    def _class(self, place: Place, node: int) -> str:
        """The class of an application, of one that is imported from another module too."""
        said = self.program.type_of(place, node)
        if said:
            return said
        home, _, name = self.program.dotted(place, node).rpartition(".")
        module = self.program.modules.get(home)
        values = module.functions[0].names.get(name, ()) if module is not None else ()
        return next(filter(None, (self.program.type_of((home, 0), one) for one in values)), "")

    def _verb(self, framework: Framework, outer: Place, decorator: int, method: str) -> str:
        """The HTTP method: the decorator's name, or the first one that changes of `methods=`."""
        if method not in framework.neutral:
            return method.upper()
        nodes = self.program[outer].nodes
        listed = self.matching.given(nodes[decorator], "methods")
        given: Node = nodes[listed] if listed >= 0 else (CONST, None)
        verbs = (
            [nodes[one][1] for one in given[1:] if nodes[one][0] == CONST]
            if given[0] == PACK
            else []
        )
        changing = [one for one in verbs if str(one).lower() in framework.changing]
        return str((changing or verbs or ["GET"])[0]).upper()

    # Who asks

    def asks(self, route: Route) -> str:
        """What in front of a handler asks who calls, in its words; empty if nothing is seen to."""
        function = self.program[route.place]
        for name in (*function.injected, *function.parameters, *function.annotations.values()):
            if self._is(name, "asks") and not name.endswith("_id"):
                return name
        for decorator in function.decorators:
            for name in self.matching.mentioned(route.outer, decorator) - {route.path.lower()}:
                if self._is(name, "asks"):
                    return name
        injected = (name for name in function.injected if self._refuses(route.place, name, 0))
        return next(injected, "")

    def may_ask(self, route: Route) -> bool:
        """Something in a handler, or in what it calls or is given, may ask who calls."""
        function = self.program[route.place]
        named = {*function.injected, *function.parameters, *function.annotations.values()}
        stored = any(one.rpartition(".")[2] in words("database session") for one in named)
        named = {one for one in named if not (stored and "session" in one.lower())}
        for decorator in function.decorators:
            named |= self.matching.mentioned(route.outer, decorator) - {route.path.lower()}
        if len(function.decorators) > 1 + self._documenting(route):
            return True  # what another decorator does is not known
        if any(self._is(name, "asks") or self._is(name, "may ask") for name in named):
            return True
        injected = [one for one in function.injected if one in named]
        if any(self._dependency_asks(route.place, name, 0) for name in injected):
            return True
        return self._body_asks(route.place, 0, stored)

    def asks_inside(self, route: Route) -> bool:
        """Like `may_ask`, where those beside it show how this project asks: by names that say so
        and by refusals, and not by a name that may stand for anything."""
        function = self.program[route.place]
        if len(function.decorators) > 1 + self._documenting(route):
            return True
        if any(self._dependency_asks(route.place, name, 0) for name in function.injected):
            return True
        return self._body_asks(route.place, 1)

    def _documenting(self, route: Route) -> int:
        """How many of the other decorators are routes too."""
        nodes = self.program[route.outer].nodes
        if nodes[route.decorator][0] == FUNCTION:
            return -1
        found = -1
        for decorator in self.program[route.place].decorators:
            made = nodes[decorator]
            callee = nodes[made[1]] if made[0] == CALL else made
            owner = nodes[nodes[route.decorator][1]][1]
            found += callee[0] == ATTR and callee[1] == owner
            if callee[0] == ATTR and nodes[callee[1]] == nodes[owner] and callee[1] != owner:
                found += 1
        return found

    def _dependency_asks(self, place: Place, name: str, depth: int) -> bool:
        """A function that is injected asks, or it is not known what it does."""
        if name.rpartition(".")[2] in ("Depends", "Query", "Body", "Path", "File", "Form"):
            return False
        head, dot, rest = name.partition(".")
        found = self.program.found(f"{self.program.absolute((place[0], 0), head)}{dot}{rest}")
        if found is None or self.program[found].kind != "function":
            return name[:1].islower()
        inner = self.program[found].injected
        if depth < _DEEPEST and any(self._dependency_asks(found, one, depth + 1) for one in inner):
            return True
        return self._body_asks(found, depth)

    def _refuses(self, place: Place, name: str, depth: int) -> bool:
        """A function of the project that is injected turns away those who are not known."""
        found = self.program.found(self.program.annotated(place, name))
        if found is None or self.program[found].kind != "function":
            return False
        if any(self._turns_away(node) for node in self.program[found].nodes):
            return True
        inner = self.program[found].injected
        return depth < _DEEPEST and any(self._refuses(found, one, depth + 1) for one in inner)

    def _turns_away(self, node: Node) -> bool:
        if node[0] in (NAME, ATTR):
            return self._is(node[1] if node[0] == NAME else node[2], "turns away")
        return node[0] == CONST and type(node[1]) is int and node[1] in _REFUSALS

    def _body_asks(self, place: Place, depth: int, stored: bool = False) -> bool:
        """A body names what asks, or refuses; or calls a function of the project that does.

        A session is `stored` that is one of a database.
        """
        for node in self.program[place].nodes:
            if node[0] == CONST and node[1] in _REFUSALS and node[1] is not True:
                return True
            if node[0] in (NAME, ATTR):
                name = node[1] if node[0] == NAME else node[2]
                of_user = depth == 0 and not (stored and name.lower() == "session")
                if self._is(name, "asks") or (of_user and self._is(name, "may ask")):
                    return True
            if node[0] == CALL and depth < _DEEPEST:
                for meaning in self.program.meanings(place, node[1]):
                    inner = meaning.function
                    if inner is not None and inner != place and self._body_asks(inner, depth + 1):
                        return True
        return False

    def everywhere(self, owner: str) -> bool:
        """Something may stand in front of every route of an application, or of any if unnamed."""
        program = self.program
        for short in (
            *_MIDDLEWARE,
            "include_router",
            "FastAPI",
            "APIRouter",
            "Application",
            "Starlette",
        ):
            for module, index, call in program.calls.get(short, ()):
                place = (module, index)
                if not program.modules[module].shipped or self._of_another(place, call, owner):
                    continue
                if self._stands_in_front(place, call, short):
                    return True
        return False

    def _of_another(self, place: Place, call: int, owner: str) -> bool:
        """A method of another application than the owner."""
        nodes = self.program[place].nodes
        callee = nodes[nodes[call][1]]
        if not owner:
            return False
        if callee[0] != ATTR:
            return place[0] != owner.rpartition(".")[0]
        said = self.program.dotted(place, callee[1])
        return bool(said) and said != owner and said.rpartition(".")[0] in self.program.modules

    def fronted(self, owner: str) -> bool:
        """The router, or what includes it, has dependencies of its own."""
        module, _, name = owner.rpartition(".")
        last = module.rpartition(".")[2]
        for short in ("APIRouter", "include_router"):
            for where, index, call in self.program.calls.get(short, ()):
                place = (where, index)
                node = self.program[place].nodes[call]
                if self.matching.given(node, "dependencies") < 0:
                    continue
                first = self.matching.mentioned(place, node[2][0]) if node[2] else set()
                meant = {name.lower(), last.lower()} & first
                if where == module if short == "APIRouter" else meant or not module:
                    return True
        return False

    def _stands_in_front(self, place: Place, call: int, short: str) -> bool:
        node = self.program[place].nodes[call]
        keywords = [
            value
            for name, value in node[3]
            if name in ("dependencies", "middlewares", "middleware")
        ]
        if short not in _MIDDLEWARE:
            return bool(keywords)
        first = node[2][0] if node[2] else -1
        if short == "add_middleware":
            return self._middleware_asks(place, first) if first >= 0 else True
        return self._decorated(place, call)

    def _middleware_asks(self, place: Place, node: int) -> bool:
        """A class of middleware may ask: by its name, or by what its methods do."""
        name = self.program.short(place, node)
        if name in words("asks nobody"):
            return False
        cls = self.program.class_of(self.program.dotted(place, node))
        if self._is(name, "asks") or (cls is None and self._is(name, "may ask")):
            return True
        return cls is not None and any(
            self._body_asks(one, 1) for one in self.program.members[cls].values()
        )

    def _decorated(self, place: Place, call: int) -> bool:
        """The function that a call decorates as middleware asks."""
        module = self.program.modules[place[0]]
        for index, function in enumerate(module.functions):
            if function.parent == place[1] and call in function.decorators:
                return self._body_asks((place[0], index), 1)
        return True

    def is_open(self, route: Route) -> bool:
        """A route that is meant for those who are not known yet."""
        said = f"{route.path} {self.program[route.place].name}".lower()
        return any(word in said for word in words("open route"))

    def _is(self, name: str, of: str) -> bool:
        lower = name.lower()
        return any(word in lower for word in words(of))
