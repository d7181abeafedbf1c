"""The wire: how the words travel, as columns and bytes inside gRPC messages."""
