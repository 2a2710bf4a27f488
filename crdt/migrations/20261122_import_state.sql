-- What a file held when a person last imported it, so that its next reading is a diff.
-- place: a hash of the path. turn: 0, or 1, 2 … where the file holds an item again.
-- state: the version of the document that says what the file said, less what it did not show.
CREATE TABLE import_state (
    place INTEGER NOT NULL,
    doc   BLOB NOT NULL,
    turn  INTEGER NOT NULL,
    state BLOB NOT NULL,
    PRIMARY KEY (place, doc, turn)
) WITHOUT ROWID;
