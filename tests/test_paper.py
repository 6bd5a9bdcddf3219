"""The checklist of a software journal: sections, length, citations; commands in test_readme.py."""

from __future__ import annotations

import re
from pathlib import Path

PAPER = Path(__file__).parent.parent / "paper"
TEXT = (PAPER / "paper.md").read_text()
_, HEADER, BODY = TEXT.split("---\n", 2)
SECTIONS = ["Summary", "Statement of need", "State of the field", "What is new", "References"]


def test_the_sections_are_there_in_order():
    titles = re.findall(r"^# (.*)", BODY, re.M)
    assert [title for title in titles if title in SECTIONS] == SECTIONS


def test_it_has_at_most_a_thousand_words():
    words = len(BODY.split())
    assert 500 < words <= 1000


def test_the_header_is_complete():
    for field in ("title", "tags", "authors", "affiliations", "date", "bibliography"):
        assert re.search(rf"^{field}:", HEADER, re.M), field


def test_every_citation_has_an_entry_and_every_entry_is_cited():
    entries = re.findall(r"^@\w+\{(\w+),", (PAPER / "paper.bib").read_text(), re.M)
    assert len(set(entries)) == len(entries)
    assert set(re.findall(r"@(\w+)", BODY)) == set(entries)


def test_every_claim_has_its_command():
    section = BODY.partition("# What is new")[2].partition("\n# ")[0]
    claims = section.split("\n- ")[1:]
    assert len(claims) > 5
    for claim in claims:
        assert "`python -m experiments" in claim, claim
