"""Which files Python imports from as it does from a folder, whatever they are called: ZIP archives.

An archive is known by its end, as Python knows it; its members' names stand in it as they are.
"""

from probatum.check.reach_program import Program

_END = b"PK\5\6"
_TAIL = 22 + 65535
_CODE = b".py"


def holds_modules(program: Program, name: str) -> bool:
    """Whether a file is an archive in which a module may lie."""
    if _END not in program.tail(name, _TAIL):
        return False
    rest = b""
    for piece in program.pieces(name):
        if _CODE in rest + piece:
            return True
        rest = piece[-len(_CODE) :]
    return False
