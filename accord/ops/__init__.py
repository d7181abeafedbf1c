"""What those need who run a part: readiness, measures, logs in a form that programs read, and what a doctor finds."""
