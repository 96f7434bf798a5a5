"""Decides whether a route asks nobody who he is, where the routes beside it do.

A route that changes something (POST, PUT, DELETE, PATCH), or that lets what it is sent reach a
call of the other claims, on a router most of whose other such routes ask: by a dependency, a
decorator, a parameter; or on any router of a project most of whose routes ask, where what it is
sent is run; or that is the only one there, of four or more that read, which does not; or on a
router that never asks, where nine of ten such routes of the other routers of its folder do, in
three files or more. What asks says so by its name, or is injected and answers 401 or 403. Read are
the route decorators of FastAPI, Flask, Quart, aiohttp and Sanic, and the methods of handlers of
Tornado and Jupyter. And once for an application that asks nowhere: where it is bound to every
address of the machine and runs what it is sent.

**Refuted** with the route, two of those beside it and what asks there, and the call that is
reached. **Undecided** where middleware in front may ask, or where nothing was found and a web
framework is named, which is no proof. **Proven** where none is. Not refuted: what is meant for
those who are not known yet (login, registration, health, webhooks), a handler that, or whose
dependencies, name or call anything that may ask, and whatever stands behind a router with
dependencies of its own.

What to write instead: the same dependency or decorator as beside it, or `dependencies=` of the
router, so that a new route cannot be forgotten.

Sources: CWE-306, CWE-862; https://fastapi.tiangolo.com/tutorial/dependencies/; CVE-2025-3248.
"""

from probatum.ports import Material, analyzer
from probatum.taint.verdicts import verdict
from probatum.vocabulary import Artifact, Claim, Verdict

NO_MISSING_AUTHENTICATION = Claim(
    "no-missing-authentication", "No route here forgets to ask who calls where its siblings ask."
)


@analyzer(
    id="no-missing-authentication",
    claim=NO_MISSING_AUTHENTICATION,
    accepts={"python-project"},
)
def no_missing_authentication(artifact: Artifact, material: Material) -> Verdict:
    """Compare each route with those of the same router."""
    return verdict("no-missing-authentication", material)
