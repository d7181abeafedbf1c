"""What two organisations write to each other about a place: signed, sealed, numbered, and taken in once.

The gateway between them carries texts that it cannot read, change, or answer for.
"""
