"""When desks are open: schedules, their file, and the rows by which business time is measured."""
