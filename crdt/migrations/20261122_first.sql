-- The first layout. Ids that are long and often repeated (collections, origins, peers, documents)
-- have a small number each, so that rows stay tiny.

-- What the database says of itself: own incarnation, and later which machine it lives on.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

-- class: nr of the collection whose id is the smallest among those united with this one.
-- token: rises with every change in the class; kept in the row of the class itself.
CREATE TABLE collection (
    nr     INTEGER PRIMARY KEY,
    id     BLOB NOT NULL UNIQUE,
    class  INTEGER NOT NULL,
    kind   TEXT NOT NULL,
    name   TEXT NOT NULL,
    colour TEXT NOT NULL,
    token  INTEGER NOT NULL DEFAULT 0
);

-- Pairs of collection ids that are one collection; grows only. a < b.
CREATE TABLE collection_union (
    a BLOB NOT NULL,
    b BLOB NOT NULL,
    PRIMARY KEY (a, b)
) WITHOUT ROWID;

-- One row an item: everything that lists and queries need, derived from its changes.
-- heads: the changes that no other names. The fingerprint H(id, sorted heads)[..16], also the
-- ETag, follows from it and is not stored.
-- first: the block with the first change, where one has it. single: it has no other change.
-- token: the class's token when it last changed, which is all that a sync-collection report needs.
-- kind: a small number for the common ones, else the text.
CREATE TABLE doc (
    nr        INTEGER PRIMARY KEY,
    class     INTEGER NOT NULL,
    id        BLOB NOT NULL,
    heads     BLOB NOT NULL,
    first     INTEGER,
    single    INTEGER NOT NULL,
    token     INTEGER NOT NULL,
    live      INTEGER NOT NULL,
    recurring INTEGER NOT NULL,
    conflicts INTEGER NOT NULL,
    kind      NOT NULL,
    uid       TEXT NOT NULL,
    name      TEXT NOT NULL,
    start     TEXT NOT NULL,
    end       TEXT NOT NULL,
    search    TEXT NOT NULL
);
CREATE UNIQUE INDEX doc_by_id ON doc (class, id);
-- Few at any time: they move into blocks.
CREATE INDEX doc_alone ON doc (nr) WHERE single AND first IS NULL;

-- First changes of many documents packed as one; they have no rows in `change`.
-- count: how many of them are in use. dict: as below.
CREATE TABLE block (
    nr    INTEGER PRIMARY KEY,
    count INTEGER NOT NULL,
    dict  INTEGER NOT NULL,
    key   INTEGER,
    body  BLOB NOT NULL
);

-- dict: how the body is packed. 0 zstd, -1 as it is; others are for dictionaries.
-- key: the key that encrypts the body at rest; NULL for none.
CREATE TABLE change (
    doc  INTEGER NOT NULL,
    hash BLOB NOT NULL,
    dict INTEGER NOT NULL,
    key  INTEGER,
    body BLOB NOT NULL,
    PRIMARY KEY (doc, hash)
) WITHOUT ROWID;

-- Many edits of one document saved as one; they have no rows in `change`.
-- nr: the number of the document times 65536, and which of its chunks it is.
-- hashes: of each edit the first 8 bytes of its hash.
CREATE TABLE chunk (
    nr     INTEGER PRIMARY KEY,
    hashes BLOB NOT NULL,
    dict   INTEGER NOT NULL,
    key    INTEGER,
    body   BLOB NOT NULL
);

CREATE TABLE origin (
    nr          INTEGER PRIMARY KEY,
    device      BLOB NOT NULL,
    incarnation INTEGER NOT NULL,
    retired     INTEGER,
    UNIQUE (device, incarnation)
);

-- Every name of every change, in runs of consecutive ones. n: the first of the run. body: of each
-- the order of receipt, which is the order of sending and within one origin rises with n; the
-- document; the first 8 bytes of the change's hash; the chain.
CREATE TABLE log (
    coll   INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    body   BLOB NOT NULL
);
CREATE UNIQUE INDEX log_by_name ON log (coll, origin, n);

-- peer 0 is this device: what is applied here. Others: what that peer has last confirmed.
CREATE TABLE vv (
    coll   INTEGER NOT NULL,
    peer   INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    chain  BLOB NOT NULL,
    floor  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (coll, peer, origin)
) WITHOUT ROWID;

-- Changes that could not be applied, with the reason. They hold up their origin, nothing else.
CREATE TABLE quarantine (
    coll   INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    doc    BLOB NOT NULL,
    at     INTEGER NOT NULL,
    reason TEXT NOT NULL,
    body   BLOB NOT NULL,
    PRIMARY KEY (coll, origin, n)
) WITHOUT ROWID;

CREATE TABLE blob (
    hash BLOB PRIMARY KEY,
    key  INTEGER,
    body BLOB NOT NULL
);

-- Blobs on their way in, piece by piece.
CREATE TABLE blob_part (
    hash  BLOB NOT NULL,
    start INTEGER NOT NULL,
    body  BLOB NOT NULL,
    PRIMARY KEY (hash, start)
);

CREATE TABLE blob_ref (
    hash BLOB NOT NULL,
    doc  INTEGER NOT NULL,
    PRIMARY KEY (hash, doc)
) WITHOUT ROWID;

-- Earlier states of a document, so that a late writer's text is compared with what it was shown.
-- Only those of several heads: a state of one head is the change of that hash.
CREATE TABLE version (
    doc   INTEGER NOT NULL,
    fp    BLOB NOT NULL,
    heads BLOB NOT NULL,
    PRIMARY KEY (doc, fp)
) WITHOUT ROWID;

CREATE TABLE source (
    nr       INTEGER PRIMARY KEY,
    name     TEXT NOT NULL UNIQUE,
    url      TEXT NOT NULL,
    settings TEXT NOT NULL
);

CREATE TABLE source_cursor (
    source INTEGER PRIMARY KEY REFERENCES source (nr) ON DELETE CASCADE,
    text   TEXT NOT NULL
);

-- What a source had under each of its keys when it was last read.
CREATE TABLE source_state (
    source INTEGER NOT NULL REFERENCES source (nr) ON DELETE CASCADE,
    key    TEXT NOT NULL,
    doc    BLOB,
    state  BLOB NOT NULL,
    PRIMARY KEY (source, key)
) WITHOUT ROWID;

CREATE TABLE device (
    nr        INTEGER PRIMARY KEY,
    id        BLOB NOT NULL UNIQUE,
    name      TEXT NOT NULL DEFAULT '',
    seen      INTEGER,
    addresses TEXT NOT NULL DEFAULT ''
);

CREATE TABLE membership (
    hash BLOB PRIMARY KEY,
    body BLOB NOT NULL
) WITHOUT ROWID;

-- Mail that waits to be sent by the elected sender.
CREATE TABLE outbox (
    key  TEXT PRIMARY KEY,
    at   INTEGER NOT NULL,
    body BLOB NOT NULL
) WITHOUT ROWID;

-- Deletes that wait for a person.
CREATE TABLE held (
    source INTEGER NOT NULL REFERENCES source (nr) ON DELETE CASCADE,
    key    TEXT NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (source, key)
) WITHOUT ROWID;
