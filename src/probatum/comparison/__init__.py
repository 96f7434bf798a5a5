"""Tells what one model changed against another: tensors, template, tokenizer, config and code."""
