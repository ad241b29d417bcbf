"""What support sees of a referrer, and the few things it may do there."""
