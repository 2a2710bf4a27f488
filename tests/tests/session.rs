//! `docs/session.md`, played: every command of it is run, and must print what stands there.
//!
//! What differs each time (ids of changes, times, sizes, fingerprints, numbers of lives) is put
//! in one form on both sides. `PIMESH_SESSION=print` prints the document as it came out.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use pimesh::api::Moment;

use crate::program::{Node, Program};

const DOCUMENT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/session.md"));

/// A piece of the document.
#[derive(Debug)]
enum Piece<'d> {
    /// A file in the folder where all commands are typed: its name and text.
    File(&'d str, String),
    /// What happens besides commands: `off: phone`.
    Happens(&'d str),
    /// A command, on which device, and what it prints.
    Command(&'d str, &'d str, String),
}

fn pieces(document: &str) -> Vec<Piece<'_>> {
    let mut out = Vec::new();
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        if let Some(comment) = line.strip_prefix("<!-- ") {
            out.push(Piece::Happens(comment.trim_end_matches(" -->")));
        } else if let Some(fence) = line.strip_prefix("```") {
            let inside: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            match fence.split_once(' ') {
                Some((_, name)) => out.push(Piece::File(name, inside.join("\r\n") + "\r\n")),
                None => commands(&inside, &mut out),
            }
        }
    }
    out
}

fn commands<'d>(lines: &[&'d str], out: &mut Vec<Piece<'d>>) {
    for line in lines {
        match line.split_once("$ pimesh ") {
            Some((device, words)) => out.push(Piece::Command(device, words, String::new())),
            None => match out.last_mut() {
                Some(Piece::Command(_, _, printed)) => writeln!(printed, "{line}").unwrap(),
                other => panic!("{line:?} after {other:?}"),
            },
        }
    }
}

/// The words of a command as a shell takes them.
fn words(line: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ' ' if !quoted => out.push(String::new()),
            letter => out.last_mut().unwrap().push(letter),
        }
    }
    out
}

/// A text in which `#` stands for what differs each time, with single spaces.
fn in_one_form(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let units = words.iter().skip(1).map(Some).chain([None]);
        let words = words.iter().zip(units);
        let words: Vec<String> = words.map(|(one, next)| word(one, next.copied())).collect();
        out += &words.join(" ").replace("# ms", "# s");
        out.push('\n');
    }
    out
}

fn word(word: &str, next: Option<&str>) -> String {
    let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let digits = bare.bytes().filter(u8::is_ascii_digit).count();
    let is_change = word.starts_with('[') && word.ends_with(']');
    let is_number = digits > 0
        && bare
            .chars()
            .all(|c| c.is_ascii_digit() || ":-.".contains(c) || (digits > 12 && "TZ".contains(c)));
    let unit = next
        .unwrap_or_default()
        .trim_matches(|c: char| !c.is_ascii_alphabetic());
    let varies = digits > 4 || bare.contains(':') || ["ms", "s", "bytes"].contains(&unit);
    match is_change || (is_number && varies) {
        true => word.replace(bare, "#"),
        false => word.to_owned(),
    }
}

/// The devices of a session, and those of them that are on.
struct Stage {
    /// Where all commands are typed.
    folder: PathBuf,
    /// The one that is remembered, for `--at`.
    time: String,
    programs: BTreeMap<String, Program>,
    nodes: BTreeMap<String, Node>,
}

impl Stage {
    /// Two devices, paired and on, with nothing on them.
    fn set() -> Self {
        let mut programs: BTreeMap<String, Program> = ["laptop", "phone"]
            .map(|name| (name.to_owned(), Program::new(name)))
            .into();
        let mut nodes = BTreeMap::new();
        for (name, program) in &mut programs {
            nodes.insert(name.clone(), program.run());
        }
        let (laptop, phone) = (&programs["laptop"], &programs["phone"]);
        laptop.pair_with(&nodes["laptop"].address, phone);
        let folder = laptop.device.folder().join("desk");
        fs::create_dir(&folder).unwrap();
        let passphrase = folder.join("passphrase");
        fs::write(&passphrase, "correct horse battery").unwrap();
        fs::set_permissions(passphrase, fs::Permissions::from_mode(0o600)).unwrap();
        Self {
            folder,
            time: String::new(),
            programs,
            nodes,
        }
    }

    fn happens(&mut self, what: &str) {
        let (what, names) = what.split_once(": ").unwrap();
        let (name, to) = names.split_once(' ').unwrap_or((names, names));
        match what {
            "off" => self.nodes.remove(name).unwrap().stop(),
            "on" => {
                let node = self.programs.get_mut(name).unwrap().run();
                self.nodes.insert(name.to_owned(), node);
            }
            "home" | "copy" => {
                let program = Program::new(to);
                let home = program.device.home.folder();
                fs::remove_dir_all(home).unwrap();
                if what == "copy" {
                    copy(self.programs[name].device.home.folder(), home);
                }
                self.programs.insert(to.to_owned(), program);
            }
            "remember" => self.time = Moment::now().to_string(),
            other => panic!("{other}?"),
        }
    }

    fn plays(&self, device: &str, line: &str) -> String {
        let program = &self.programs[device];
        let mut given = words(line);
        if let Some(at) = given.iter().position(|word| word == "--at") {
            given[at + 1].clone_from(&self.time);
        }
        let given: Vec<&str> = given.iter().map(String::as_str).collect();
        let mut command = program.command(&given);
        let done = command
            .current_dir(&self.folder)
            .env("TZ", "UTC")
            .output()
            .unwrap();
        let printed = String::from_utf8([done.stdout, done.stderr].concat()).unwrap();
        let home = program.device.home.folder().display().to_string();
        printed.replace(&home, "~/.local/share/pimesh")
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy(&path, &target);
        } else if kind.is_file() {
            fs::copy(&path, &target).unwrap();
        }
    }
}

#[test]
fn the_session_in_the_documents_comes_out_as_it_is_told() {
    let mut stage = Stage::set();
    let (mut told, mut printed) = (String::new(), String::new());
    for piece in pieces(DOCUMENT) {
        match piece {
            Piece::File(name, text) => fs::write(stage.folder.join(name), text).unwrap(),
            Piece::Happens(what) => stage.happens(what),
            Piece::Command(device, line, expected) => {
                let came_out = stage.plays(device, line);
                let prompt = format!("{device}$ pimesh {line}\n");
                told += &(prompt.clone() + &in_one_form(&expected));
                let as_it_is = std::env::var("PIMESH_SESSION").is_ok_and(|how| how == "print");
                if as_it_is {
                    println!("{prompt}{came_out}");
                }
                printed += &(prompt + &in_one_form(&came_out));
            }
        }
    }
    for (told, printed) in told.lines().zip(printed.lines()) {
        assert_eq!(printed, told, "docs/session.md says otherwise");
    }
    assert_eq!(printed, told, "docs/session.md says otherwise");
    for node in std::mem::take(&mut stage.nodes).into_values() {
        node.stop();
    }
}
