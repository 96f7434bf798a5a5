"""One module for each row of the table: `measured(bench)` gives data, `written(data)` Markdown."""
