"""Derives effect summaries of classes from the source of the libraries that define them."""
