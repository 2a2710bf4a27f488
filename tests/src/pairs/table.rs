//! The tables in the documents: read, and written anew.
//!
//! A theme has three, each narrow enough to be read: changes of a part of an item with each
//! other, what is done to a whole item with those, and with each other.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Operation, Theme};

/// What is in the cells, by the words of row and column.
pub type Words = BTreeMap<(String, String), String>;

/// The cells of a theme's tables in a document.
pub fn parse(document: &str, theme: Theme) -> Words {
    let mut out = Words::new();
    let mut columns: Vec<String> = Vec::new();
    let rows = section(document, theme).lines();
    for line in rows.filter(|line| line.starts_with("| ")) {
        let cells = line.trim_matches('|').split('|');
        let cells: Vec<String> = cells.map(|cell| cell.trim().to_owned()).collect();
        if cells[0].is_empty() {
            columns = cells;
            continue;
        }
        for (column, cell) in columns.iter().zip(&cells).skip(1) {
            if !cell.is_empty() {
                out.insert((cells[0].clone(), column.clone()), cell.clone());
            }
        }
    }
    out
}

/// The document with the theme's tables as they were found.
pub fn write(document: &str, theme: Theme, found: &Words) -> String {
    let (parts, wholes): (Vec<_>, Vec<_>) = theme.operations().iter().partition(|op| op.is_edit());
    let tables = [
        table(&parts, &parts, found),
        table(&wholes, &parts, found),
        table(&wholes, &wholes, found),
    ];
    let (begin, old) = (begin(theme), section(document, theme));
    let new = format!("{begin}\n{}\n", tables.join("\n"));
    document.replacen(&format!("{begin}{old}"), &new, 1)
}

fn table(rows: &[Operation], columns: &[Operation], found: &Words) -> String {
    let mut out = String::from("|  |");
    for column in columns {
        let _ = write!(out, " {} |", column.word());
    }
    let _ = writeln!(out, "\n|{}", "---|".repeat(columns.len() + 1));
    for (at, row) in rows.iter().enumerate() {
        let _ = write!(out, "| {} |", row.word());
        for (place, column) in columns.iter().enumerate() {
            let is_shown = rows != columns || place <= at;
            let key = (row.word().to_owned(), column.word().to_owned());
            let word = match is_shown {
                true => found.get(&key).map_or("–", String::as_str),
                false => "",
            };
            let _ = write!(out, " {word} |");
        }
        out.push('\n');
    }
    out
}

fn begin(theme: Theme) -> String {
    format!("<!-- pairs: {} -->\n", theme.title().to_lowercase())
}

fn section(document: &str, theme: Theme) -> &str {
    let rest = document
        .split_once(&begin(theme))
        .map_or("", |(_, rest)| rest);
    rest.split_once("<!-- end -->")
        .map_or("", |(section, _)| section)
}
