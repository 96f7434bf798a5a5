"""What the forms of a comparison show, and that nothing of a hostile model comes alive in them."""

from pathlib import Path

import pytest

from models import TENSORS, floats, model
from probatum.cli.main import main

HOSTILE = "<script>alert(1)</script>`\x1b[31m\u202e"
FORMS = ("terminal", "markdown", "html")


def said(form: str, base: Path, other: Path, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    main(["compare", str(base), str(other), "--format", form, "-q", *more])
    return capsys.readouterr().out


def hostile(folder: Path) -> Path:
    """A model that changes everything, under names that steer what shows them."""
    tuned = {HOSTILE: ("F32", (1,), floats(1))} | dict(TENSORS)
    made = model(folder, tuned, f"{{{{ '{HOSTILE}' }}}}")
    (made / "config.json").write_text('{"model_type": "llama", "</pre><b>": "```\\n# x"}')
    (made / "modeling.py").write_text("class Model:\n    x = '</span>'\n")
    return made


@pytest.mark.parametrize("form", FORMS)
def test_every_form_tells_each_aspect(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, other = model(tmp_path / "a"), hostile(tmp_path / "b")
    text = said(form, base, other, capsys, "--must-equal", "tensors")
    assert "1 added, 3 the same" in text
    assert "hidden_size: 2" in text
    assert "(not asked for)" in text
    for aspect in ("tensors", "template", "tokenizer", "config", "code", "files"):
        assert aspect in text


@pytest.mark.parametrize("form", FORMS)
def test_nothing_of_a_model_steers_what_shows_it(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = said(form, model(tmp_path / "a"), hostile(tmp_path / "b"), capsys)
    assert "\x1b" not in text
    assert "\u202e" not in text
    if form == "html":
        assert "<script" not in text
        assert "</pre><b>" not in text
        assert "'</span>'" not in text


def test_the_page_names_its_style_and_allows_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = said("html", model(tmp_path / "a"), hostile(tmp_path / "b"), capsys)
    assert "default-src 'none'; style-src 'sha256-" in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")


def test_what_could_not_be_read_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, other = model(tmp_path / "a"), model(tmp_path / "b")
    (other / "model.safetensors").write_bytes(b"\x08" + bytes(7) + b"{}     {")
    for form in FORMS:
        text = said(form, base, other, capsys)
        assert "model.safetensors" in text
        assert "no identity" in text


def test_many_layers_are_one_line_and_each_one_with_verbose(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def layers(value: float) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
        return {f"layers.{n}.w": ("F32", (1,), floats(value)) for n in range(30)}

    base, other = model(tmp_path / "a", layers(1)), model(tmp_path / "b", layers(2))
    assert "layers.*.w  30 tensors" in said("terminal", base, other, capsys)
    assert "layers.29.w" in said("terminal", base, other, capsys, "-v")
