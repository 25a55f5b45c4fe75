"""What each kind of panel draws: pure functions from frames to what the browser is told."""
