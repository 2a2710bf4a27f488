//! Columns. As wide as the terminal, or as wide as they like where there is none.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use crate::cli::output::clean;

/// Notes and addresses longer than this are cut in a table; `show` has them whole.
const LONGEST_CELL: usize = 200;

/// A table with these headings; those that end in `#` hold numbers.
pub(super) fn table(headings: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(headings.iter().map(|name| name.trim_end_matches('#')));
    for row in rows {
        table.add_row(row.iter().map(|cell| one_line(cell)));
    }
    for (place, name) in headings.iter().enumerate() {
        if let Some(column) = table.column_mut(place) {
            column.set_padding((0, 2));
            if name.ends_with('#') {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A value on one line.
pub(super) fn one_line(text: &str) -> String {
    let text = clean(text).replace(['\n', '\t'], " ");
    match text.char_indices().nth(LONGEST_CELL) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_no_trailing_space_and_one_line_per_row() {
        let text = table(&["name", "n#"], [vec!["a\nb".into(), "10".into()]]);
        assert_eq!(text.lines().count(), 2);
        assert!(text.lines().all(|line| line.trim_end() == line), "{text:?}");
        assert!(text.contains("a b"));
    }
}
