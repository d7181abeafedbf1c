"""Joining a region: keys made here, a certificate from the office after a person decided, and a settings file at the end."""
