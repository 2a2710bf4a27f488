//! Servers that misbehave, each a few lines of script on a loopback socket: what no real
//! server can be made to do.

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;

/// Greets, then answers each line by the first rule that it contains (`{tag}` is its first
/// word; an empty answer closes). Ends with everything the client said.
async fn script(
    greeting: &'static str,
    rules: &'static [(&'static str, &'static str)],
) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        stream.write_all(greeting.as_bytes()).await.unwrap();
        let mut said = String::new();
        loop {
            let start = said.len();
            if stream.read_line(&mut said).await.unwrap_or(0) == 0 {
                return said;
            }
            let line = &said[start..];
            let answer = rules
                .iter()
                .find(|(part, _)| line.contains(part))
                .map_or("", |it| it.1);
            let tag = line.split_whitespace().next().unwrap_or_default();
            if answer.is_empty()
                || stream
                    .write_all(answer.replace("{tag}", tag).as_bytes())
                    .await
                    .is_err()
            {
                return said;
            }
        }
    });
    (port, server)
}

async fn open(scheme: &str, port: u16, rest: &str) -> Result<Source, SourceError> {
    let url = format!("{scheme}://ann@127.0.0.1:{port}/{rest}")
        .parse()
        .unwrap();
    Source::open(&url, Secret::new("secret".into())).await
}

