"""What a JSON configuration may name: the quick question is never narrower than the rules."""

from itertools import product

from probatum.formats import repository_config

_ENDINGS = repository_config._rules()["suspect"]["endings"]
# Letters that an expression which does not mind the case takes for these, beside the capital.
_LIKE = {"s": "\u017f", "k": "\u212a", "i": "\u0131\u0130"}


def test_no_key_that_a_rule_fits_is_passed_over() -> None:
    fitting = 0
    for start, ending in product(("", "x", "my_", "\u0120", "a" * 40), _ENDINGS):
        for at, letter in enumerate(ending):
            for other in (letter, letter.upper(), *_LIKE.get(letter, "")):
                key = start + ending[:at] + other + ending[at + 1 :]
                if repository_config._SUSPECT.search(key) is not None:
                    fitting += 1
                    assert repository_config._likely([(key, 0)]), key
    assert fitting > 1000
