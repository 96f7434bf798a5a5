"""Decides whether bytes are data, not a program that a system would run.

A model needs no program to be loaded; one that lies beside it waits for somebody to start it.

- **Refuted**: the header that makes a system run the bytes, with what it says: an ELF or PE file
  with its machine, a Mach-O file, a `#!` line and its interpreter, a llamafile (which is all of
  these at once), and a script by its name (`.bat`, `.cmd`, `.ps1`, `.sh`),
  which a shell runs whatever stands in it. The witness says nothing of what the program does.
- **Undecided(malformed)**: the magic number without a header that a system would accept.

It is never proven: only what was recognised as a program is asked. What was not is judged for the
kind that it is of.

Sources: ELF gABI 1.2, chapter 4; PE/COFF specification; mach-o/loader.h; execve(2); cosmopolitan
ape/specification.md.
"""

import struct

from probatum.ports import Material, analyzer
from probatum.vocabulary import (
    Artifact,
    Claim,
    Excerpt,
    Place,
    Reason,
    Refuted,
    Step,
    Undecided,
    Verdict,
    Witness,
)

NOT_A_PROGRAM = Claim(
    "not-a-program", "These bytes are data, not a program that a system would run."
)
_HEAD = 4096
_ELF_TYPES = {1: "object", 2: "executable", 3: "executable or shared library", 4: "core dump"}
_MACHINES = {3: "x86", 8: "MIPS", 40: "ARM", 62: "x86-64", 183: "AArch64", 243: "RISC-V"}
_PE_MACHINES = {0x14C: "x86", 0x8664: "x86-64", 0xAA64: "AArch64", 0x1C0: "ARM"}
_SCRIPTS = {
    ".sh": "a POSIX shell", ".bash": "bash", ".bat": "cmd.exe", ".cmd": "cmd.exe",
    ".ps1": "PowerShell",
}  # fmt: skip


@analyzer(
    id="not-a-program",
    claim=NOT_A_PROGRAM,
    accepts={"elf", "pe", "macho", "shell-script", "launcher", "llamafile"},
)
def not_a_program(artifact: Artifact, material: Material) -> Verdict:
    """Read the header that a system would go by."""
    head = material.read(0, _HEAD)
    says = _program(artifact, material, head)
    if says is None:
        detail = f"it begins like a program ({artifact.kind}), without a header that would run"
        return Undecided(Reason.MALFORMED, detail, Place(offset=0))
    steps = (
        Step("a system that is asked to start this file goes by these bytes", Place(offset=0)),
    )
    return Refuted((Witness(says, Place(offset=0), steps, Excerpt(0, head[:64])),))


def _program(artifact: Artifact, material: Material, head: bytes) -> str | None:
    if head.startswith(b"\x7fELF"):
        return _elf(head)
    if head.startswith((b"MZqFpD", b"jartsr=")):
        return "a program for several systems at once, such as a llamafile (APE)"
    if head.startswith(b"MZ"):
        return _pe(material, head)
    if head.startswith((b"#!", b"\xef\xbb\xbf#!")):
        line = head.split(b"\n", 1)[0].decode("utf-8", "replace").lstrip("\ufeff")
        return f"a script, run by {line[2:].strip()[:80]}"
    if artifact.kind == "macho":
        return _macho(head)
    suffix = artifact.name[artifact.name.rfind(".") :].lower()
    if artifact.kind in ("shell-script", "launcher"):
        return f"a script by its name, run by {_SCRIPTS.get(suffix, 'a shell')}"
    return None


def _elf(head: bytes) -> str | None:
    if len(head) < 52 or head[4] not in (1, 2) or head[5] not in (1, 2):
        return None
    type, machine = struct.unpack_from("<HH" if head[5] == 1 else ">HH", head, 16)
    named = _MACHINES.get(machine, f"machine {machine}")
    return f"an ELF file ({_ELF_TYPES.get(type, f'type {type}')}) for {named}"


def _pe(material: Material, head: bytes) -> str | None:
    at = int.from_bytes(head[60:64], "little")
    header = material.read(at, 24)
    if len(header) == 24 and header.startswith(b"PE\0\0"):
        machine = int.from_bytes(header[4:6], "little")
        what = "library" if int.from_bytes(header[22:24], "little") & 0x2000 else "program"
        return f"a Windows {what} (PE) for {_PE_MACHINES.get(machine, f'machine {machine:#x}')}"
    # DOS goes by the first header alone.
    return "a DOS program (MZ)" if len(head) >= 28 and any(head[2:28]) else None


def _macho(head: bytes) -> str | None:
    if len(head) < 8:
        return None
    return "a Mach-O universal file" if head[:3] == b"\xca\xfe\xba" else "a Mach-O file"
