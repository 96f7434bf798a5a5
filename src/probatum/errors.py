"""What Probatum raises, in one tree.

    ProbatumError
    ├── UsageError            the command line or a configuration file asks for something impossible
    │   └── ConfigurationError    probatum.toml: what is wrong, at which key, what to write instead
    ├── TargetError           a target named by the user cannot be opened at all
    ├── FeedError             advisories cannot be had, or are refused; what is installed stays
    ├── FormatError           bytes are not what their format demands (carries a Reason and a place)
    └── Rejected              a certificate does not hold for the bytes it is checked against

Readers in `formats` raise FormatError and nothing else on hostile bytes; `audit.judge` turns it
into Undecided. Checkers raise Rejected.
"""

from probatum.vocabulary import Place, Reason


class ProbatumError(Exception):
    """The root; its text says what happened, to what, and what to do."""


class UsageError(ProbatumError):
    """The command line asks for something impossible."""


class ConfigurationError(UsageError):
    """A configuration file is wrong; the text names the file, the key and what is allowed."""


class TargetError(ProbatumError):
    """A target the user named cannot be opened at all."""


class FeedError(ProbatumError):
    """Advisories cannot be had, or what a source sent is refused; what is installed stays."""


class FormatError(ProbatumError):
    """Bytes are not what their format demands.

    `reason` is usually MALFORMED, TRUNCATED, OVER_LIMIT, UNSUPPORTED, ENCRYPTED,
    MISSING_EXTRA or PARSER_DIFFERENTIAL.
    """

    def __init__(self, reason: Reason, detail: str, place: Place | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.place = place or Place()


class Rejected(ProbatumError):
    """A certificate does not hold; the text says which step of the check failed."""
