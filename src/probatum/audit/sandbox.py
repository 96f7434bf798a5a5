"""Confines a worker process before it touches the audited bytes.

What a worker must not do, whatever the bytes it reads do to it: talk to a network, start a
program or a process, reach into other processes, change a file outside its spool folder, or use
more memory, time and disk than it was given. Three layers, each of which holds alone:

1. resource limits (any POSIX system);
2. the kernel (Linux): Landlock for files, then a seccomp filter for everything else. The filter
   names what is refused and lets the rest pass: an interpreter needs more system calls, and
   other ones on other systems, than a list of allowed calls could name without breaking. What
   it names is every way to a socket, a program, another process, a kernel feature or a file's
   owner and mode, on the two architectures listed; 32-bit and x32 calls are refused whole;
3. an audit hook in the interpreter (everywhere), which refuses the same things by the events of
   PEP 578, and unpickling on top.

`confine` returns what could not be enforced here; the shell tells the user.
Sources: seccomp(2), landlock(7), the kernel's syscall tables, the Python audit events table.
"""

import ctypes
import os
import struct
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from msgspec import Struct


class Limits(Struct, frozen=True, kw_only=True):
    """What one worker, and one claim judged in it, may use.

    `memory`: bytes of address space. `cpu_s`: seconds of processor time for one claim, or for
    opening one artifact; `file_cpu_s`: for one file of the target with all that is in it.
    `wall_s`: seconds without any progress, whoever is to blame.
    `evidence`: bytes of one verdict, written down. `file_size`: bytes of one spooled file.
    `deaths`: how many workers one file of the target may cost before the rest of it is given up.
    """

    memory: int = 2 << 30
    cpu_s: float = 120.0
    file_cpu_s: float = 1800.0
    wall_s: float = 600.0
    evidence: int = 32 << 20
    file_size: int = 16 << 30
    open_files: int = 256
    deaths: int = 8


def confine(limits: Limits, spool: str) -> tuple[str, ...]:
    """Give up, for this process and for good, what a worker must not do. Returns the gaps."""
    gaps = _limit_resources(limits)
    if sys.platform == "linux":
        gaps += _confine_by_kernel(spool)
    else:
        gaps.append(
            "on this platform the kernel does not keep workers from the network and from "
            "starting programs: only the interpreter does"
        )
    sys.addaudithook(_refusal(os.path.realpath(spool)))
    return tuple(gaps)


