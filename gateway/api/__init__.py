"""The faces of the gateway: FHIR over HTTP, gRPC, and pages."""
