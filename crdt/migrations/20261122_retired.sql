-- Numbers above n of this origin are void as names in this log: two histories had them.
CREATE TABLE retired (
    coll   INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    PRIMARY KEY (coll, origin)
) WITHOUT ROWID;

ALTER TABLE origin DROP COLUMN retired;
