"""Whether an agent is fit to answer, found out in the house itself: what was seen, what to repair, and who can."""
