-- Changes that could be read of a damaged document and build on some that could not: they wait
-- for these. body: the change as it was made.
CREATE TABLE salvage (
    class INTEGER NOT NULL,
    doc   BLOB NOT NULL,
    hash  BLOB NOT NULL,
    body  BLOB NOT NULL,
    PRIMARY KEY (class, doc, hash)
) WITHOUT ROWID;
