"""The office of the region: keeps the register, certifies organisations, signs every change."""
