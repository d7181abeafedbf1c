"""The page for the care provider's own IT: what was asked, answered and refused, and what it cost."""
