"""The agent's face: gRPC in, values out, and back."""
