//! The promises of `docs/cli.md` are those of the code: every command, every option, every
//! field of every reply and event.

use std::collections::{BTreeSet, HashSet};

use clap::CommandFactory;
use serde_json::{Value, json};

use super::args::Cli;
use crate::api::{Event, Reply};

const DOC: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cli.md"));

/// The JSON text after each marker of this form, with what the marker says.
fn examples(marker: &str) -> Vec<(&'static str, &'static str)> {
    DOC.split(marker)
        .skip(1)
        .map(|rest| {
            let (name, rest) = rest.split_once("-->").unwrap();
            let body = rest.trim_start().strip_prefix("```json\n").unwrap();
            (name.trim(), body.split("```").next().unwrap())
        })
        .collect()
}

/// Every reply there is. The match fails to compile when one is added, and then the list
/// in the test below wants its name too.
fn name(reply: &Reply) -> &'static str {
    match reply {
        Reply::Status(_) => "status",
        Reply::Devices(_) => "devices",
        Reply::DeviceRenamed(_) => "device_renamed",
        Reply::DeviceRemoved(_) => "device_removed",
        Reply::Paired(_) => "paired",
        Reply::PairDecided(_) => "pair_decided",
        Reply::Waited(_) => "waited",
        Reply::Collections(_) => "collections",
        Reply::Imported(_) => "imported",
        Reply::Exported(_) => "exported",
        Reply::SourceAdded(_) => "source_added",
        Reply::Sources(_) => "sources",
        Reply::SourceRemoved(_) => "source_removed",
        Reply::Synced(_) => "synced",
        Reply::Items(_) => "items",
        Reply::Agenda(_) => "agenda",
        Reply::Item(_) => "item",
        Reply::Edited(_) => "edited",
        Reply::Deleted(_) => "deleted",
        Reply::Conflicts(_) => "conflicts",
        Reply::Resolved(_) => "resolved",
        Reply::Duplicates(_) => "duplicates",
        Reply::Linked(_) => "linked",
        Reply::Unlinked(_) => "unlinked",
        Reply::Log(_) => "log",
        Reply::Trash(_) => "trash",
        Reply::Revived(_) => "revived",
        Reply::Operations(_) => "operations",
        Reply::Undone(_) => "undone",
        Reply::Restored(_) => "restored",
        Reply::BackedUp(_) => "backed_up",
        Reply::Doctor(_) => "doctor",
    }
}

#[test]
fn the_documented_replies_are_exactly_what_json_prints() {
    let mut seen = BTreeSet::new();
    for (kind, text) in examples("<!-- reply:") {
        let documented: Value = serde_json::from_str(text).expect(kind);
        let reply: Reply = serde_json::from_value(json!({ kind: documented })).expect(kind);
        assert_eq!(reply.document().unwrap(), documented, "{kind}");
        assert_eq!(name(&reply), kind);
        seen.insert(kind);
    }
    assert_eq!(seen.len(), 31, "a reply is missing: {seen:?}");
}

#[test]
fn the_documented_events_are_exactly_what_json_prints() {
    let [(_, lines)] = examples("<!-- events")[..] else {
        panic!("one list of events");
    };
    let mut seen = HashSet::new();
    for line in lines.lines() {
        let documented: Value = serde_json::from_str(line).expect(line);
        let event: Event = serde_json::from_value(documented.clone()).expect(line);
        assert_eq!(serde_json::to_value(&event).unwrap(), documented);
        seen.insert(std::mem::discriminant(&event));
        let shown = super::show::event(&event);
        assert_eq!(shown.is_none(), matches!(event, Event::Progress { .. }));
    }
    assert_eq!(seen.len(), 17, "an event is missing");
}

#[test]
fn the_documented_errors_and_own_documents_have_the_fields_that_are_printed() {
    for field in ["\"error\"", "\"kind\"", "\"message\"", "\"hint\""] {
        assert!(DOC.contains(field), "{field}");
    }
    let done = super::setup::Initialised {
        name: String::new(),
        device: String::new(),
        home: String::new(),
    };
    for field in serde_json::to_value(&done)
        .unwrap()
        .as_object()
        .unwrap()
        .keys()
    {
        assert!(DOC.contains(&format!("\"{field}\"")), "{field}");
    }
}

#[test]
fn every_command_and_every_option_is_documented() {
    fn walk(command: &clap::Command, path: &str) {
        let path = format!("{path}{}", command.get_name());
        assert!(
            DOC.contains(&format!("`{path}")),
            "{path} is not in docs/cli.md"
        );
        for option in command.get_arguments().filter_map(clap::Arg::get_long) {
            assert!(DOC.contains(&format!("--{option}")), "{path} --{option}");
        }
        for below in command.get_subcommands().filter(|c| c.get_name() != "help") {
            walk(below, &format!("{path} "));
        }
    }
    let mut cli = Cli::command();
    cli.build();
    walk(&cli, "");
}

#[test]
fn every_documented_reply_can_be_shown_to_a_person() {
    for (kind, text) in examples("<!-- reply:") {
        let documented: Value = serde_json::from_str(text).unwrap();
        let reply: Reply = serde_json::from_value(json!({ kind: documented })).unwrap();
        let shown = super::show::reply(&reply);
        assert!(
            shown.ends_with('\n') && shown.len() > 5,
            "{kind}: {shown:?}"
        );
        assert!(!shown.contains('\x1b'), "{kind}");
    }
}

#[test]
fn exit_codes_tell_whole_from_part_from_nothing() {
    let code = |wanted: &str, pointer: &str, value: Value| {
        let (kind, text) = examples("<!-- reply:")
            .into_iter()
            .find(|(kind, _)| *kind == wanted)
            .unwrap();
        let mut document: Value = serde_json::from_str(text).unwrap();
        *document.pointer_mut(pointer).unwrap() = value;
        let reply: Reply = serde_json::from_value(json!({ kind: document })).unwrap();
        reply.exit_code()
    };
    assert_eq!(code("imported", "/totals/refused", json!(1)), 3);
    assert_eq!(code("imported", "/totals/refused", json!(0)), 0);
    assert_eq!(code("waited", "/confirmed", json!(false)), 3);
    assert_eq!(code("waited", "/confirmed", json!(true)), 0);
    assert_eq!(code("synced", "/sources", json!([])), 0);
    assert_eq!(code("synced", "/sources/0/name", json!("the only one")), 1);
    assert_eq!(code("synced", "/sources/0/failure", json!(null)), 3);
}
