"""The words: values that mean the same to every party. No input or output, no clock, no chance."""
