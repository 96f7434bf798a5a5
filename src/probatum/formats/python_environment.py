"""An environment: the metadata of the distributions installed in one folder, as one artifact.

Nothing of the environment is run, and no interpreter asked: what is installed is what has metadata.
The artifact `python-environment` is called `<folder>!/environment`, as
`.venv/lib/python3.12/site-packages!/environment`; its bytes are those of a
[project](#python-project) whose first line is `python-environment 1` and whose files are, for each
distribution in that folder:

- `<name>-<version>.dist-info/METADATA`, or `<name>.egg-info/PKG-INFO`, or the file
  `<name>.egg-info`: the distribution's name and version;
- `<name>-<version>.dist-info/direct_url.json`, where it came from an address, a repository or a
  folder instead of an index;
- `<name>.egg-link`, where it is only a pointer to a folder.

A folder of metadata without these files is told as left out. Distributions that another vendors
(`setuptools/_vendor`) are an environment of their own.

Sources: packaging.python.org, "Recording installed projects", "Recording the direct URL origin of
installed distributions"; setuptools, "The internal structure of Python eggs".
"""

KIND = "python-environment"

_DIST, _EGG, _LINK = ".dist-info", ".egg-info", ".egg-link"


def distribution_of(path: str) -> str | None:
    """The path of the metadata that this file is, or is in; None if it is in none."""
    folder, _, base = path.rpartition("/")
    if folder.endswith((_DIST, _EGG)):
        return folder
    return path if base.endswith((_EGG, _LINK)) else None


def is_taken(path: str) -> bool:
    """Whether a file of a distribution's metadata is one of an environment."""
    return is_metadata(path) or path.endswith((f"{_DIST}/direct_url.json", _LINK))


def is_metadata(path: str) -> bool:
    """Whether a file says the name and version of a distribution."""
    return path.endswith((f"{_DIST}/METADATA", f"{_EGG}/PKG-INFO", _EGG))
