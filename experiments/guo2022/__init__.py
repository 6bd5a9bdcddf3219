"""Guo et al., quantum memristors with quantum computers (arXiv 2112.14660, PR Applied 18, 024082)."""

NOT_REPRODUCED: dict[str, str] = {}
