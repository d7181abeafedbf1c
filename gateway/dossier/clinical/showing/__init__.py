"""How a record stands on the screen: one line in words, and everything else that it says within reach."""

from gateway.dossier.clinical.showing.line import show

__all__ = ["show"]
