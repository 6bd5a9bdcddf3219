"""Decay laws Γ(t): what a law is (`rates`), the laws of this package, and their integrals.

To add a law, write one class with the three methods of `rates.DecayRate`.
"""