def reuse_memory() -> None:
    """Have glibc keep up to 32 MiB of what is freed, for this process.

    Pieces of a mebibyte are read and let go all the time. By default each goes back to the kernel,
    and to have its pages anew costs more than to read them: a fifth of the time of an archive.
    Source: mallopt(3).
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        for parameter, size in ((_M_TRIM_THRESHOLD, 32 << 20), (_M_MMAP_THRESHOLD, 16 << 20)):
            if mallopt is not None:
                mallopt(parameter, size)


_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def _limit_resources(limits: Limits) -> list[str]:
    try:
        import resource
    except ImportError:
        return ["on this platform workers have no limit of memory"]
    gaps = []
    wanted = [
        ("memory", resource.RLIMIT_AS, limits.memory),
        ("file size", resource.RLIMIT_FSIZE, limits.file_size),
        ("open files", resource.RLIMIT_NOFILE, limits.open_files),
        ("core dumps", resource.RLIMIT_CORE, 0),
        ("processes", resource.RLIMIT_NPROC, 0),
    ]
    for name, which, value in wanted:
        hard = resource.getrlimit(which)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(which, (value, value))
        except (OSError, ValueError) as exc:
            gaps.append(f"the limit of {name} cannot be set here: {exc}")
    return gaps


# --- the interpreter -----------------------------------------------------------------------

_REFUSED_EVENTS = (
    "socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system",
    "os.startfile", "os.kill", "os.putenv", "pty.", "pickle.find_class", "ftplib.",
    "ctypes.dlopen", "ctypes.call_function", "ctypes.string_at", "ctypes.wstring_at",
    "http.", "imaplib.", "poplib.", "smtplib.", "nntplib.", "telnetlib.", "urllib.", "webbrowser.",
    "winreg.", "syslog.", "signal.pthread_kill", "sys.remote_exec",
)  # fmt: skip
_CHANGES_FILES = (
    "os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir",
    "os.removexattr", "os.setxattr", "os.symlink", "os.truncate", "os.utime", "shutil.",
    "os.chflags",
)  # fmt: skip
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def _refusal(spool: str) -> Callable[[str, tuple[Any, ...]], None]:
    """The audit hook. It only reads the event and its arguments, and allocates nothing else."""

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITES and not _inside(path, spool):
                _deny(event)
        elif event.startswith(_REFUSED_EVENTS) or (
            event.startswith(_CHANGES_FILES) and not _inside(arguments[0], spool)
        ):
            _deny(event)

    return refuse


def _inside(path: object, folder: str) -> bool:
    if isinstance(path, int):
        return True
    if not isinstance(path, str | bytes | os.PathLike):
        return False
    return (os.path.realpath(os.fsdecode(path)) + os.sep).startswith(folder + os.sep)


def _deny(event: str) -> NoReturn:
    raise PermissionError(1, f"a worker may not do this: {event}")


# --- the kernel ----------------------------------------------------------------------------

_EPERM, _ENOSYS = 1, 38
_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38
_SECCOMP_MODE_FILTER = 2

# AUDIT_ARCH of each machine, and the column of the table below that holds its numbers.
_MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}

# name: numbers on x86_64 and aarch64 (None: it does not exist there).
_REFUSED_CALLS: dict[str, tuple[int | None, int | None]] = {
    # the network
    "socket": (41, 198), "connect": (42, 203), "accept": (43, 202), "accept4": (288, 242),
    "bind": (49, 200), "listen": (50, 201), "sendto": (44, 206), "sendmsg": (46, 211),
    "sendmmsg": (307, 269), "recvfrom": (45, 207), "recvmsg": (47, 212), "recvmmsg": (299, 243),
    "mq_open": (240, 180), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    # programs and processes
    "execve": (59, 221), "execveat": (322, 281), "fork": (57, None), "vfork": (58, None),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "kcmp": (312, 272), "kill": (62, 129), "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424), "setns": (308, 268),
    "unshare": (272, 97), "personality": (135, 92), "setrlimit": (160, 164),
    # memory that no limit counts
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194),
    "shmat": (30, 196), "msgget": (68, 186), "semget": (64, 190),
    # owners, modes and marks of files, which Landlock leaves alone
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, None), "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54),
    "utime": (132, None), "utimes": (235, None), "futimesat": (261, None), "utimensat": (280, 88),
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7), "removexattr": (197, 14),
    "lremovexattr": (198, 15), "fremovexattr": (199, 16), "mknod": (133, None),
    "mknodat": (259, 33), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    # the system itself
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "mount_setattr": (442, 442), "swapon": (167, 224), "swapoff": (168, 225),
    "reboot": (169, 142), "sethostname": (170, 161), "setdomainname": (171, 162),
    "iopl": (172, None), "ioperm": (173, None), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "quotactl": (179, 60), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "adjtimex": (159, 171), "clock_adjtime": (305, 266),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282),
}  # fmt: skip
_CLONE, _CLONE3, _TGKILL, _PRLIMIT = (56, 220), (435, 435), (234, 131), (302, 261)
_CLONE_THREAD = 0x00010000
_X32 = 0x40000000

# Classic BPF over `struct seccomp_data { int nr; u32 arch; u64 ip; u64 args[6]; }`.
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NR, _ARCH, _FIRST_ARGUMENT = 0, 4, 16
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000


def _confine_by_kernel(spool: str) -> list[str]:
    libc = ctypes.CDLL(None, use_errno=True)
    gaps = []
    if not _prctl(libc, _PR_SET_NO_NEW_PRIVS, 1):
        gaps.append("this kernel does not let a worker give up new privileges")
    if not _landlock(libc, spool):
        gaps.append(
            "this kernel has no Landlock: only the interpreter keeps workers from writing files"
        )
    if not _seccomp(libc) or libc.socket(1, 1, 0) != -1:
        gaps.append(
            "this kernel or machine takes no seccomp filter: only the interpreter keeps workers "
            "from the network and from starting programs"
        )
    return gaps


def die_with_parent() -> None:
    """Linux: have the kernel end this process when its parent ends, however it ends."""
    if sys.platform == "linux":
        _prctl(ctypes.CDLL(None), _PR_SET_PDEATHSIG, 9)


def _seccomp(libc: ctypes.CDLL) -> bool:
    machine = os.uname().machine
    if machine not in _MACHINES or struct.calcsize("P") != 8:
        return False
    program = _filter(*_MACHINES[machine])
    buffer = ctypes.create_string_buffer(b"".join(program), len(program) * 8)
    header = struct.pack("HxxxxxxP", len(program), ctypes.addressof(buffer))
    return _prctl(libc, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header)


def _prctl(libc: ctypes.CDLL, option: int, value: int, data: bytes | None = None) -> bool:
    """Whether prctl(2) did it. Its arguments are variadic, hence each a full word."""
    zero = ctypes.c_ulong(0)
    return bool(libc.prctl(option, ctypes.c_ulong(value), data or zero, zero, zero) == 0)


def _call(libc: ctypes.CDLL, number: int, *arguments: int | bytes | None) -> int:
    """A system call that libc has no function for, each argument a full word."""
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    return int(libc.syscall(ctypes.c_long(number), *words))


def _filter(arch: int, column: int) -> list[bytes]:
    """The filter's instructions.

    1. Another architecture's call ends the process. 2. x32 calls are refused. 3. Each refused
    call gets EPERM. 4. clone3 does not exist (its flags cannot be read, and libc falls back to
    clone). 5. clone may only make threads; tgkill may only reach this process; prlimit only
    itself. 6. The rest passes.
    """
    made = [
        _op(_LOAD, _ARCH), _op(_EQUAL, arch, 1, 0), _op(_RETURN, _KILL),
        _op(_LOAD, _NR), _op(_AT_LEAST, _X32, 0, 1), _op(_RETURN, _ERRNO | _EPERM),
    ]  # fmt: skip
    for numbers in _REFUSED_CALLS.values():
        number = numbers[column]
        if number is not None:
            made += [_op(_EQUAL, number, 0, 1), _op(_RETURN, _ERRNO | _EPERM)]
    made += [_op(_EQUAL, _CLONE3[column], 0, 1), _op(_RETURN, _ERRNO | _ENOSYS)]
    made += _guarded(_CLONE[column], _op(_ANY_BIT, _CLONE_THREAD, 1, 0))
    made += _guarded(_TGKILL[column], _op(_EQUAL, os.getpid(), 1, 0))
    made += _guarded(_PRLIMIT[column], _op(_EQUAL, 0, 1, 0))
    return [*made, _op(_RETURN, _ALLOW)]


def _guarded(number: int, test: bytes) -> list[bytes]:
    """Refuse the call `number` unless `test` of its first argument jumps over the refusal."""
    return [
        _op(_EQUAL, number, 0, 4), _op(_LOAD, _FIRST_ARGUMENT), test,
        _op(_RETURN, _ERRNO | _EPERM), _op(_RETURN, _ALLOW),
    ]  # fmt: skip


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)


_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_LANDLOCK_VERSION_FLAG = 1
# execute, write, remove_dir, remove_file, make_{char,dir,reg,sock,fifo,block,sym}; later refer,
# truncate.
_LANDLOCK_BITS = {1: 0b1_1111_1111_0011, 2: 0b11_1111_1111_0011, 3: 0b111_1111_1111_0011}
_SPOOL_BITS = 0b100_0001_0011_0010


def _landlock(libc: ctypes.CDLL, spool: str) -> bool:
    """Let this process write and run no file but those it makes in its spool folder."""
    version = _call(libc, _LANDLOCK_CREATE, None, 0, _LANDLOCK_VERSION_FLAG)
    if version < 1:
        return False
    handled = _LANDLOCK_BITS[min(version, 3)]
    attributes = struct.pack("Q", handled)
    rules = _call(libc, _LANDLOCK_CREATE, attributes, len(attributes), 0)
    if rules < 0:
        return False
    folder = os.open(spool, os.O_RDONLY | os.O_DIRECTORY)
    try:
        rule = struct.pack("=Qi", handled & _SPOOL_BITS, folder)
        return bool(
            _call(libc, _LANDLOCK_ADD, rules, 1, rule, 0) == 0
            and _call(libc, _LANDLOCK_RESTRICT, rules, 0) == 0
        )
    finally:
        os.close(folder)
        os.close(rules)
