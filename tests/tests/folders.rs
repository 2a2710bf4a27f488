//! An address book exported into a folder, again and again, beside files of others.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::couple::card;
use crate::program::Program;

/// A device with these cards, and a folder to export to.
fn with(cards: &[(&str, &str)]) -> (Program, PathBuf) {
    let program = Program::new("laptop");
    let file = program.device.folder().join("cards.vcf");
    let texts: String = cards.iter().map(|(uid, lines)| card(uid, lines)).collect();
    fs::write(&file, texts).unwrap();
    let (report, exit) = program.json(&["import", file.to_str().unwrap()]);
    assert_eq!(exit, 0, "{report}");
    let folder = program.device.folder().join("cards");
    (program, folder)
}

fn export(program: &Program, folder: &Path, words: &[&str]) -> (Value, i32) {
    program.json(&[&["export", "Contacts", folder.to_str().unwrap()], words].concat())
}

fn by_name(program: &Program, name: &str) -> String {
    let (list, _) = program.json(&["list"]);
    let items = list["items"].as_array().unwrap().iter();
    let mut found = items.filter(|item| item["name"] == name);
    found.next().unwrap()["doc"].as_str().unwrap().to_owned()
}

/// The cards of a folder by their files' names.
fn cards(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.path()))
        .filter(|(name, _)| name.ends_with(".vcf"))
        .map(|(name, path)| (name, fs::read_to_string(path).unwrap()))
        .collect()
}

#[test]
fn a_folder_export_leaves_what_it_did_not_write_and_says_so() {
    let (program, folder) = with(&[("ann", "FN:Ann"), ("bob", "FN:Bob"), ("cy", "FN:Cy")]);
    fs::create_dir(&folder).unwrap();
    let elsewhere = program.device.folder().join("elsewhere.txt");
    fs::write(&elsewhere, "another's").unwrap();
    fs::write(folder.join("ann.vcf"), "somebody's own file").unwrap();
    symlink(&elsewhere, folder.join("bob.vcf")).unwrap();
    let (done, exit) = export(&program, &folder, &[]);
    assert_eq!(
        (exit, &done["kept"], &done["items"]),
        (3, &2.into(), &1.into())
    );
    let held: Vec<_> = done["held"]
        .as_array()
        .unwrap()
        .iter()
        .map(|h| &h["file"])
        .collect();
    assert_eq!(held, ["ann.vcf", "bob.vcf"]);
    assert_eq!(
        fs::read_to_string(folder.join("ann.vcf")).unwrap(),
        "somebody's own file"
    );
    assert!(cards(&folder)["cy.vcf"].contains("FN:Cy"));

    let (done, exit) = export(&program, &folder, &["--yes"]);
    assert_eq!((exit, &done["kept"]), (0, &0.into()), "{done}");
    assert!(cards(&folder)["ann.vcf"].contains("FN:Ann"));
    assert!(
        fs::symlink_metadata(folder.join("bob.vcf"))
            .unwrap()
            .is_file()
    );
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "another's");
}

#[test]
fn a_folder_export_replaces_its_own_files_but_not_what_was_changed_in_them() {
    let (program, folder) = with(&[("ann", "FN:Ann"), ("bob", "FN:Bob")]);
    assert_eq!(export(&program, &folder, &[]).1, 0);
    let before = fs::metadata(folder.join("bob.vcf"))
        .unwrap()
        .modified()
        .unwrap();
    program.json(&["edit", &by_name(&program, "Ann"), "--set", "TITLE=new"]);
    assert_eq!(export(&program, &folder, &[]).1, 0);
    assert!(cards(&folder)["ann.vcf"].contains("TITLE:new"));
    let after = fs::metadata(folder.join("bob.vcf"))
        .unwrap()
        .modified()
        .unwrap();
    assert_eq!(before, after, "what says the same is not written again");

    let changed = cards(&folder)["ann.vcf"].replace("TITLE:new", "TITLE:by hand");
    fs::write(folder.join("ann.vcf"), &changed).unwrap();
    program.json(&["edit", &by_name(&program, "Ann"), "--set", "TITLE=newer"]);
    let (done, exit) = export(&program, &folder, &[]);
    assert_eq!((exit, &done["held"][0]["file"]), (3, &"ann.vcf".into()));
    assert_eq!(cards(&folder)["ann.vcf"], changed);
}

#[test]
fn the_names_of_exported_files_stay_when_other_items_go() {
    let (program, folder) = with(&[("Abc", "FN:Upper"), ("abc", "FN:Lower"), ("z", "FN:Zed")]);
    export(&program, &folder, &[]);
    let before = cards(&folder);
    assert_eq!(before.len(), 3);
    let folded: Vec<_> = before.keys().map(|name| name.to_lowercase()).collect();
    assert_eq!(folded, before.keys().cloned().collect::<Vec<_>>());
    assert!(before["abc.vcf"].contains("FN:Lower"));

    for name in ["Upper", "Zed"] {
        program.json(&["delete", &by_name(&program, name), "--yes"]);
    }
    fs::write(folder.join("z.vcf"), "changed by hand").unwrap();
    let (done, exit) = export(&program, &folder, &[]);
    assert_eq!(
        (exit, &done["removed"], &done["kept"]),
        (3, &1.into(), &1.into())
    );
    let after = cards(&folder);
    assert_eq!(after.keys().collect::<Vec<_>>(), ["abc.vcf", "z.vcf"]);
    assert_eq!(after["abc.vcf"], before["abc.vcf"]);
}

#[test]
fn exporting_a_second_collection_to_a_folder_removes_nothing_of_the_first() {
    let (program, folder) = with(&[("ann", "FN:Ann")]);
    export(&program, &folder, &[]);
    let file = program.device.folder().join("other.vcf");
    fs::write(&file, card("bob", "FN:Bob")).unwrap();
    program.json(&["import", file.to_str().unwrap(), "--into", "Work"]);
    let (done, _) = program.json(&["export", "Work", folder.to_str().unwrap()]);
    assert_eq!(done["removed"], 0);
    assert_eq!(cards(&folder).len(), 2);
}

#[test]
fn a_list_of_files_that_pimesh_did_not_write_is_not_believed() {
    let (program, folder) = with(&[("ann", "FN:Ann")]);
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join(".pimesh-export.json"), "mine").unwrap();
    let (said, exit) = export(&program, &folder, &["--yes"]);
    assert_eq!(exit, 1, "{said}");
    assert!(cards(&folder).is_empty());

    let outside = program.device.folder().join("outside.vcf");
    fs::write(&outside, "x").unwrap();
    let hash = blake3::hash(b"x").to_hex();
    let (list, _) = program.json(&["collections"]);
    let id = list["collections"][0]["id"].as_str().unwrap();
    let line =
        format!(r#"{{"files":{{"../outside.vcf":{{"collection":"{id}","hash":"{hash}"}}}}}}"#);
    fs::write(folder.join(".pimesh-export.json"), line).unwrap();
    assert_eq!(export(&program, &folder, &[]).1, 0);
    assert!(outside.exists());
}
