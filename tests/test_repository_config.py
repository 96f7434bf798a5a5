"""What a JSON configuration may name: the quick question is never narrower than the rules."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from probatum.formats import repository_config

_ENDINGS = repository_config._rules()["suspect"]["endings"]
_LIKE = {"s": "sS\u017f", "k": "kK\u212a", "i": "iI\u0131\u0130"}


@given(st.text(max_size=6), st.sampled_from(_ENDINGS), st.randoms(use_true_random=False))
def test_no_key_that_a_rule_fits_is_passed_over(start: str, ending: str, draw: Random) -> None:
    key = start + "".join(draw.choice(_LIKE.get(one, one + one.upper())) for one in ending)
    assert repository_config._SUSPECT.search(key) is None or repository_config._likely([(key, 0)])
