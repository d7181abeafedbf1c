"""The decisions: pure functions of what is known. No input or output, no clock, no chance."""
