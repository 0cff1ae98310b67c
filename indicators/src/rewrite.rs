//! Makes SQL arithmetic mean what an officer means by it: a quotient of counts is no integer, dividing by zero is
//! unknown rather than an error, and money never becomes a float.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Function, Ident};

use crate::expression::{parse, plain_arguments};

/// In which numbers an expression is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    /// Decimals throughout: money, and everything summed over months (so that order of summing never shows).
    Exact,
    /// Doubles: shares, ratios, statistics.
    Double,
}

/// Gives an operation the meaning of the language: a division neither truncates nor fails, and `least` and
/// `greatest` of an unknown are unknown. To be applied once to each node, inner first.
pub fn rewrite_operation(expr: &mut Expr, arithmetic: Arithmetic) {
    let text = match expr {
        Expr::BinaryOp { left, op, right } => division(left, op, right, arithmetic),
        Expr::Function(function) => strict(function),
        _ => None,
    };
    // The parts were printed by the parser's own printer, so the text parses; if it ever did not, the plain
    // operation stays and fails loudly on a zero.
    if let Some(new) = text.and_then(|text| parse_fragment(&text)) {
        *expr = Expr::Nested(Box::new(new));
    }
}

fn division(left: &Expr, op: &BinaryOperator, right: &Expr, arithmetic: Arithmetic) -> Option<String> {
    match (op, arithmetic) {
        (BinaryOperator::Divide, Arithmetic::Double) => {
            Some(format!("CAST({left} AS DOUBLE) / NULLIF(CAST({right} AS DOUBLE), 0.0)"))
        }
        (BinaryOperator::Divide, Arithmetic::Exact) => Some(format!(
            "TRY_CAST({left} AS DECIMAL(28, 6)) / NULLIF(TRY_CAST({right} AS DECIMAL(28, 6)), 0)"
        )),
        (BinaryOperator::Modulo, _) => Some(format!("({left}) % NULLIF({right}, 0)")),
        _ => None,
    }
}

/// SQL's `least` and `greatest` pass over nulls; here the smaller of a number and an unknown is unknown.
fn strict(function: &Function) -> Option<String> {
    let name = function.name.to_string().to_lowercase();
    let arguments = plain_arguments(function)?;
    if !["least", "greatest"].contains(&name.as_str()) || arguments.is_empty() {
        return None;
    }
    let unknown: Vec<String> = arguments.iter().map(|argument| format!("({argument}) IS NULL")).collect();
    Some(format!("CASE WHEN {} THEN NULL ELSE {function} END", unknown.join(" OR ")))
}

/// A decimal literal (`0.13`) as a decimal of exactly its digits; `None` for whole numbers and for exponents.
pub fn exact_literal(text: &str) -> Option<Expr> {
    let (whole, fraction) = text.split_once('.')?;
    if !whole.chars().chain(fraction.chars()).all(|c| c.is_ascii_digit()) {
        return None;
    }
    let precision = (whole.len() + fraction.len()).clamp(1, 38);
    parse_fragment(&format!("CAST('{text}' AS DECIMAL({precision}, {}))", fraction.len()))
}

/// A bare column.
pub fn identifier(name: &str) -> Expr {
    Expr::Identifier(Ident::new(name))
}

/// Parses text made by this crate itself.
pub fn parse_fragment(text: &str) -> Option<Expr> {
    parse(text).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn literals_keep_exactly_their_digits() {
        assert_eq!(exact_literal("0.13").unwrap().to_string(), "CAST('0.13' AS DECIMAL(3,2))");
        assert!(exact_literal("13").is_none());
        assert!(exact_literal("1.5e3").is_none());
    }

    #[test]
    fn divisions_are_guarded() {
        let mut double = parse("a / b").unwrap();
        rewrite_operation(&mut double, Arithmetic::Double);
        assert_eq!(double.to_string(), "(CAST(a AS DOUBLE) / NULLIF(CAST(b AS DOUBLE), 0.0))");
        let mut sum = parse("a + b").unwrap();
        rewrite_operation(&mut sum, Arithmetic::Exact);
        assert_eq!(sum.to_string(), "a + b");
    }

    #[test]
    fn the_least_of_an_unknown_is_unknown() {
        let mut least = parse("least(a, b)").unwrap();
        rewrite_operation(&mut least, Arithmetic::Double);
        let text = least.to_string();
        assert!(text.contains("(a) IS NULL OR (b) IS NULL") && text.contains("ELSE least(a, b)"), "{text}");
        let mut other = parse("coalesce(a, b)").unwrap();
        rewrite_operation(&mut other, Arithmetic::Double);
        assert_eq!(other.to_string(), "coalesce(a, b)");
    }
}
