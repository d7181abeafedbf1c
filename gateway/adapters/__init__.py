"""Adapters of the gateway's ports."""
