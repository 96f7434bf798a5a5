"""Readers of file formats, shared by analysers. On hostile bytes they raise FormatError only."""
