"""The minter over a model of its world, in virtual time: every fault and crash follows a seed."""
