"""A project together with its environment: what runs when the project does, as one artifact.

Where the target holds a project's Python files and the packages that are installed for it (a
`.venv`), whether vulnerable code of a package is reached depends on both. The artifact
`python-program` is called `<folder>!/program`, as `.venv/lib/python3.12/site-packages!/program`;
its bytes are made as follows:

1. the line `python-program 1`, and `@ <folder>`, the folder of the packages;
2. for each thing that could not be taken in, sorted by name, a line `- <name>: <why>`;
3. for each file, sorted by name, a line `<size in bytes> <name>`; then an empty line;
4. the bytes of the files, one after another.

From the folder of packages are taken modules, compiled ones too, `.pth` files, archives of modules
and the metadata that says what a distribution is and which entry points it has. From elsewhere in
the target every file of up to 1 MiB, since any may name code, and Python files of any size; of the
environment's other folders its commands (`bin`) and `pyvenv.cfg`. The artifact has no digest: only
what may run is read.

Of several environments in a target each forms a program with the project, but none that lies in the
folder of another.
"""

KIND = "python-program"
LARGEST = 1 << 20
"""Bytes of a file that is no module, beyond which it is not taken in."""

_MODULES = (".py", ".pyw", ".pyc", ".so", ".pyd")
_SITE = (*_MODULES, ".pth", ".egg", ".zip", ".whl", ".egg-link")
_METADATA = ("/METADATA", "/PKG-INFO", "/entry_points.txt", "/direct_url.json")
_CODE = (".py", ".pyw", ".ipynb")


def is_of_site(path: str) -> bool:
    """Whether a file in the folder of packages belongs to a program."""
    if "__pycache__/" in path and path.endswith(".pyc"):
        return False
    return path.endswith(_SITE) or (path.endswith(_METADATA) and "-info/" in path)


def is_of_project(path: str, size: int) -> bool:
    """Whether a file outside of it does."""
    if "__pycache__/" in path and path.endswith(".pyc"):
        return False
    return size <= LARGEST or path.lower().endswith(_CODE)


def is_of_home(path: str, size: int, home: str) -> bool:
    """Whether a file of the environment's folder does: its configuration, and its commands."""
    commands = path.startswith((f"{home}/bin/", f"{home}/Scripts/")) and size <= LARGEST
    return commands or path == f"{home}/pyvenv.cfg"


def home_of(site: str) -> str:
    """The folder of the environment that a folder of packages is part of; itself if of none."""
    parts = site.split("/")
    if len(parts) > 3 and parts[-1].endswith("-packages") and parts[-3] in ("lib", "lib64"):
        return "/".join(parts[:-3])
    if len(parts) > 2 and parts[-1] == "site-packages" and parts[-2] == "Lib":
        return "/".join(parts[:-2])
    return site
