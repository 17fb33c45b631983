"""Kafka, Postgres, Solana and IPFS on this machine, and their faults."""
