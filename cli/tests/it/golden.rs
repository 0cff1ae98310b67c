//! What a person sees, word for word. Change these together with the text, and read them.

use insta::assert_snapshot;

use crate::support::{Place, SELLER, assay, invoice, invoices};

#[test]
fn help() {
    let folder = tempfile::tempdir().unwrap();
    assert_snapshot!(assay(folder.path(), &["--help"]).ok().out, @"");
}
