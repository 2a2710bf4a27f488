//! Walking folders, and files of every kind.

use std::fs;
use std::path::Path;

use super::*;

fn write(root: &Path, name: &str, bytes: &[u8]) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn shown(root: &Path, found: &[Found]) -> Vec<String> {
    let below = |path: &Path| path.strip_prefix(root).unwrap().display().to_string();
    let show = |found: &Found| match found {
        Found::File(file) => {
            let hint = file.collection.as_ref().map_or("-", CollectionHint::name);
            format!("{} {:?} {hint}", below(&file.path), file.kind)
        }
        Found::Problem(problem) => {
            format!("{}: {}", below(Path::new(&problem.place)), problem.reason)
        }
    };
    found.iter().map(show).collect()
}

const CARD: &[u8] = b"BEGIN:VCARD\r\nEND:VCARD\r\n";

#[test]
fn a_tree_of_files_is_walked_in_the_order_of_names() {
    let root = tempfile::tempdir().unwrap();
    let root = fs::canonicalize(root.path()).unwrap();
    write(&root, "vdir/work/displayname", "Büro\n".as_bytes());
    write(&root, "vdir/work/color", b"#ff8800\n");
    write(&root, "vdir/work/b.vcf", CARD);
    write(&root, "vdir/work/a.vcf", CARD);
    write(&root, "vdir/work/.hidden.vcf", CARD);
    write(&root, "vdir/work/x.tmp", CARD);
    write(&root, "vdir/home/1.ics", b"BEGIN:VCALENDAR");
    write(
        &root,
        "vdir/home/noext",
        b"\xff\xfeB\0E\0G\0I\0N\0:\0V\0C\0A\0L\0E\0N\0D\0A\0R\0",
    );
    write(&root, "vdir/home/photo.jpg", b"\xff\xd8\xff\xe0");
    write(&root, "vdir/home/zero.ics", b"");
    write(&root, "mail/in.mbox", b"From x");
    write(&root, "mail/Sent", b"From - Mon Jan  1 00:00:00 2024\r\n");
    write(&root, "mail/one.eml", b"Subject: x\r\n\r\n");
    write(&root, "mail/dir/new/1", b"x");
    let found: Vec<_> =
        walk([root.join("vdir"), root.join("mail"), root.join("nothing")]).collect();
    assert_eq!(
        shown(&root, &found),
        [
            "vdir/home/1.ics Ics home",
            "vdir/home/noext Ics home",
            "vdir/home/photo.jpg: no contacts, calendar or mail that pimesh can read",
            "vdir/home/zero.ics: empty",
            "vdir/work/a.vcf Vcf Büro",
            "vdir/work/b.vcf Vcf Büro",
            "mail/Sent Mbox mail",
            "mail/dir Maildir mail",
            "mail/in.mbox Mbox mail",
            "mail/one.eml Eml mail",
            "nothing: not there",
        ]
    );
    let Found::File(first) = &found[4] else {
        panic!("{:?}", found[4])
    };
    assert_eq!(
        first.collection.as_ref().unwrap().color.as_deref(),
        Some("#ff8800")
    );
    assert_eq!(first.read().unwrap(), CARD);
}

#[cfg(unix)]
#[test]
fn links_that_lead_round_end() {
    let root = tempfile::tempdir().unwrap();
    let root = fs::canonicalize(root.path()).unwrap();
    write(&root, "a/x.vcf", CARD);
    std::os::unix::fs::symlink(&root, root.join("a/loop")).unwrap();
    std::os::unix::fs::symlink(root.join("gone"), root.join("a/dead")).unwrap();
    std::os::unix::fs::symlink("x.vcf", root.join("a/y.vcf")).unwrap();
    let found: Vec<_> = walk([root.clone()]).collect();
    let name = root.file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(
        shown(&root, &found),
        [
            "a/dead: not there".to_owned(),
            "a/loop: already walked, by this name or another".to_owned(),
            "a/x.vcf Vcf a".to_owned(),
            "a/y.vcf Vcf a".to_owned(),
        ]
    );
    assert!(!name.is_empty());
}

#[test]
fn a_single_file_stands_for_no_collection() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "all.vcf", CARD);
    let found: Vec<_> = walk([root.path().join("all.vcf")]).collect();
    assert_eq!(shown(root.path(), &found), ["all.vcf Vcf -"]);
}

#[test]
fn a_file_is_known_by_its_first_bytes() {
    assert_eq!(sniff(b"\xef\xbb\xbf\r\nbegin:vcard"), Some(FileKind::Vcf));
    assert_eq!(
        sniff(b"\xfe\xff\0B\0E\0G\0I\0N\0:\0V\0C\0A\0R\0D"),
        Some(FileKind::Vcf)
    );
    assert_eq!(sniff(b"Return-Path: <a@b>"), Some(FileKind::Eml));
    assert_eq!(sniff(b"PK\x03\x04"), None);
    assert_eq!(sniff(b""), None);
}