#[tokio::test]
async fn without_encryption_no_password_is_sent() {
    for (scheme, greeting, rules) in [
        (
            "imap",
            "* OK hi\r\n",
            &[(
                "CAPABILITY",
                "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n{tag} OK\r\n",
            )][..],
        ),
        (
            "imap",
            "* OK hi\r\n",
            &[
                ("CAPABILITY", "* CAPABILITY STARTTLS\r\n{tag} OK\r\n"),
                ("STARTTLS", "{tag} NO\r\n"),
            ],
        ),
        ("imap", "* PREAUTH hi\r\n", &[]),
        ("pop3", "+OK hi\r\n", &[("STLS", "-ERR what\r\n")]),
    ] {
        let (port, server) = script(greeting, rules).await;
        let error = open(scheme, port, "").await.unwrap_err();
        assert!(matches!(error, SourceError::NotEncrypted { .. }), "{error}");
        assert!(
            error.needs_person() && error.to_string().contains("?insecure"),
            "{error}"
        );
        let said = server.await.unwrap();
        assert!(
            !said.contains("secret") && !said.contains("AHNlY3JldA"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_server_without_a_password_login_is_told() {
    let rules = &[(
        "CAPABILITY",
        "* CAPABILITY LOGINDISABLED AUTH=GSSAPI\r\n{tag} OK\r\n",
    )];
    let (port, _server) = script("* OK hi\r\n", rules).await;
    let error = open("imap", port, "?insecure").await.unwrap_err();
    assert!(
        error.is_final() && error.to_string().contains("AUTH=GSSAPI"),
        "{error}"
    );
}

#[tokio::test]
async fn a_busy_server_is_retried() {
    for (scheme, greeting, rules) in [
        ("imap", "* BYE too many connections\r\n", &[][..]),
        (
            "imap",
            "* OK hi\r\n",
            &[
                ("CAPABILITY", "* CAPABILITY X\r\n{tag} OK\r\n"),
                ("LOGIN", "{tag} NO [UNAVAILABLE] later\r\n"),
            ],
        ),
        (
            "pop3",
            "+OK hi\r\n",
            &[
                ("CAPA", "-ERR\r\n"),
                ("USER", "+OK\r\n"),
                ("PASS", "-ERR [IN-USE] locked\r\n"),
            ],
        ),
    ] {
        let (port, _server) = script(greeting, rules).await;
        let error = open(scheme, port, "?insecure").await.unwrap_err();
        assert!(error.is_retryable(), "{error}");
    }
}

const INBOX: (&str, &str) = (
    "EXAMINE",
    "* 2 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 6] x\r\n{tag} OK\r\n",
);
const LOGIN: [(&str, &str); 2] = [
    ("CAPABILITY", "* CAPABILITY IMAP4rev1\r\n{tag} OK\r\n"),
    ("LOGIN", "{tag} OK\r\n"),
];
const SEARCH: (&str, &str) = ("SEARCH", "* SEARCH 4 5\r\n{tag} OK\r\n");
const SIZES: (&str, &str) = (
    "RFC822.SIZE",
    "* 1 FETCH (UID 4 RFC822.SIZE 3)\r\n* 2 FETCH (UID 5 RFC822.SIZE 99999999)\r\n{tag} OK\r\n",
);

#[tokio::test]
async fn imap_without_sasl_is_read_and_a_giant_is_named() {
    let rules = &[
        LOGIN[0],
        LOGIN[1],
        INBOX,
        SEARCH,
        SIZES,
        (
            "BODY.PEEK",
            "* 1 FETCH (UID 4 BODY[] {3}\r\nabc FLAGS ())\r\n{tag} OK\r\n",
        ),
        ("LOGOUT", "* BYE\r\n{tag} OK\r\n"),
    ];
    let (port, server) = script("* OK hi\r\n", rules).await;
    let mut source = open("imap", port, "?insecure").await.unwrap();
    let batch = source
        .next_batch(&Cursor::default())
        .await
        .unwrap()
        .unwrap();
    let mail = RawMail {
        key: "INBOX/7/4".into(),
        bytes: b"abc".to_vec(),
    };
    assert_eq!(batch.mails, [mail]);
    assert!(
        batch.problems[0]
            .to_string()
            .contains("mail 5 in folder INBOX: 99999999 bytes")
    );
    assert!(source.next_batch(&batch.cursor).await.unwrap().is_none());
    let said = server.await.unwrap();
    assert!(
        said.contains("LOGIN \"ann\" \"secret\"") && said.contains("UID FETCH 4 (UID BODY.PEEK[])"),
        "{said}"
    );
}

#[tokio::test]
async fn an_answer_that_is_cut_or_refused_moves_no_cursor() {
    const CUT: &[(&str, &str)] = &[
        LOGIN[0],
        LOGIN[1],
        INBOX,
        SEARCH,
        SIZES,
        (
            "BODY.PEEK",
            "* 1 FETCH (UID 4 BODY[] {3}\r\nabc)\r\n* BYE going\r\n",
        ),
    ];
    const REFUSED: &[(&str, &str)] = &[
        LOGIN[0],
        LOGIN[1],
        INBOX,
        SEARCH,
        SIZES,
        ("BODY.PEEK", "{tag} NO [UNAVAILABLE] later\r\n"),
    ];
    const CLOSED: &[(&str, &str)] = &[LOGIN[0], LOGIN[1], INBOX, SEARCH, SIZES, ("BODY.PEEK", "")];
    for rules in [CUT, REFUSED, CLOSED] {
        let (port, _server) = script("* OK hi\r\n", rules).await;
        let mut source = open("imap", port, "?insecure").await.unwrap();
        let error = source.next_batch(&Cursor::default()).await.unwrap_err();
        assert!(error.is_retryable(), "{error}");
    }
}

#[tokio::test]
async fn pop3_without_extensions_is_read() {
    let rules = &[
        ("CAPA", "-ERR\r\n"),
        ("USER", "+OK\r\n"),
        ("PASS", "+OK\r\n"),
        ("UIDL", "+OK\r\n1 a\r\n2 a\r\n3 c\r\n.\r\n"),
        ("LIST", "+OK\r\n1 9\r\n2 9\r\n3 9\r\n.\r\n"),
        ("RETR 1", "+OK\r\n..a\r\n.\r\n"),
        ("RETR 2", "+OK\r\nb\r\n.\r\n"),
        ("RETR 3", "-ERR it is broken\r\n"),
        ("QUIT", "+OK\r\n"),
    ];
    let (port, server) = script("+OK hi\r\n", rules).await;
    let mut source = open("pop3", port, "?insecure").await.unwrap();
    let batch = source
        .next_batch(&Cursor::default())
        .await
        .unwrap()
        .unwrap();
    let texts: Vec<_> = batch.mails.iter().map(|it| it.bytes.as_slice()).collect();
    assert_eq!(texts, [b".a\r\n".as_slice(), b"b\r\n"]);
    assert!(batch.problems[0].to_string().contains("it is broken"));
    assert!(source.next_batch(&batch.cursor).await.unwrap().is_none());
    assert!(!server.await.unwrap().contains("DELE"));
}

#[tokio::test]
async fn pop3_without_uidl_is_told() {
    let rules = &[
        ("CAPA", "-ERR\r\n"),
        ("USER", "+OK\r\n"),
        ("PASS", "+OK\r\n"),
        ("UIDL", "-ERR\r\n"),
    ];
    let (port, _server) = script("+OK hi\r\n", rules).await;
    let error = open("pop3", port, "?insecure").await.unwrap_err();
    assert!(
        error.is_final() && error.to_string().contains("lacks UIDL"),
        "{error}"
    );
}

#[tokio::test]
async fn nonsense_is_a_protocol_error_without_control_characters() {
    for scheme in ["imap", "pop3"] {
        let (port, _server) = script("HTTP/1.1 400 \x1b[31m\r\n", &[]).await;
        let error = open(scheme, port, "?insecure").await.unwrap_err();
        assert!(
            error.to_string().contains("HTTP/1.1 400") && !error.to_string().contains('\x1b'),
            "{error}"
        );
    }
}
