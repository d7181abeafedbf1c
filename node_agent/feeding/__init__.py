"""HL7 v2 messages on their way into the embedded store: received, understood, kept, acknowledged."""
