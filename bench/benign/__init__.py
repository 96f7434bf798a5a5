"""The benign corpus: files that real libraries write."""
