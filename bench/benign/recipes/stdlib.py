"""Plain data of the standard library in every protocol."""

import http
import pickle
import re
import uuid
from collections import ChainMap, Counter, OrderedDict, UserDict, defaultdict, deque
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePosixPath, PureWindowsPath

from bench.benign.sample import Sample, every_protocol, pickled

NEEDS: tuple[str, ...] = ()


def data() -> Iterator[Sample]:
    loop: list[object] = [1]
    loop.append(loop)
    value = {
        "text": "é\n\\ ",
        "bytes": b"\x00\xff" * 200,
        "numbers": [0, -1, 255, 65536, 2**31, 2**200, 1.5, float("inf"), 1j],
        "flags": (True, False, None),
        "nested": {"a": [{"b": ()}, []], (1, 2): frozenset({1, 2})},
        "set": {1, 2, 3},
        "array": bytearray(b"abc"),
        "loop": loop,
    }
    yield from every_protocol("data", "dicts, lists, tuples, sets, numbers, text and bytes", value)
    yield pickled("long-list.pkl", "ten thousand integers", list(range(10_000)))
    yield pickled("long-text.pkl", "a text of 100 kB", "x" * 100_000, 5)


def containers() -> Iterator[Sample]:
    ordered = OrderedDict(a=1, b=[2])
    yield from every_protocol("ordered-dict", "OrderedDict", ordered)
    yield from every_protocol("counter", "Counter", Counter("abracadabra"))
    yield from every_protocol("defaultdict", "defaultdict(list)", defaultdict(list, a=[1]))
    yield from every_protocol("deque", "deque with a bound", deque([1, 2, 3], maxlen=5))
    yield pickled("chain-map.pkl", "ChainMap and UserDict", [ChainMap({1: 2}), UserDict(a=1)])


def values() -> Iterator[Sample]:
    moments = [
        datetime(2024, 2, 29, 12, 30, 15, 99),
        datetime(2024, 1, 1, tzinfo=UTC),
        datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=2), "here")),
        date(2020, 1, 1),
        time(1, 2, 3),
        timedelta(days=3, seconds=1),
    ]
    yield from every_protocol("datetime", "datetime, date, time, timedelta, timezone", moments)
    numbers = [Decimal("1.25"), Fraction(1, 3), complex(1, 2)]
    yield from every_protocol("numbers", "Decimal, Fraction, complex", numbers)
    yield from every_protocol("uuid", "UUID", {uuid.UUID(int=5): "five"})
    paths = [Path("a/b"), PurePosixPath("/x"), PureWindowsPath("C:\\x")]
    yield from every_protocol("paths", "paths", paths)
    yield pickled("enum.pkl", "members of the standard library's enums", [http.HTTPStatus.OK])
    yield pickled("pattern.pkl", "a compiled regular expression", re.compile(r"(?u)\b\w\w+\b"))
    yield pickled("ranges.pkl", "range, slice, Ellipsis, types", [range(5), slice(1, 2), ..., int])
    yield pickled("error.pkl", "an exception that was caught", ValueError("bad", 3))


def streams() -> Iterator[Sample]:
    def two(path: Path) -> None:
        path.write_bytes(pickle.dumps({"a": 1}) + pickle.dumps([1, 2]))

    yield Sample("two-streams.pkl", "two pickles one after the other in one file", two)


GROUPS = (data, containers, values, streams)
