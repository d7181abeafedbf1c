"""The gRPC mechanics that both ends share: addresses, options, failures, pseudonyms."""
