"""Market data that the applications share: daily prices and volumes, and a store of them on this machine."""
