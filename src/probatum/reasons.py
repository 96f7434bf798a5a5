"""What each reason for staying undecided means, and what a user can do about it."""

from probatum.vocabulary import Reason

MEANINGS: dict[Reason, str] = {
    Reason.MISSING_SUMMARY: (
        "Loading calls something of which no reviewed summary says what it does. The detail names "
        "it. It may be harmless; nobody has shown it."
    ),
    Reason.MISSING_ADVISORIES: (
        "What is known of vulnerabilities is not installed, or too old to rely on. "
        "`probatum advisories update` fetches it; an audit opens no connection for it."
    ),
    Reason.PARSER_DIFFERENTIAL: (
        "Two programs that read this format read these bytes differently, so what one of them "
        "would do proves nothing about the other."
    ),
    Reason.UNKNOWN_KIND: "The content is of no kind that Probatum knows.",
    Reason.NOT_ANALYSED: "The kind is known, but no analyser judges this claim for it yet.",
    Reason.OPAQUE: (
        "The format holds compiled or undocumented content that cannot be read from outside, "
        "such as an engine for one GPU."
    ),
    Reason.UNRESOLVED: (
        "A name, path or value that decides the claim cannot be told from the bytes alone."
    ),
    Reason.UNSUPPORTED: "The file uses a version or feature of its format that is not read here.",
    Reason.MALFORMED: "The bytes break a rule of their format. The place says where.",
    Reason.TRUNCATED: "The file ends before its format says it does: it was cut short.",
    Reason.ENCRYPTED: "The content is encrypted, and Probatum asks for no passwords.",
    Reason.OUTSIDE_TARGET: "A link or path leads out of the target, and was not followed.",
    Reason.UNREADABLE: "The bytes cannot be had: no permission, a broken disk, a refused request.",
    Reason.VANISHED: "The file was gone, or became shorter, while it was audited.",
    Reason.OVER_LIMIT: (
        "Judging it takes more than a limit allows: size, depth, members, ratio or evidence. "
        "Raise the limit if you trust the file that far (--max-…, or [limits])."
    ),
    Reason.OUT_OF_TIME: (
        "Judging it took more time than it was given (--max-cpu-seconds, --max-wall-seconds)."
    ),
    Reason.OUT_OF_MEMORY: "Judging it took more memory than it was given (--max-memory).",
    Reason.CRASHED: (
        "Probatum's own code failed on this file. The file may have been made to do that; "
        "please report it."
    ),
    Reason.INTERRUPTED: "The audit was stopped before this was judged.",
    Reason.MISSING_EXTRA: "An optional package is needed. The detail is the command to install it.",
    Reason.OFFLINE: "The bytes lie on a network that cannot be reached.",
    Reason.STATISTICAL: "There is a score, and a score is no proof.",
}
