"""Writers of reports: terminal, JSON, SARIF, JUnit, Markdown, HTML."""
