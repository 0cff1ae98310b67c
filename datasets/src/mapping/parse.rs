//! Reading a mapping: what each feed means, and everything that is wrong with it.

use super::{Feed, Mapping, Transform, shape};
use crate::repairs;
use crate::schema::{self, Column, ColumnType, Table};

/// Reads a mapping; everything wrong with it is returned at once, each with file, line and remedy.
pub fn parse(file: &str, text: &str) -> Result<Mapping, Vec<String>> {
    let mut mapping: Mapping = toml::from_str(text).map_err(|e| {
        let line = e.span().map_or(1, |s| line_of(text, s.start));
        vec![format!("{file}:{line}: {}; the README shows a mapping with every key", e.message())]
    })?;
    let definitions = definitions(text);
    for (feed, definition) in mapping.feeds.iter_mut().zip(definitions) {
        feed.definition = definition;
    }
    let mut problems = Vec::new();
    for feed in &mapping.feeds {
        check_feed(file, text, feed, &mut problems);
    }
    if mapping.feeds.is_empty() {
        problems.push(format!("{file}:1: no feed; add at least one [[feed]] with a table and columns"));
    }
    if problems.is_empty() { Ok(mapping) } else { Err(problems) }
}

/// Encodings a feed may name.
const ENCODINGS: [&str; 6] = ["utf-8", "gb18030", "gbk", "gb2312", "utf-16le", "utf-16be"];

/// Keys of a feed that say how its files are found and read, and words for people: rows mean the same without them.
const NO_MEANING: [&str; 17] = [
    "files",
    "sheet",
    "encoding",
    "delimiter",
    "ignore",
    "zh",
    "en",
    "note",
    "description",
    "format",
    "records",
    "skip_first",
    "skip_last",
    "trailer",
    "quote",
    "escape",
    "padded",
];

/// What each feed of a mapping means, in their order. Keys of the mapping itself that are not words for people count
/// as every feed's.
fn definitions(text: &str) -> Vec<String> {
    let Ok(mut mapping) = text.parse::<toml::Table>() else { return Vec::new() };
    let Some(toml::Value::Array(feeds)) = mapping.remove("feed") else { return Vec::new() };
    mapping.retain(|key, _| key != "name" && !NO_MEANING.contains(&key));
    feeds
        .into_iter()
        .map(|feed| {
            let toml::Value::Table(mut feed) = feed else { return String::new() };
            feed.retain(|key, _| !NO_MEANING.contains(&key));
            if !mapping.is_empty() {
                feed.insert("mapping".into(), toml::Value::Table(mapping.clone()));
            }
            toml::to_string(&feed).unwrap_or_default()
        })
        .collect()
}

fn line_of(text: &str, offset: usize) -> usize {
    text.get(..offset).map_or(1, |t| t.matches('\n').count() + 1)
}

fn check_feed(file: &str, text: &str, feed: &Feed, problems: &mut Vec<String>) {
    let at = line_of(text, text.find(&format!("\"{}\"", feed.name)).unwrap_or(0));
    let catalog = schema::catalog();
    let Some(table) = catalog.table(&feed.table) else {
        let near = catalog.nearest(&feed.table).join(", ");
        problems
            .push(format!("{file}:{at}: feed {}: no table {}; did you mean {near}?", feed.name, feed.table));
        return;
    };
    let repairs = repairs::problems(feed.repairs.as_deref().unwrap_or_default(), &feed.more_repairs);
    let of_feed = shape::problems(feed).into_iter().chain(repairs);
    problems.extend(of_feed.map(|p| format!("{file}:{at}: feed {}: {p}", feed.name)));
    for (name, source) in &feed.columns {
        let line = line_of(text, source.span().start);
        match table.column(name) {
            Some(column) => {
                let found = column_problems(column, &source.get_ref().transform());
                problems.extend(found.iter().map(|p| format!("{file}:{line}: column {name}: {p}")));
            }
            None => {
                let names: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
                problems.push(format!(
                    "{file}:{line}: table {} has no column {name}; its columns are {}",
                    feed.table,
                    names.join(", ")
                ));
            }
        }
    }
    for column in table.columns.iter().filter(|c| is_lacking(table, feed, c)) {
        problems.push(format!(
            "{file}:{at}: feed {}: required column {} of table {} is not mapped; add it under [feed.columns]",
            feed.name, column.name, feed.table
        ));
    }
    if let Some(encoding) = &feed.encoding
        && !ENCODINGS.contains(&encoding.as_str())
    {
        problems.push(format!("{file}:{at}: encoding {encoding} is none of {}", ENCODINGS.join(", ")));
    }
}

