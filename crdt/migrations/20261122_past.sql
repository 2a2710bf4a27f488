-- How far the order of receipt (log.seq) had come at which moment, by this device's clock in
-- milliseconds: what this device held at a time is what has a number up to there.
CREATE TABLE moment (
    at  INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL
);

-- A database that is older than this table knows its past from now on.
INSERT INTO moment (at, seq)
SELECT unixepoch() * 1000, value FROM meta WHERE key = 'seq';

-- What a person did on this device in one command, so that it can be undone.
-- undone: the operation that took it back.
CREATE TABLE operation (
    nr     INTEGER PRIMARY KEY,
    at     INTEGER NOT NULL,
    kind   TEXT NOT NULL,
    what   TEXT NOT NULL,
    undone INTEGER
);

-- The names in our own logs of the changes that an operation made.
CREATE TABLE operation_range (
    operation INTEGER NOT NULL REFERENCES operation (nr) ON DELETE CASCADE,
    coll      INTEGER NOT NULL,
    origin    INTEGER NOT NULL,
    first     INTEGER NOT NULL,
    last      INTEGER NOT NULL,
    PRIMARY KEY (operation, coll, origin, first)
) WITHOUT ROWID;
