"""Asks the region a question and composes the answers."""
