"""What a clinician sees of merged records: lines by section, what belongs together, what contradicts, what is missing."""
