"""Routes that ask nobody who he is, where the others do, or where everybody can reach them."""

from collections import defaultdict
from collections.abc import Iterator

from msgspec.structs import replace

from probatum.taint.comparisons import NONE
from probatum.taint.flow import CALL, FUNCTION, PARAM
from probatum.taint.program import Place
from probatum.taint.properties.beside import Beside
from probatum.taint.properties.matching import Matching
from probatum.taint.properties.routes import Route, Routes
from probatum.taint.properties.rows import called, instead
from probatum.taint.states import Hop, Path

_CLAIM = "no-missing-authentication"
_LEAST_SIBLINGS = 2
_LEAST_READING = 4  # routes that only read, all but one of which ask
_SHARE = 0.6  # of the routes that change something, which ask: fewer are no rule
_RUNNING = ("no-code-injection", "no-command-injection", "no-unsafe-deserialization")
_DEEPEST, _MOST_CALLED = 2, 60
_EVERYBODY = ("0.0.0.0", "::")  # noqa: S104 (what is looked for)


class Authentication:
    """Finds them in one program, given the paths that were found in it."""

    def __init__(self, matching: Matching, told: list[Path]) -> None:
        self.matching = matching
        self.program = matching.program
        self.routes = Routes(matching)
        self.told = [path for path in told if path.level == NONE]

    def paths(self) -> Iterator[Path]:
        routes = list(self.routes.all())
        asking = {route.place: self.routes.asks(route) for route in routes}
        owned: dict[str, list[Route]] = defaultdict(list)
        for route in routes:
            owned[route.owner].append(route)
        told: set[tuple[str, int]] = set()
        for owner, siblings in [*owned.items(), ("", routes)]:
            if owner and self.routes.fronted(owner):
                told.update(one.place for one in siblings)
                continue
            for route, asked, reached in self._unlike(siblings, asking):
                if route.place not in told and (owner or reached is not None):
                    told.add(route.place)
                    fronted = self.routes.everywhere(route.owner if route.app else "")
                    yield self._told(route, asked, asking, reached, fronted)
        for route, asked in Beside(self.routes, routes, asking).forgotten():
            if route.place not in told:
                told.add(route.place)
                yield self._told(route, asked, asking, None, self.routes.everywhere(""))
        if routes and not any(asking.values()) and not self.routes.everywhere(""):
            yield from self._nobody(routes)

    def _unlike(
        self, routes: list[Route], asking: dict[tuple[str, int], str]
    ) -> Iterator[tuple[Route, list[Route], Path | None]]:
        """Routes that do not ask, where most that change something do; and what they reach."""
        changing = [one for one in routes if one.changing and not self.routes.is_open(one)]
        asked = [one for one in changing if asking[one.place]]
        if len(asked) < _LEAST_SIBLINGS or len(asked) < _SHARE * len(changing):
            return
        forgotten = self._forgotten(routes, asking) if len(asked) == len(changing) else None
        for route in routes:
            if asking[route.place] or self.routes.is_open(route):
                continue
            reached = self._reached(route)
            meant = route.changing or reached or route is forgotten
            if meant and not self.routes.may_ask(route):
                yield route, asked, reached

    def _forgotten(self, routes: list[Route], asking: dict[tuple[str, int], str]) -> Route | None:
        """The one route that only reads and does not ask, where all others of its kind do."""
        reading = [one for one in routes if not one.changing and not self.routes.is_open(one)]
        silent = [one for one in reading if not asking[one.place]]
        return silent[0] if len(silent) == 1 and len(reading) >= _LEAST_READING else None

    def _reached(self, route: Route) -> Path | None:
        """A path that was found from a route: from its handler, or into what that calls."""
        within = self._called(route.place)
        for path in self.told:
            first = (path.hops[0].module, path.hops[0].function)
            if first == route.place or (path.claim in _RUNNING and first in within):
                return path
        return None

    def _called(self, place: Place) -> set[Place]:
        """The functions of the project that one calls, and those that they call."""
        found = {place}
        waiting = [(place, 0)]
        while waiting and len(found) < _MOST_CALLED:
            one, depth = waiting.pop()
            for node in self.program[one].nodes if depth < _DEEPEST else ():
                for meaning in self.program.meanings(one, node[1]) if node[0] == CALL else ():
                    inner = meaning.function
                    if inner is not None and inner not in found:
                        found.add(inner)
                        waiting.append((inner, depth + 1))
        return found

    def _told(
        self,
        route: Route,
        asked: list[Route],
        asking: dict[tuple[str, int], str],
        reached: Path | None,
        fronted: bool,
    ) -> Path:
        hops = [
            self.matching.hop(
                *self._stands(one), f"{one.method} {one.path} asks by {asking[one.place]}"
            )
            for one in asked[:_LEAST_SIBLINGS]
        ]
        if reached is not None:
            hops.append(reached.sink)
        says = f"{route.method} {route.path} ({self.program[route.place].name})"
        source = "a request that nobody asks who sent it, as routes beside it do,"
        guard = "no middleware in front asks" if fronted else ""
        return self.matching.path(_CLAIM, *self._stands(route), source, says, hops, guard)

    def _stands(self, route: Route) -> tuple[Place, int]:
        """Where a route is told: its decorator, or the first parameter of a handler's method."""
        if self.program[route.outer].nodes[route.decorator][0] != FUNCTION:
            return route.outer, route.decorator
        return route.place, self.program[route.place].nodes.index((PARAM, 0))

    def _nobody(self, routes: list[Route]) -> Iterator[Path]:
        """An application that never asks, listens to everybody, and runs what it is sent."""
        bound = next(self._bound(), None)
        if bound is None:
            return
        known = {route.place: route for route in routes}
        for path in self.told:
            first = path.hops[0]
            route = known.get((first.module, first.function))
            if route is None or path.claim not in _RUNNING or self.routes.may_ask(route):
                continue
            entered = replace(path.hops[0], says=path.source)
            hops = (bound, entered, *path.hops[1:], path.sink)
            source = "a request from another machine that nobody asks who sent it"
            yield Path(_CLAIM, path.sink, hops, NONE, "", source, instead(_CLAIM))
            return

    def _bound(self) -> Iterator[Hop]:
        """Where an application is bound to every address."""
        for short, rows in called(_CLAIM).items():
            for module, index, node in self.program.calls.get(short, ()):
                place = (module, index)
                call = self.program[place].nodes[node]
                host = self.matching.given(call, "host")
                if host < 0 or not self.program.modules[module].shipped:
                    continue
                if not any(self.matching.means(row, place, call) for row in rows):
                    continue
                found = self.matching.constants.of(place, host)
                harmful = [one for one in found if one is not None and one.value in _EVERYBODY]
                if harmful and (len(harmful) == len(found) or any(one.how for one in harmful)):
                    says = f"bound to {harmful[0].value} {harmful[0].how}".strip()
                    yield self.matching.hop(place, node, says)
