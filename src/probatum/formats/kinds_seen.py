"""What is known of a file whose kind is asked: its name, its first bytes, the rest on demand."""

from functools import cached_property

from probatum.errors import FormatError
from probatum.formats import tar, zip
from probatum.formats.folder_names import promised
from probatum.formats.patterns import Later
from probatum.formats.pickle_start import Walk
from probatum.formats.protobuf_outline import Outline, outline
from probatum.ports import Material

HEAD = 4096
_WORKFLOWS = Later(r"(?:^|/)\.github/workflows/[^/]+\Z")
_PROSE = (None, "markdown", "text")
_CONTROL = bytes({*range(32)} - {*b"\t\n\v\f\r\x1b"})
_CONTROL_WIDE = Later(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_SHARD = Later(r"(.+)\.data-\d{5}-of-\d{5}")
_MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))


class Seen:
    """What is known of a file so far: its name, its first bytes, and the rest on demand."""

    def __init__(self, name: str, material: Material, parent: str | None) -> None:
        self.material = material
        self.parent = parent
        self.size = material.size
        self.head = material.read(0, HEAD)
        self.name = name
        self.inside = name.rpartition("!/")[2]
        self.base = name.rpartition("/")[2].lower()

    def _is_read_by_agents(self) -> bool:
        from probatum.formats.agent_names import (
            is_read_by_agents,  # its patterns cost a millisecond
        )

        return is_read_by_agents(self.inside, self.material.beside)

    def _is_agent_settings(self) -> bool:
        from probatum.formats.agent_names import is_agent_settings

        return is_agent_settings(self.inside)

    @cached_property
    def promise(self) -> str | None:
        """The kind that the name promises, if any."""
        if self.is_raw_weights:
            return None
        kind = promised(self.base)
        if kind in _PROSE and self._is_read_by_agents():
            return "agent-rules"
        if self.base.endswith((".json", ".jsonc", ".toml")) and self._is_agent_settings():
            return "agent-config"
        if kind == "yaml" and _WORKFLOWS.search(self.inside):
            return "github-workflow"
        return kind

    @cached_property
    def is_raw_weights(self) -> bool:
        """Whether the name is that of bare numbers, which have no format of their own."""
        return _is_raw_weights(self)

    @cached_property
    def text(self) -> str | None:
        """The head as text; None where it is not."""
        return _as_text(self.head, cut=self.size > len(self.head))

    @cached_property
    def walk(self) -> Walk:
        """How far the file runs as a pickle."""
        return Walk(self.head, self.size, self.material.read)

    @cached_property
    def outline(self) -> Outline | None:
        """The top-level fields, where the whole file is one protocol buffer."""
        return outline(self.material, self.head)

    @cached_property
    def zip_names(self) -> tuple[str, ...] | None:
        """The names of a ZIP's members; None where there is no directory to follow."""
        try:
            return tuple(entry.name for entry in zip.directory(self.material).entries)
        except FormatError:
            return None

    @cached_property
    def tar_names(self) -> tuple[str, ...]:
        """The names of a tar's first members."""
        return tar.first_names(self.material)


def _is_raw_weights(seen: Seen) -> bool:
    """Whether it is named as the bare numbers that another format keeps beside its graph."""
    shard = _SHARD.fullmatch(seen.base) if "-of-" in seen.base else None
    if shard is None and not seen.base.endswith(".bin"):
        return False
    wanted = f"{shard[1]}.index" if shard else f"{seen.base[:-4]}.xml"
    described = any(name.lower() == wanted for name in seen.material.beside)
    return described or (shard is None and "com.apple.CoreML/weights/" in seen.name)


def _as_text(head: bytes, *, cut: bool) -> str | None:
    encoding = next((name for mark, name in _MARKS if head.startswith(mark)), "utf-8")
    try:
        text = head.decode(encoding)
    except UnicodeDecodeError as exc:
        if not cut or len(head) - exc.start > 3:
            return None
        head = head[: exc.start]
        text = head.decode(encoding, "ignore")
    if encoding == "utf-16":
        return None if _CONTROL_WIDE.search(text) else text
    return text if len(head.translate(None, _CONTROL)) == len(head) else None  # 8 times as fast
