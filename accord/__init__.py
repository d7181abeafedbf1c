"""The words, the rules and the wire that every party in the region agreed on."""
