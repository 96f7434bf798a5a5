"""The whole packages on which noise and speed are measured, by how many lines they have.

They were chosen by size class from well-known AI packages, before any tool was run on them, and
none of them is in the table of vulnerabilities that the rules were written by.
"""

PACKAGES = (
    # under 20,000 lines
    ("llm", "0.36"),
    ("litserve", "0.2.19"),
    ("instructor", "1.17.0"),
    ("fastapi-mcp", "0.4.0"),
    ("mcp", "2.3.0"),
    # up to 50,000
    ("sentence-transformers", "6.2.0"),
    ("chromadb", "1.5.9"),
    ("accelerate", "1.15.0"),
    ("dspy", "3.4.1"),
    ("trl", "1.16.0"),
    ("chainlit", "2.12.0"),
    ("mem0ai", "2.2.1"),
    # up to 150,000
    ("huggingface-hub", "2.4.0"),
    ("datasets", "5.2.0"),
    ("crewai", "1.15.30"),
    ("semantic-kernel", "1.45.0"),
    ("ultralytics", "8.4.190"),
    # more
    ("agno", "3.1.10"),
    ("diffusers", "0.42.1"),
    ("langchain-community", "0.4.2"),
)

LARGEST = ("transformers", "4.35.2")
"""800,000 lines: what memory and time are measured on."""
