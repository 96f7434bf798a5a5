"""Which imports have to succeed for a project to start, and which of those find nothing.

What such an import names and no folder has is found where nobody looked: the environment is not all
there is. Any other import that finds nothing raises ImportError, as that of a back end that is not
installed: that the program runs with this environment alone is assumed.
"""

from collections.abc import Callable, Collection, Iterable, Mapping

from probatum.check.reach_files import File, Unit

_STARTS = ("sitecustomize", "usercustomize")


def missing(
    ran: Iterable[Unit],
    files: Mapping[str, File],
    modules: Collection[str],
    is_there: Callable[[str], bool],
) -> str:
    """What is missing, with its place; empty if nothing is."""
    bodies: dict[str, list[Unit]] = {}
    waiting: list[Unit] = []
    for unit in sorted(ran, key=lambda one: (one.file, one.line, one.name)):
        file = files.get(unit.file)
        if file is None or file.is_own or not unit.module or unit.module in _STARTS:
            waiting.append(unit)
        elif not unit.name:
            bodies.setdefault(unit.module, []).append(unit)
    while waiting:
        unit = waiting.pop()
        for of, names, line in unit.demands:
            top = of.partition(".")[0]
            if top and not unit.name and not is_there(top):
                return f"{unit.file}, line {line} imports {top}, which is not there"
            for dotted in (of, *(f"{of}.{name}" for name in names)):
                for end in range(1, dotted.count(".") + 2):
                    module = ".".join(dotted.split(".")[:end])
                    waiting += bodies.pop(module, []) if module in modules else []
    return ""
