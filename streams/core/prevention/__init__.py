"""What customers need not ask any more once somebody else removes its cause."""
