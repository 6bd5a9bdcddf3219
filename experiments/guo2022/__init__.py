"""Guo et al., *Quantum memristors with quantum computers* (PR Applied 18, 024082, 2022)."""

NOT_REPRODUCED: dict[str, str] = {}
