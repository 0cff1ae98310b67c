//! "Did you mean": the words of a list that lie near a mistyped one. Used in messages only, never to guess a meaning.

const MAX_SUGGESTIONS: usize = 3;

/// Up to three candidates near `word`, best first: the same word in another case, one that contains it or is
/// contained in it, or one at most a third of its letters away. Empty when nothing comes near.
pub fn nearest_words<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = word.to_lowercase();
    let mut scored: Vec<(usize, &str)> =
        candidates.filter_map(|candidate| Some((distance(&wanted, candidate)?, candidate))).collect();
    scored.sort_unstable();
    scored.truncate(MAX_SUGGESTIONS);
    scored.into_iter().map(|(_, candidate)| candidate).collect()
}

fn distance(wanted: &str, candidate: &str) -> Option<usize> {
    let other = candidate.to_lowercase();
    let edits = edit_distance(wanted, &other);
    let near = edits <= (wanted.chars().count().max(3)) / 3;
    let part = wanted.len() >= 3 && (other.contains(wanted) || (other.len() >= 3 && wanted.contains(&other)));
    // A part of a longer word is a good guess however much longer the word is, but a typo comes first.
    if near { Some(edits) } else { part.then_some(100 + edits) }
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut edits = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                edits = edits.min(rows[i - 2][j - 2] + 1);
            }
            row.push(edits);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        assert_eq!(edit_distance("invoice", "invoice"), 0);
        assert_eq!(edit_distance("invioce", "invoice"), 1);
        assert_eq!(edit_distance("", "abc"), 3);
        assert_eq!(edit_distance("发票", "发票号"), 1);
    }

    #[test]
    fn a_typo_comes_before_a_longer_word() {
        let words = ["invoice", "invoice_line", "invoice_quota", "payroll"];
        assert_eq!(nearest_words("invoices", words.into_iter())[0], "invoice");
        assert_eq!(nearest_words("PAYROL", words.into_iter()), ["payroll"]);
        assert!(nearest_words("zzz", words.into_iter()).is_empty());
    }
}
