"""The whole packages on which noise and speed are measured, by how many lines they have.

They were chosen by size class from well-known AI packages, before any tool was run on them, and
none of them is in the table of vulnerabilities that the rules were written by.
"""

PACKAGES = (
    # under 20,000 lines
    ("fastapi-mcp", "0.4.0"),
    ("litserve", "0.2.19"),
    ("llm", "0.36"),
    ("chainlit", "2.12.0"),
    # up to 50,000
    ("instructor", "1.17.0"),
    ("mcp", "2.3.0"),
    ("mem0ai", "2.2.1"),
    ("accelerate", "1.15.0"),
    # up to 150,000
    ("datasets", "5.2.0"),
    ("sentence-transformers", "6.2.0"),
    ("trl", "1.16.0"),
    ("chromadb", "1.5.9"),
    ("dspy", "3.4.1"),
    ("huggingface-hub", "2.4.0"),
    ("ultralytics", "8.4.190"),
    ("semantic-kernel", "1.45.0"),
    ("crewai", "1.15.30"),
    # more
    ("langchain-community", "0.4.2"),
    ("agno", "3.1.10"),
    ("diffusers", "0.42.1"),
)

LARGEST = ("transformers", "4.35.2")
"""800,000 lines: what memory and time are measured on."""
