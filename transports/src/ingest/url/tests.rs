//! What a source may be called.

use super::*;

fn parse(text: &str) -> SourceUrl {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refusal(text: &str) -> String {
    text.parse::<SourceUrl>().unwrap_err().to_string()
}

#[test]
fn an_address_is_read_and_shown_in_its_full_form() {
    for (text, shown) in [
        (
            "imaps://a@example.org@mail.example.org",
            "imaps://a%40example.org@mail.example.org:993/INBOX",
        ),
        (
            "imaps://j%C3%B6rg@h:1993/Entw%C3%BCrfe/a",
            "imaps://j%C3%B6rg@h:1993/Entw%C3%BCrfe/a",
        ),
        (
            "IMAP://a@h/?folders=*&ca=/etc/my%20ca.pem",
            "imap://a@h:143?folders=*&ca=/etc/my%20ca.pem",
        ),
        ("imap://a@h?insecure", "imap://a@h:143/INBOX?insecure"),
        ("pop3s://a@[::1]:7", "pop3s://a@[::1]:7"),
        ("pop3://a@h/?insecure=yes", "pop3://a@h:110?insecure"),
        ("maildir:///home/a/Mail", "maildir:/home/a/Mail"),
        ("mbox:/home/a/50%25 ?.mbox", "mbox:/home/a/50%25 ?.mbox"),
        ("eml:/x.eml", "eml:/x.eml"),
    ] {
        assert_eq!(parse(text).to_string(), shown);
        assert_eq!(parse(shown), parse(text));
    }
}

#[test]
fn a_password_in_an_address_is_refused_and_never_shown() {
    let refused = refusal("imaps://a:hunter2@example.org");
    assert!(refused.contains("--password-file") && !refused.contains("hunter2"));
    for text in [
        "imasp://a:hunter2@example.org",
        "a:hunter2@example.org",
        "imaps://a:hunter2@h:x",
    ] {
        assert!(!refusal(text).contains("hunter2"), "{text}");
    }
}

#[test]
fn what_is_wrong_is_named_with_what_is_accepted() {
    for (text, word) in [
        ("", "imaps://USER@HOST"),
        ("ftp://a@h", "pop3s://USER@HOST"),
        ("imaps://example.org", "user name is missing"),
        ("imaps://a@", "host"),
        ("imaps://a@h:99999", "port"),
        ("imaps://a@h?insecure", "\"insecure\""),
        ("imaps://a@h?folders=Work", "stands in the path"),
        ("imaps://a@h?ca=ca.pem", "absolute path"),
        ("imap://a@h?insecure=perhaps", "insecure=yes"),
        ("pop3s://a@h/Work", "no folders"),
        ("pop3s://a@h?folders=*", "\"folders\""),
        ("imaps://a%FF@h", "not UTF-8"),
        ("mbox:mail", "not an absolute path"),
    ] {
        assert!(refusal(text).contains(word), "{text}: {}", refusal(text));
    }
}
