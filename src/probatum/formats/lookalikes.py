"""Tells texts that are drawn alike and are not the same.

Two texts count as drawn alike if they are the same once compatible characters are folded (NFKC) and
letters of other scripts that fonts draw like one of ASCII are replaced by that. The table is the
part of Unicode's confusables that stands for one basic letter; what a font draws alike beyond it is
not told.

Source: UTS #39, Unicode Security Mechanisms, 4 (confusable detection).
"""

import unicodedata

_SHAPES = {
    "a": "\u0430\u0251\u03b1", "c": "\u0441\u03f2\u1d04", "d": "\u0501\u217e",
    "e": "\u0435\u04bd", "f": "\u1e9d", "g": "\u0261\u0581", "h": "\u04bb\u0570",
    "i": "\u0456\u0131\u0269\u03b9", "j": "\u0458\u03f3", "k": "\u0138\u03ba\u043a",
    "l": "\u217c\u04cf", "m": "\u217f", "n": "\u0578\u057c", "o": "\u043e\u03bf\u0585",
    "p": "\u0440\u03c1", "q": "\u051b\u0563", "r": "\u0433\u1d26", "s": "\u0455\ua731",
    "t": "\u0442\u03c4", "u": "\u03c5\u057d\u1d1c", "v": "\u0475\u03bd\u1d20",
    "w": "\u0461\u051d\u1d21", "x": "\u0445\u03c7\u2179", "y": "\u0443\u04af\u03b3",
    "z": "\u1d22", "A": "\u0410\u0391\u13aa", "B": "\u0412\u0392\u13f4",
    "C": "\u0421\u03f9\u13df", "D": "\u13a0\u216e", "E": "\u0415\u0395\u13ac",
    "F": "\u03dc\u15b4\u0492", "G": "\u050c\u13c0", "H": "\u041d\u0397\u13bb",
    "I": "\u0406\u0399\u04c0", "J": "\u0408\u13ab", "K": "\u041a\u039a\u13e6",
    "L": "\u13de\u216c", "M": "\u041c\u039c\u13b7", "N": "\u039d\ua4e0",
    "O": "\u041e\u039f\u0555", "P": "\u0420\u03a1\u13e2", "Q": "\u051a\u2d55",
    "R": "\u13a1\u13d2", "S": "\u0405\u054f\u13da", "T": "\u0422\u03a4\u13a2",
    "U": "\u054d\u144c", "V": "\u0474\u13d9", "W": "\u051c\u13b3", "X": "\u0425\u03a7\u1541",
    "Y": "\u0423\u03a5\u04ae", "Z": "\u0396\u13c3", "-": "\u2010\u2011\u2012\u2013\u2212",
    "|": "\u01c0\u2223\u2502", "_": "\u02cd", "<": "\u2039", ">": "\u203a", "/": "\u2044\u2215",
    ".": "\u2024", ":": "\u02d0\u2236\ua789", "'": "\u2019\u02bc\u2032", "!": "\u01c3",
}  # fmt: skip
_TABLE = {ord(other): plain for plain, others in _SHAPES.items() for other in others}


def drawn(text: str) -> str:
    """The same for any two texts that are drawn alike."""
    if text.isascii():
        return text
    folded = unicodedata.normalize("NFKC", text.translate(_TABLE))
    return folded.translate(_TABLE)


def unlike(text: str, other: str) -> str:
    """In what a text that is drawn like another differs from it: the first such character."""
    rest = next(
        (one for one, old in zip(text, other, strict=False) if one != old), text[len(other) :][:1]
    )
    if not rest:
        return "it is made of other characters"
    return f"it has U+{ord(rest):04X} {unicodedata.name(rest, 'without a name')}"
