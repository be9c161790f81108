"""The experiments behind the project's figures, each a command that prints a table and writes JSON and a figure."""
