-- Names in the logs of a class whose changes are not here: a disk has lost them.
CREATE TABLE missing (
    class     INTEGER PRIMARY KEY,
    since     INTEGER NOT NULL,
    changes   INTEGER NOT NULL,
    documents INTEGER NOT NULL
);

-- When all documents of a class were last found to be the same as those of a peer, and in which
-- of its lives that was. asked: that was after something is missing, so the peer lacks it too.
CREATE TABLE compared (
    class       INTEGER NOT NULL,
    peer        INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    incarnation INTEGER NOT NULL,
    asked       INTEGER NOT NULL,
    PRIMARY KEY (class, peer)
) WITHOUT ROWID;
