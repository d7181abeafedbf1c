"""Records of FHIR STU3 (3.0.2, zib2017) as FHIR R4 (4.0.1): bytes in, bytes out, and nothing is guessed or lost."""
