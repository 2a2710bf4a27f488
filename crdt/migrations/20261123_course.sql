-- What becomes of an item in time: 1 it repeats, 2 it was called off, 3 both. Rows of a database
-- that is older are derived anew once.
ALTER TABLE doc RENAME COLUMN recurring TO course;
