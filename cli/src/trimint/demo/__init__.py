"""`trimint demo`: the whole system on this machine, and a small collection minted on it."""
