"""Every word of the pages is English or one of our terms: a typo is neither.

`words/english.txt` are words of four letters and more that are frequent in the dictionary of
pyspellchecker (MIT licence); `words/ours.txt` are those of physics, of software and of this
project, and rarer English. A new word that is right goes there.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
WORDS = ROOT / "tests" / "words"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs" / "pages").rglob("*.md"))]
PAGES += [ROOT / "paper" / "paper.md", ROOT / "tests" / "README.md"]
NO_PROSE = (
    r"\A---\n.*?\n---\n",  # a header
    r"```.*?```",
    r"`[^`]*`",
    r"\]\([^)]*\)",
    r"https?://\S+",
    r"@\w+",
    r"\b\w*[\d_]\w*\b",
    r"(?m)^    [^\n]*$",  # an equation
)


def prose(text: str) -> str:
    """Return a page without code, links, citations and equations."""
    for pattern in NO_PROSE:
        text = re.sub(pattern, " ", text, flags=re.S)
    return text


def unknown_words(text: str, known: set[str]) -> list[str]:
    """Return the words of four letters and more that are not known."""
    found = re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)?", prose(text))
    plain = {word: re.sub(r"['’]s?$|['’]s$", "", word).lower() for word in found}
    forms = {word: {bare, bare.removesuffix("s")} for word, bare in plain.items() if len(bare) > 3}
    return sorted(word for word, either in forms.items() if not either & known)


def known_words() -> set[str]:
    """Return both lists."""
    return {word for path in WORDS.glob("*.txt") for word in path.read_text().split()}


def test_every_word_is_known():
    known = known_words()
    wrong = {str(page.relative_to(ROOT)): unknown_words(page.read_text(), known) for page in PAGES}
    assert {page: words for page, words in wrong.items() if words} == {}


def test_a_typo_is_seen():
    known = known_words()
    assert unknown_words("The memrsitor's `codde` and voltagge.", known) == [
        "memrsitor's",
        "voltagge",
    ]
