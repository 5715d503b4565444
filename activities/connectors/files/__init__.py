"""Files of rows from outside: how they are written, and their rows in Arrow batches with the lines that were refused."""
