"""A made-up federation for the operator's page: what it looks like with hundreds of languages, and what it costs."""
