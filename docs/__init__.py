"""The documentation site: `python -m docs` builds it, offline, from the pages and from the code."""
