"""The whole content of a ZIP member is what its pieces are, and is refused where they are."""

import io
import zipfile

from hypothesis import given
from hypothesis import strategies as st

from probatum.errors import FormatError
from probatum.formats import zip
from probatum.material import BytesMaterial


def told(data: bytes, *, at_once: bool) -> object:
    material = BytesMaterial(data)
    try:
        entries = zip.directory(material).entries
        if not entries:
            return None
        one = zip.located(material, entries[0])
        return zip.content(material, one) if at_once else b"".join(zip.contents(material, one))
    except FormatError as exc:
        return exc.reason, exc.detail


@given(
    st.binary(max_size=300),
    st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2]),
    st.dictionaries(st.integers(0, 500), st.integers(1, 255), max_size=2),
)
def test_content_is_what_its_pieces_are(
    content: bytes, method: int, changes: dict[int, int]
) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        archive.writestr("one", content)
    data = bytearray(made.getvalue())
    if not changes:
        assert told(bytes(data), at_once=True) == content
    for at, change in changes.items():
        data[at % len(data)] ^= change
    assert told(bytes(data), at_once=True) == told(bytes(data), at_once=False)
