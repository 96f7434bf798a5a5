"""Reads GitHub workflows: what starts them, and what their jobs and steps are given.

Source: docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats import yaml_nodes
from probatum.formats.nodes import Mapping, Node, Scalar, Sequence, entries, items, text
from probatum.vocabulary import Place, Reason

EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)


class Text(Struct, frozen=True):
    """A text of the workflow, with its place."""

    text: str
    place: Place


class Step(Struct, frozen=True):
    """One step. `uses` is an action without its version; `given` is `with`."""

    name: str
    place: Place
    condition: Text | None
    uses: str
    run: Text | None
    given: dict[str, Text]
    env: dict[str, Text]


class Job(Struct, frozen=True):
    """One job. `permissions` of its token: None where neither it nor the workflow says any."""

    name: str
    place: Place
    needs: tuple[str, ...]
    condition: Text | None
    env: dict[str, Text]
    permissions: dict[str, str] | None
    environment: str
    outputs: dict[str, Text]
    steps: tuple[Step, ...]


class Workflow(Struct, frozen=True):
    """What one file says; `events` with their places."""

    events: dict[str, Place]
    env: dict[str, Text]
    jobs: tuple[Job, ...]
    data: bytes

    def spot(self, value: Text, said: str) -> Place:
        """Where `said` is written in `value`: a text of many lines begins with none of them."""
        offset = value.place.offset
        if offset is None:
            return value.place
        text, spots = _written(self.data)
        start = len(self.data[:offset].decode("utf-8", "replace"))
        at = text.find(said, start, start + 2 * len(value.text) + 1000)
        return spots.place(at) if at >= 0 else value.place


@lru_cache(maxsize=1)
def _written(data: bytes) -> tuple[str, yaml_nodes.Spots]:
    """The text and its places, made once for all that is sought in it."""
    text = data.decode("utf-8", "replace")
    return text, yaml_nodes.Spots(text)


def workflow(data: bytes) -> Workflow:
    """Raises: FormatError where it is no workflow that can be read."""
    documents = yaml_nodes.documents(data)
    if len(documents) != 1 or not isinstance(documents[0], Mapping):
        raise FormatError(Reason.MALFORMED, "a workflow is one mapping")
    top = documents[0]
    events = dict(_events(top.get("on")))
    if not events:
        raise FormatError(Reason.UNSUPPORTED, "what starts it is not told by names", top.place)
    permissions = _permissions(top.get("permissions"))
    jobs = tuple(_job(one.key.text, one.value, permissions) for one in entries(top.get("jobs")))
    return Workflow(events, _texts(top.get("env")), jobs, data)


def _events(node: Node | None) -> Iterator[tuple[str, Place]]:
    match node:
        case Scalar():
            yield node.text, node.place
        case Sequence():
            for one in node.items:
                if isinstance(one, Scalar):
                    yield one.text, one.place
        case Mapping():
            for entry in node.entries:
                yield entry.key.text, entry.key.place


def _permissions(node: Node | None) -> dict[str, str] | None:
    match node:
        case Scalar(text="write-all" | "read-all"):
            return {"everything": node.text.partition("-")[0]}
        case Mapping():
            return {one.key.text: text(one.value) or "" for one in node.entries}
    return None


def _job(name: str, node: Node, permissions: dict[str, str] | None) -> Job:
    if not isinstance(node, Mapping):
        raise FormatError(Reason.MALFORMED, f"the job {name[:60]!r} is no mapping", node.place)
    needs = node.get("needs")
    environment = node.get("environment")
    own = _permissions(node.get("permissions"))
    if isinstance(environment, Mapping):
        environment = environment.get("name")
    return Job(
        name=name,
        place=node.place,
        needs=tuple(filter(None, (text(one) for one in (*items(needs), needs)))),
        condition=_text(node.get("if")),
        env=_texts(node.get("env")),
        permissions=permissions if own is None else own,
        environment=text(environment) or "",
        outputs=_texts(node.get("outputs")),
        steps=tuple(_step(one) for one in items(node.get("steps")) if isinstance(one, Mapping)),
    )


def _step(node: Mapping) -> Step:
    uses = text(node.get("uses")) or ""
    return Step(
        name=text(node.get("id")) or "",
        place=node.place,
        condition=_text(node.get("if")),
        uses=uses.partition("@")[0].lower(),
        run=_text(node.get("run")),
        given=_texts(node.get("with")),
        env=_texts(node.get("env")),
    )


def _text(node: Node | None) -> Text | None:
    return Text(node.text, node.place) if isinstance(node, Scalar) else None


def _texts(node: Node | None) -> dict[str, Text]:
    found = {one.key.text: _text(one.value) for one in entries(node)}
    return {key: value for key, value in found.items() if value is not None}
