"""What a provider's own systems say of its free places: exports of its planning, and its FHIR server. Derived, never confirmed."""
