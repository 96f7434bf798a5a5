"""Folders in which a file is imported by what a pickle imports, and whether loading it there fires.

Everything is text and inert: a module does nothing but `PAYLOAD`, which an audit hook stops.
"""

import pickle
import re
import subprocess
import sys
import uuid
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from hostile.folders import PAYLOAD

MONEY = pickle.dumps(Decimal("1.5"))
PARTS = pickle.dumps(Fraction(1, 3))
NUMBERED = pickle.dumps(uuid.UUID(int=5))
ARRAY = (
    b"cnumpy._core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
    b"(K\x01(K\x01tcnumpy\ndtype\n(U\x02u1I00\nI01\ntR"
    b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tbI00\nC\x01atb."
)

_PLUGIN = "[torch.backends]\nx = plugin:x\n"

LIVE: dict[str, tuple[bytes, dict[str, str]]] = {
    "a base class of numbers": (MONEY, {"numbers.py": PAYLOAD}),
    "the compiled twin of a module": (MONEY, {"_decimal.py": PAYLOAD}),
    "a package": (PARTS, {"numbers/__init__.py": PAYLOAD}),
    "what a module imports in a condition": (NUMBERED, {"platform.py": PAYLOAD}),
    "a package with the name of a module": (NUMBERED, {"platform/__init__.py": PAYLOAD}),
    "what a library imports": (ARRAY, {"ast.py": PAYLOAD}),
    "what that imports in turn": (ARRAY, {"tokenize.py": PAYLOAD}),
    "what a compiled module imports": (ARRAY, {"datetime.py": PAYLOAD}),
    "a package for a library": (ARRAY, {"ctypes/__init__.py": PAYLOAD}),
}
"""Each fires where the folder is the first on the path, as for a script in it."""

POSSIBLE: dict[str, tuple[bytes, dict[str, str]]] = {
    "a library that may be missing": (ARRAY, {"threadpoolctl/x.py": PAYLOAD}),
    "a library that may be missing, deep": (ARRAY, {"yaml/nodes/x.py": PAYLOAD}),
    "a module of some versions": (MONEY, {"annotationlib.py": PAYLOAD}),
    "a plugin": (ARRAY, {"x.dist-info/entry_points.txt": _PLUGIN}),
    "a plugin among commands": (
        ARRAY,
        {"x.dist-info/entry_points.txt": "[console_scripts]\nx = x:main\x85[torch.backends]\n"},
    ),
    "an egg": (ARRAY, {"x.egg/EGG-INFO/entry_points.txt": _PLUGIN}),
    "a plugin in development": (ARRAY, {"x.egg-info/entry_points.txt": _PLUGIN}),
    "what Python imports when it starts": (ARRAY, {"sitecustomize.py": PAYLOAD}),
    "compiled code": (ARRAY, {"secrets.pyc": ""}),
    "a native module": (ARRAY, {"secrets.cpython-311-x86_64-linux-gnu.so": ""}),
    "a native module of Windows": (ARRAY, {"secrets.pyd": ""}),
    "a compiled package": (ARRAY, {"json/__init__.pyc": ""}),
    "what is named after the machine": (
        ARRAY,
        {"_sysconfigdata__linux_x86_64-linux-gnu.py": PAYLOAD},
    ),
    "a native package": (ARRAY, {"json/__init__.abi3.so": ""}),
}
"""What another version, platform or installation would import."""

_USUAL = re.findall(
    r"\w+",
    "modeling_x configuration_x handler inference train app utils main model config data setup "
    "test predict preprocess __init__ __main__ version metrics layers",
)

HARMLESS: dict[str, tuple[bytes, dict[str, str]]] = {
    "nothing": (ARRAY, {}),
    "code of a model": (
        ARRAY,
        {f"{name}.py": PAYLOAD for name in _USUAL},
    ),
    "folders of a model": (
        ARRAY,
        {"code/train.py": PAYLOAD, "onnx/model.onnx": "", "json/a.json": "{}", "test/a.txt": ""},
    ),
    "metadata without plugins": (
        ARRAY,
        {
            "x.dist-info/METADATA": "",
            "y.dist-info/entry_points.txt": "[console_scripts]\nx = x:main\n",
        },
    ),
    "data of such a name": (ARRAY, {"numbers.txt": PAYLOAD, "platform.json": "", "hmac.sh": ""}),
    "a pickle that imports nothing": (pickle.dumps([1]), {"numbers.py": PAYLOAD}),
    "a library that nothing of the standard library imports": (MONEY, {"sympy.py": PAYLOAD}),
}
"""What no import comes to: the proof must stand."""

_SCRIPT = """
import os, sys
sys.addaudithook(lambda event, _: event == "os.system" and os._exit(77))
sys.dont_write_bytecode = True
import pickle
with open(sys.argv[1], "rb") as file:
    pickle.load(file)
"""


def fires_for_a_script(folder: Path, data: bytes) -> bool:
    """Whether a script in the folder that loads the pickle runs the payload."""
    script, model = folder / "load_it.py", folder / "model.pkl"
    script.write_text(_SCRIPT)
    model.write_bytes(data)
    command = [sys.executable, str(script), str(model)]
    code = subprocess.run(command, check=False, capture_output=True).returncode
    script.unlink()
    return code == 77
