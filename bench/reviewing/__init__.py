"""Code review on released packages: rows of known vulnerabilities, whole packages, speed."""
