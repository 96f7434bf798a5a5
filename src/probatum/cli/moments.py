"""The date of a document: the one that the user names, so that the same makes the same bytes."""


def moment(given: str | None) -> str:
    """The date of a document, in UTC (RFC 3339): as given, or SOURCE_DATE_EPOCH; empty for none.

    Raises: UsageError if it is no date.
    """
    import os
    from datetime import UTC, datetime

    from probatum.errors import UsageError

    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        if given == "now":
            found = datetime.now(UTC)
        elif given is not None:
            found = datetime.fromisoformat(given)
        elif epoch:
            found = datetime.fromtimestamp(int(epoch), UTC)
        else:
            return ""
        if found.tzinfo is None:
            found = found.replace(tzinfo=UTC)
        return found.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError) as exc:
        what = "--timestamp" if given is not None else "SOURCE_DATE_EPOCH"
        says = f"{what} {given or epoch!r} is no date: write now, or as in 2026-01-31T12:00:00Z"
        raise UsageError(says) from exc
