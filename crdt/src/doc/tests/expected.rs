//! What the mails of Thunderbird's own tests must come to. Read by hand from the mails.

/// What one message comes to.
#[derive(Debug, PartialEq)]
pub(super) enum Outcome<'a> {
    /// An invitation: UID, SUMMARY, STATUS, SEQUENCE, DTSTART, answers in the order of addresses.
    Request(&'a str, &'a str, &'a str, u64, &'a str, &'a [&'a str]),
    /// A cancellation that waits: UID and SEQUENCE.
    Cancel(&'a str, u64),
    /// Nothing but a proposal, with this UID and SUMMARY.
    Proposal(&'a str, &'a str),
}
use Outcome::{Cancel, Proposal, Request};

const THREE: &[&str] = &["NEEDS-ACTION", "NEEDS-ACTION", "ACCEPTED"];

/// By the name of the mail.
pub(super) const EXPECTED: [(&str, Outcome<'_>); 11] = [
    ("cancel-repeat-event", Cancel("02e79b96", 1)),
    ("cancel-single-event", Cancel("02e79b96", 1)),
    (
        "event-with-file-attachment",
        Request(
            "02e79b96-file",
            "File Attachment Event",
            "CONFIRMED",
            0,
            "20220316T110000Z",
            THREE,
        ),
    ),
    (
        "meet-meeting-invite",
        Request(
            "65m17hsdolmotv3kvmrtg40ont@google.com",
            "Meeeeet me HTML",
            "CONFIRMED",
            0,
            "20210322T093000Z",
            &["ACCEPTED", "NEEDS-ACTION"],
        ),
    ),
    (
        "message-containing-event",
        Proposal("20160824T204000Z-568860280@example.com", "Haircut"),
    ),
    (
        "message-non-invite",
        Proposal(
            "1e5fd4e6-bc52-439c-ac76-40da54f57c77@secure.example.com",
            "Party at John's house\\, Helsinki",
        ),
    ),
    (
        "outlook-test-invite",
        Request(
            "030000008200E00074C5B7101A82E0080000000060B608D090DDD7010000000000000000100000004BE0CFFA\
         54BCF64E956E34143362C3C0",
            "Testaus",
            "CONFIRMED",
            0,
            "20211127T090000",
            &["NEEDS-ACTION"],
        ),
    ),
    (
        "repeat-event",
        Request(
            "02e79b96",
            "Repeat Event",
            "CONFIRMED",
            0,
            "20220316T110000Z",
            THREE,
        ),
    ),
    (
        "repeat-update-major",
        Request(
            "02e79b96",
            "Repeat Event",
            "CONFIRMED",
            2,
            "20220316T050000Z",
            THREE,
        ),
    ),
    (
        "teams-meeting-invite",
        Request(
            "056000008200E00074C5B7101A82E008000000001AF84C64CBC8D601000000000000000010000000403B5AC1\
         0A0EB444A947D2B499A4B98C",
            "Teams meeting",
            "CONFIRMED",
            0,
            "20201202T190000",
            &["NEEDS-ACTION", "NEEDS-ACTION"],
        ),
    ),
    (
        "update-major",
        Request(
            "02e79b96",
            "Single Event",
            "CONFIRMED",
            2,
            "20220316T050000Z",
            THREE,
        ),
    ),
];
