//! The bytes of first changes, pinned: another byte would make every item of every mesh twice.

use super::*;

/// Kind, UID, registers; the hash of the change; BLAKE3 of its bytes; the document.
fn check_golden(text: &str, hash: &str, bytes: &str, doc: &str) {
    let item = item(text);
    let change = genesis(&item);
    let found = (
        change.hash.to_string(),
        blake3::hash(&change.bytes).to_hex().to_string(),
        item.doc_id().to_string(),
    );
    assert_eq!(found, (hash.into(), bytes.into(), doc.into()), "{text}");
}

#[test]
fn the_first_change_of_a_card_of_3_0_has_the_bytes_it_always_had() {
    check_golden(
        "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:urn:uuid:550E8400-E29B-41D4-A716-446655440000\r\n\
         FN:Anna Gruber\r\nN:Gruber;Anna;;;\r\nTEL;TYPE=CELL:+43 1 234\r\nTEL;TYPE=HOME:+43 1 235\r\n\
         item1.EMAIL;TYPE=INTERNET:anna@example.org\r\nitem1.X-ABLabel:Ferien\r\n\
         REV:20250101T000000Z\r\nEND:VCARD\r\n",
        "ecace4906d7b386e383e86c37bb10d923a843483d9b5cd363cb9e24c8f3019b0",
        "d8115a4db716ab51d60e7ea113403794810e4660ccc29a1f968b59cdb688d403",
        "963743b751df494f9b7c0399f1922954",
    );
}

#[test]
fn the_first_change_of_a_card_of_4_0_has_the_bytes_it_always_had() {
    check_golden(
        "BEGIN:VCARD\nVERSION:4.0\nUID:550e8400-e29b-41d4-a716-446655440000\nFN:Jörg\n\
         CATEGORIES:Work,Friends\nEMAIL;PREF=1:j@example.org\nX-FOO;A=\"b;c\":as\\, written\n\
         END:VCARD\n",
        "37617e6470771130f70211a9a698bb9c9a029d74bbf91da49803dd81a1f49ca4",
        "5cb45dceb7118193ccb11f45a5f92f019a52f9a013e2c3ca417f3108dcdef393",
        "963743b751df494f9b7c0399f1922954",
    );
}

#[test]
fn the_first_change_of_an_event_with_an_occurrence_of_its_own_has_the_bytes_it_always_had() {
    check_golden(
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nX-WR-CALNAME:Home\nBEGIN:VTIMEZONE\n\
         TZID:Europe/Vienna\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0100\n\
         TZOFFSETTO:+0100\nEND:STANDARD\nEND:VTIMEZONE\nBEGIN:VEVENT\nUID:e@example.org\n\
         DTSTAMP:20250101T000000Z\nDTSTART;TZID=Europe/Vienna:20250106T100000\nDURATION:PT1H\n\
         RRULE:FREQ=WEEKLY\nEXDATE;TZID=Europe/Vienna:20250113T100000,20250120T100000\nSUMMARY:S\n\
         BEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT15M\nACKNOWLEDGED:20250101T000000Z\nEND:VALARM\n\
         END:VEVENT\nBEGIN:VEVENT\nUID:e@example.org\n\
         RECURRENCE-ID;TZID=Europe/Vienna:20250127T100000\n\
         DTSTART;TZID=Europe/Vienna:20250127T120000\nSUMMARY:moved\nEND:VEVENT\nEND:VCALENDAR\n",
        "4bac3d06c204f933682299296bcac5585f54ca3800176258834a10622897fd17",
        "5dd7fdeb919ac44814b5d56ce1ee680ca016e6313a628fde448b1b95b11a0646",
        "259a244926bac280cc665348455fc88e",
    );
}

#[test]
fn the_first_change_of_a_task_has_the_bytes_it_always_had() {
    check_golden(
        "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VTODO\nUID:t\nDUE;VALUE=DATE:20250106\nSUMMARY:Pay\n\
         STATUS:COMPLETED\nCOMPLETED:20250105T100000Z\nPERCENT-COMPLETE:100\nPRIORITY:1\n\
         END:VTODO\nEND:VCALENDAR\n",
        "68eb5a1c49fe0e414e5b7439b3fe5dea9d861c62ec036e36fb9b4e16ab0eb932",
        "6ee5d298a4d11a20307186e8c14949db1b4b3c73d4962c76c8985d95fb44b155",
        "1297ef4a2255222338fde6dbc81cd773",
    );
}

#[test]
fn the_first_change_of_an_unknown_component_has_the_bytes_it_always_had() {
    check_golden(
        "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:X-MOON\nUID:m\nPHASE:full\nBEGIN:X-CRATER\nUID:c\n\
         NAME:Tycho\nEND:X-CRATER\nEND:X-MOON\nEND:VCALENDAR\n",
        "056b29027f6644bde7b2c11d38622a28264fe25fea735a9e74b8dbb5cb5309d6",
        "da7f86bf1e843985c29d32c7dd6c9dc48969b434d6ce438467c0a289fb5c020b",
        "e60a8a3ab6261e2738075e1a17863017",
    );
}

#[test]
fn the_first_change_of_a_card_without_uid_has_the_bytes_it_always_had() {
    check_golden(
        "BEGIN:VCARD\nVERSION:2.1\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J\n\
         TEL;HOME;VOICE:1\nNOTE;ENCODING=QUOTED-PRINTABLE:a=0D=0Ab, c\nEND:VCARD\n",
        "2dbb63f9aa336b1b3eaacd58cbea631a852c9ee69f18d456c543ceeedeb9a6cf",
        "51ad0beab73c67e04c2103e16018cfddc9f5331f708f06cdba1c99a4eeb05cf9",
        "ba3b64e2659912f07c71e09717b8c89c",
    );
}

#[test]
fn the_whole_of_a_first_change_is_known() {
    let hex: String = genesis(&card("FN:A"))
        .bytes
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    assert_eq!(
        hex,
        "856f4a8397043366016100106a0b0b3a88b9f25b1084a2529e50a0580101000000061521340142025607571070027a044e414d45035549440756455253494f4e057e6b696e64057e6c697665027e760606017c461646560214464e3a41753a332e30766361726401010600"
    );
}

#[test]
fn document_ids_are_what_they_always_were() {
    for (kind, uid, doc) in [
        ("vcard", "a", "577fecc7331b5b366a227a04fc9553bf"),
        ("vevent", "a", "68ce5132545fab593a937b4212e8bd04"),
        ("vtodo", "t@example.org", "708260673cce91acf2f9d9f1e9ebb566"),
        ("mesh", "", "cc6c5ea4185695d1e979bdc82921418c"),
    ] {
        assert_eq!(crate::DocId::of(kind, uid).to_string(), doc);
    }
}

#[test]
fn an_actor_is_sixteen_bytes_of_what_the_change_writes_and_nothing_else() {
    let one = decode(&genesis(&card("FN:A")).bytes).unwrap();
    assert_eq!(one.actor.len(), 16);
    assert_eq!((one.start, one.time, one.message.as_deref()), (1, 0, None));
    assert!(one.deps.is_empty());
    let other = decode(&genesis(&card("FN:B")).bytes).unwrap();
    assert_ne!(one.actor, other.actor);
}