/// What is wrong with where a column comes from.
fn column_problems(column: &Column, transform: &Transform) -> Vec<String> {
    let mut found = Vec::new();
    let given = [transform.from.is_some(), transform.constant.is_some(), transform.sql.is_some()];
    if given.iter().filter(|g| **g).count() != 1 {
        found.push("give exactly one of from, const, sql".to_owned());
    }
    if let Some(format) = &transform.date_format {
        let dated = matches!(column.ty, ColumnType::Date | ColumnType::Timestamp | ColumnType::Period);
        if !dated {
            found.push("holds no date; remove date_format".to_owned());
        } else if chrono::format::StrftimeItems::new(format).any(|i| i == chrono::format::Item::Error) {
            found.push(format!("date_format {format} is no strftime pattern; for 29/02/2020 it is %d/%m/%Y"));
        }
    }
    if column.ty == ColumnType::Enum {
        let known: Vec<&str> = column.values.iter().map(|v| v.code.as_str()).collect();
        for (from, to) in transform.values.iter().filter(|(_, to)| !known.contains(&to.as_str())) {
            found.push(format!("{from} maps to {to}, which is none of {}", known.join(", ")));
        }
    }
    found
}

/// Whether a feed says nothing of a column that every row must have and that follows from no other.
fn is_lacking(table: &Table, feed: &Feed, column: &Column) -> bool {
    let derived = matches!(&table.period, Some(schema::PeriodSource::Derived(_)));
    // An invoice's lines may take their month from the invoice.
    let made = column.name == "period" && (derived || table.follows_invoice());
    column.required && !made && !feed.columns.contains_key(&column.name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::mapping::EMBEDDED;

    #[test]
    fn embedded_mappings_are_right() {
        for (name, text) in EMBEDDED {
            let mapping = parse(name, text).unwrap_or_else(|e| panic!("{}", e.join("\n")));
            assert_eq!(&mapping.name, name);
        }
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let text = "name = 'x'\nzh = ''\nen = ''\n[[feed]]\nname = 'f'\ntable = 'invoice'\nencoding = 'latin9'\n\
                    [feed.columns]\namout = 'a'\nstatus = { from = 's', values = { v = 'gone' } }\ntax = { from = 't', sql = '1' }\n";
        let problems = parse("m.toml", text).unwrap_err();
        let all = problems.join("\n");
        assert!(all.contains("m.toml:9: table invoice has no column amout"), "{all}");
        assert!(all.contains("m.toml:10: column status: v maps to gone"), "{all}");
        assert!(all.contains("m.toml:11: column tax: give exactly one"), "{all}");
        assert!(all.contains("required column issued_at"), "{all}");
        assert!(all.contains("latin9"), "{all}");
    }

    #[test]
    fn shapes_that_cannot_be_are_named() {
        let text = "name = 'x'\nzh = ''\nen = ''\n[[feed]]\nname = 'f'\ntable = 'office'\nformat = 'fixed'\n\
                    layout = [{ name = 'a', start = 1, width = 4 }, { name = 'b', start = 4, width = 2 }]\n\
                    trailer = { field = 1 }\nrepairs = ['trimm']\nescape = '//'\n\
                    [feed.columns]\noffice_code = { from = 'a', date_format = '%d' }\n";
        let all = parse("m.toml", text).unwrap_err().join("\n");
        for part in [
            "layout fields a (1–4) and b (from 4) overlap",
            "trailer: give field",
            "add skip_last = 1",
            "no repair trimm",
            "escape // is not one",
            "column office_code: holds no date",
        ] {
            assert!(all.contains(part), "{part}: {all}");
        }
    }

    #[test]
    fn a_definition_is_what_rows_mean() {
        let text = |files: &str, amount: &str| {
            format!(
                "name = 'x'\nzh = ''\nen = ''\n# a comment\n[[feed]]\nname = 'f'\ntable = 'invoice'\nfiles = ['{files}']\n\
                 [feed.columns]\ninvoice_id = 'i'\namount = {amount}\nissued_at = 'd'\nseller_id = 's'\n\
                 buyer_id = 'b'\nstatus = 't'\nperiod = 'p'\n"
            )
        };
        let of =
            |text: &str| parse("m", text).unwrap_or_else(|e| panic!("{e:?}")).feeds[0].definition.clone();
        let first = of(&text("a*.csv", "'a'"));
        assert!(first.contains("amount = \"a\"") && !first.contains("a*.csv"), "{first}");
        let moved = text("b*.csv", "'a'").replace("# a comment\n", "").replace("zh = ''", "zh = '新'");
        assert_eq!(of(&moved), first);
        assert_ne!(of(&text("a*.csv", "{ from = 'a', round = true }")), first);
        // Where a file does not name its columns, their order is what they mean.
        let ordered = |header: &str| {
            of(&text("a*.csv", "'a'")
                .replace("[feed.columns]", &format!("header = {header}\n[feed.columns]")))
        };
        assert_ne!(ordered("['a', 't']"), ordered("['t', 'a']"));
    }

    #[test]
    fn unknown_keys_and_tables_are_refused() {
        let text = "name = 'x'\nzh = ''\nen = ''\n[[feed]]\nname = 'f'\ntable = 'invoice'\ncolour = 1\n";
        assert!(parse("m", text).unwrap_err()[0].starts_with("m:7: unknown field"));
        let text = "name = 'x'\nzh = ''\nen = ''\n[[feed]]\nname = 'f'\ntable = 'invoce'\n";
        assert!(parse("m", text).unwrap_err()[0].contains("invoice"));
    }
}
