-- A blob over 256 KiB lies in blob_part as it came, and here only its length; a smaller one whole.
ALTER TABLE blob ADD COLUMN length INTEGER;

-- Blobs that stored changes name and that are not here.
CREATE TABLE blob_missing (
    hash BLOB PRIMARY KEY
) WITHOUT ROWID;

INSERT INTO blob_missing
    SELECT DISTINCT hash FROM blob_ref WHERE hash NOT IN (SELECT hash FROM blob);

CREATE TRIGGER blob_named AFTER INSERT ON blob_ref
WHEN NOT EXISTS (SELECT 1 FROM blob WHERE hash = new.hash)
BEGIN
    INSERT OR IGNORE INTO blob_missing VALUES (new.hash);
END;

CREATE TRIGGER blob_came AFTER INSERT ON blob
BEGIN
    DELETE FROM blob_missing WHERE hash = new.hash;
END;

CREATE TRIGGER blob_went AFTER DELETE ON blob
WHEN EXISTS (SELECT 1 FROM blob_ref WHERE hash = old.hash)
BEGIN
    INSERT OR IGNORE INTO blob_missing VALUES (old.hash);
END;

-- How many attachments a device has last said that it lacks.
ALTER TABLE device ADD COLUMN lacking INTEGER NOT NULL DEFAULT 0;

-- Where a device listens, in its own signed words.
ALTER TABLE device ADD COLUMN record BLOB;
