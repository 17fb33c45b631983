"""What tests across services share: an upstream system, and a witness that asks the chain."""
