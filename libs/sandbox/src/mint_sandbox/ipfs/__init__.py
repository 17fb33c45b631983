"""IPFS on this machine: Pinata's API, Kubo's RPC and gateways over stores of real blocks."""
