"""Routers that ask nobody who he is, beside those of the same folder, which all do."""

from collections import defaultdict
from collections.abc import Iterator

from probatum.taint.program import Place
from probatum.taint.properties.routes import Route, Routes

_LEAST_MODULES = 3  # of other routers, whose routes ask: what fewer do is no rule
_LEAST_READING = 6
_SHARE = 0.9  # of the routes of all others


class Beside:
    """Compares the routers of each folder of one program. `asking`: what a route asks by."""

    def __init__(self, routes: Routes, known: list[Route], asking: dict[Place, str]) -> None:
        self.routes = routes
        self.asking = asking
        self.folders: dict[str, list[Route]] = defaultdict(list)
        for route in known:
            if not route.app and not routes.is_open(route):
                self.folders[route.place[0].rpartition(".")[0]].append(route)

    def forgotten(self) -> Iterator[tuple[Route, list[Route]]]:
        """Each route of a router that never asks, and routes of the others that do."""
        for beside in self.folders.values():
            modules: dict[str, list[Route]] = defaultdict(list)
            for route in beside:
                modules[route.place[0]].append(route)
            for module, own in modules.items():
                if not any(self.asking[one.place] or self.routes.fronted(one.owner) for one in own):
                    others = [one for one in beside if one.place[0] != module]
                    yield from self._unlike(own, others)

    def _unlike(self, own: list[Route], others: list[Route]) -> Iterator[tuple[Route, list[Route]]]:
        changing = [one for one in others if one.changing]
        reading = [one for one in others if not one.changing]
        asked = self._asked(changing)
        if len({one.place[0] for one in asked}) < _LEAST_MODULES:
            return
        of_reading = self._asked(reading) if len(reading) >= _LEAST_READING else []
        for route in own:
            if (route.changing or of_reading) and not self.routes.asks_inside(route):
                yield route, asked

    def _asked(self, routes: list[Route]) -> list[Route]:
        """Those that ask, if nearly all do."""
        asked = [one for one in routes if self.asking[one.place]]
        return asked if len(asked) >= _SHARE * len(routes) else []
