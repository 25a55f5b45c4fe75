"""Where rows go: ClickHouse for real, memory for the tests of everything above."""
