"""Taking deliveries of FHIR records into the embedded store, and saying what was refused and why."""
