"""Answers for one care provider, and decides what leaves it."""
