"""Puts images and metadata on IPFS and proves that they are there."""
