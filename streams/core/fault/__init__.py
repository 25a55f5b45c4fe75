"""One fault behind many tickets: when more customers come at once, on one asset or of one mind, than chance brings."""
