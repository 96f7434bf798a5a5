"""An environment: the metadata of the distributions installed in one folder, as one artifact.

Nothing of the environment is run, and no interpreter asked: what is installed is what has metadata.
The artifact `python-environment` is called `<folder>!/environment`, as
`.venv/lib/python3.12/site-packages!/environment`; its bytes are those of a
[project](#python-project) whose first line is `python-environment 1` and whose files are, for each
distribution in that folder:

- `<name>-<version>.dist-info/METADATA`, or `<name>.egg-info/PKG-INFO`, or the file
  `<name>.egg-info`, or `<name>.egg/EGG-INFO/PKG-INFO`: the distribution's name and version;
- `<name>-<version>.dist-info/direct_url.json`, where it came from an address, a repository or a
  folder instead of an index;
- `<name>.egg-link`, where it is only a pointer to a folder;

and the files `<name>.pth`, which may add folders to this one. A folder of metadata without these
files, and an egg that is packed, are told as left out. Large and small letters are one here, as
they are where Python looks for metadata. Distributions that another vendors
(`setuptools/_vendor`) are an environment of their own.

Sources: CPython `Lib/importlib/metadata` and `Lib/site.py`; packaging.python.org,
"Recording installed projects", "Recording the direct URL origin of installed distributions";
setuptools, "The internal structure of Python eggs".
"""

KIND = "python-environment"

LARGEST_PATHS = 1 << 16
"""Bytes of a `.pth` that is one: larger ones are of models."""

_DIST, _EGG, _LINK = ".dist-info", ".egg-info", ".egg-link"
_INNER = "/egg-info"


def distribution_of(path: str) -> str | None:
    """The path of the metadata that this file is, or is in; None if it is in none."""
    folder = path.rpartition("/")[0]
    if folder.lower().endswith(f".egg{_INNER}"):
        return folder[: -len(_INNER)]
    if folder.lower().endswith((_DIST, _EGG)):
        return folder
    return path if path.lower().endswith((_DIST, _EGG, _LINK, ".egg")) else None


def is_taken(path: str) -> bool:
    """Whether a file of a distribution's metadata is one of an environment."""
    return is_metadata(path) or path.lower().endswith((f"{_DIST}/direct_url.json", _LINK))


def is_metadata(path: str) -> bool:
    """Whether a file says the name and version of a distribution, to one reader or another."""
    inner = path.lower().endswith(("/metadata", "/pkg-info")) and distribution_of(path) is not None
    return inner or path.lower().endswith(_EGG)


def is_paths(path: str) -> bool:
    """Whether a file may add folders to those in which Python finds packages."""
    return path.lower().endswith(".pth")
