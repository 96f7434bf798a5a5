"""Rule data, each row with its source."""
