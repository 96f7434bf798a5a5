"""What a deployment starts, whatever form of file says it: services, with a place for every word.

Readers (`compose`, `kubernetes`, ...) yield a `Deployment`; `judging` asks the rules of it. What a
file leaves to others (a variable, an included file, a template, the image) is no guess but a `Gap`
or a value that is `open`, so that a verdict can name it.
"""

from msgspec import Struct

from probatum.formats.values import Value
from probatum.vocabulary import Place


class Reach(Struct, frozen=True):
    """A way in from other machines: `port` inside the service (empty: any), and how (`says`).

    `surely` is False where it depends on something else, which `says` names.
    """

    port: str
    place: Place
    says: str
    surely: bool = True


class Grant(Struct, frozen=True):
    """Something of the host that is handed to the service: `privileged`, `pid host`, `cap X` ..."""

    what: str
    place: Place
    open: str = ""


class File(Struct, frozen=True):
    """A file or folder that a service finds at `path`: what it is called outside, or what it holds.

    `held`: its text stands in the deployment itself, as a ConfigMap's does.
    """

    path: str
    source: Value
    held: bool = False


class Gap(Struct, frozen=True):
    """What stands elsewhere: what it is, and what it may say more of.

    `of`: some of `environment`, `command`, `ports`, `host`, `image`.
    """

    says: str
    place: Place
    of: frozenset[str]


EVERYTHING = frozenset({"environment", "command", "ports", "host", "image"})


class Service(Struct, frozen=True, kw_only=True):
    """One thing that is started.

    `commands` are the command lines that it is started with, each a list of words; where the image
    has a start of its own there may be none, or only arguments.
    `on_host`: started on the machine itself, so that whatever it listens on can be reached.
    `baked`: an image that somebody else will run.
    `user`: who it runs as; None where the image says so.
    `read`: the files of settings, as it calls them, that its environment and commands hold already.
    """

    name: str
    place: Place
    image: Value | None = None
    built: Place | None = None
    commands: tuple[tuple[Value, ...], ...] = ()
    environment: dict[str, Value] = {}
    reaches: tuple[Reach, ...] = ()
    grants: tuple[Grant, ...] = ()
    mounts: tuple[Value, ...] = ()
    files: tuple[File, ...] = ()
    read: tuple[Value, ...] = ()
    user: Value | None = None
    gaps: tuple[Gap, ...] = ()
    on_host: bool = False
    baked: bool = False


class Baked(Struct, frozen=True):
    """A secret of a build that stays in the image, or `may` stay: how, what it is, and where."""

    how: str
    says: str
    place: Place
    may: bool = False


class Deployment(Struct, frozen=True, kw_only=True):
    """All that one file starts, the images that it names, and what it leaves to others.

    `texts`: what else it sets, under its name, for no service or none that is known.
    `baked`: secrets that a build leaves in its image, as far as their names say.
    """

    services: tuple[Service, ...] = ()
    images: tuple[Value, ...] = ()
    gaps: tuple[Gap, ...] = ()
    texts: tuple[tuple[str, Value], ...] = ()
    baked: tuple[Baked, ...] = ()
