"""A file that another loader of pickles reads as another format is never proven."""

import hashlib
import io
import pickle
import tarfile

import pytest

from probatum.analyzers.model.pickle_load import pickle_load
from probatum.check import pickle as checker
from probatum.errors import Rejected
from probatum.material import BytesMaterial
from probatum.vocabulary import Artifact, Proven, Reason, Undecided

MAGIC = 0x1950A86A20F9469CFC6C


def legacy_torch_file(first_block: bytes, folded: bytes) -> bytes:
    """torch's five streams; the third is bytes that run over the first 512 and `folded`."""
    return first_block + folded + b"." + pickle.dumps({}, 2) + pickle.dumps([], 2)


def first_block(folded: bytes, checksum: bytes | None) -> bytes:
    """The magic number, the version and the begin of a long string; a tar header as well."""
    start = pickle.dumps(MAGIC, 2) + pickle.dumps(1001, 2) + b"\x80\x04B"
    start += (512 - len(start) - 4 + len(folded)).to_bytes(4, "little")
    fields = b"0000644\0" + b"0000000\0" * 2 + b"00000000000\0" * 2 + b" " * 8 + b"0"
    block = (start.ljust(100, b"\0") + fields).ljust(512, b"\0")
    written = b"%06o\0 " % sum(block) if checksum is None else checksum
    return block[:148] + written.ljust(8, b"\0") + block[156:]


def tar_of(*names: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name))
    return out.getvalue()


FOLDED = tar_of("storages", "tensors", "pickle")
SUM = sum(first_block(FOLDED, b" " * 8))
SIGNED = SUM - 256 * sum(byte > 127 for byte in first_block(FOLDED, b" " * 8))
SPELLINGS = {
    "as tar writes it": None,
    "with a sign and a prefix": b"+0o%o" % SUM,
    "with an underscore": b"%o_%o" % divmod(SUM, 8),
    "in base 256": b"\x80" + SUM.to_bytes(7, "big"),
    "summed with signs": b"%06o" % SIGNED,
}


def judged(data: bytes, kind: str) -> object:
    return pickle_load.judge(Artifact(name="x", kind=kind, size=len(data)), BytesMaterial(data))


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_torch_file_that_is_a_tar_too_is_undecided(spelling: str) -> None:
    """torch.load(weights_only=False) unpacks what tarfile opens, and unpickles its members."""
    data = legacy_torch_file(first_block(FOLDED, SPELLINGS[spelling]), FOLDED)
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        assert "pickle" in archive.getnames()
    verdict = judged(data, "torch-raw")
    assert isinstance(verdict, Undecided) and verdict.reason == Reason.PARSER_DIFFERENTIAL


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_checker_rejects_a_tar_by_itself(spelling: str) -> None:
    honest = legacy_torch_file(first_block(FOLDED, b"7"), FOLDED)
    verdict = judged(honest, "torch-raw")
    assert isinstance(verdict, Proven)
    checker.holds(verdict.certificate.facts, BytesMaterial(honest).read, len(honest))
    forged = legacy_torch_file(first_block(FOLDED, SPELLINGS[spelling]), FOLDED)
    streams = verdict.certificate.facts["streams"]
    for stream in streams:
        part = forged[stream["start"] : stream["end"]]
        stream["sha256"] = hashlib.sha256(part).hexdigest()
    with pytest.raises(Rejected, match="tar"):
        checker.holds(verdict.certificate.facts, BytesMaterial(forged).read, len(forged))


def test_a_pickle_that_begins_as_bzip2_does_is_undecided() -> None:
    """BINBYTES of 90 bytes to pickle.load; joblib.load goes by the first two bytes alone."""
    data = b"BZ\0\0\0" + bytes(90) + b"."
    assert pickle.loads(data) == bytes(90)
    verdict = judged(data, "pickle")
    assert isinstance(verdict, Undecided) and verdict.reason == Reason.PARSER_DIFFERENTIAL
