"""Which known vulnerability affects which version: advisories, versions, and their matching."""
