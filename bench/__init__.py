"""What a booking costs, beside what PostgreSQL needs for it and beside other ways to write it."""
