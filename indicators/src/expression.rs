//! Fact expressions: parses their SQL and turns monthly windows and profile columns into named inputs of the
//! profile. Works on the syntax tree only; types come in when `plan.rs` hands the result to DataFusion.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Value, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;

use crate::features::{FeatureCatalogue, FeatureSource};
use crate::period;
use crate::problem::did_you_mean;
use crate::rewrite::{Arithmetic, exact_literal, identifier, parse_fragment, rewrite_operation};

/// Longest window and farthest look back, in months: ten years.
const MONTHS_MAX: i32 = 120;

/// What is wrong with an expression: the word at fault (to point at), a message and a remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// A word of the expression near the fault; empty = the whole expression.
    pub word: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

impl Fault {
    /// A fault at a word.
    pub fn new(word: &str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { word: word.to_owned(), message: message.into(), remedy: remedy.into() }
    }
}

/// How the months of a window come together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fold {
    /// `trailing`
    Sum,
    /// `trailing_max`, and `lag` (which has one month)
    Max,
    /// `trailing_min`
    Min,
    /// `trailing_avg`, over the months that exist
    Avg,
    /// `months`: how many satisfy the expression
    Months,
}

/// One aggregate over the rows of a rollup in a window of months. Equal ones are computed once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Window {
    /// Table of months.
    pub rollup: String,
    /// How months fold.
    pub fold: Fold,
    /// SQL over one monthly row, in canonical spelling.
    pub inner: String,
    /// First month.
    pub from: i32,
    /// Last month.
    pub to: i32,
}

/// A column of an as-of feature query run at a month.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AsOfColumn {
    /// Name of the feature file.
    pub file: String,
    /// Month it runs at.
    pub as_of: i32,
    /// Column.
    pub column: String,
}

/// Everything the facts of a scan read, each thing once, in the order of first use.
#[derive(Debug, Default)]
pub struct Inputs {
    /// Windows; the n-th is column `a{n}`.
    pub windows: Vec<Window>,
    /// As-of columns; the n-th is column `x{n}`.
    pub as_of_columns: Vec<AsOfColumn>,
    /// Registration columns; column `r_{name}`.
    pub registration: Vec<String>,
    window_index: HashMap<Window, usize>,
    as_of_index: HashMap<AsOfColumn, usize>,
}

impl Inputs {
    /// Name of the column a window gets.
    pub fn window(&mut self, window: Window) -> String {
        let next = self.windows.len();
        let index = *self.window_index.entry(window.clone()).or_insert(next);
        if index == next {
            self.windows.push(window);
        }
        format!("a{index}")
    }

    fn as_of_column(&mut self, column: AsOfColumn) -> String {
        let next = self.as_of_columns.len();
        let index = *self.as_of_index.entry(column.clone()).or_insert(next);
        if index == next {
            self.as_of_columns.push(column);
        }
        format!("x{index}")
    }

    fn registration(&mut self, name: &str) -> String {
        if !self.registration.iter().any(|known| known == name) {
            self.registration.push(name.to_owned());
        }
        format!("r_{name}")
    }
}

/// Parses one SQL expression to its end.
pub fn parse(sql: &str) -> Result<Expr, Fault> {
    let fail =
        |error: String| Fault::new("", format!("not a SQL expression: {error}"), "correct the expression");
    let mut parser = Parser::new(&GenericDialect).try_with_sql(sql).map_err(|e| fail(e.to_string()))?;
    let expr = parser.parse_expr().map_err(|e| fail(e.to_string()))?;
    match parser.peek_token().token {
        Token::EOF => Ok(expr),
        rest => Err(fail(format!("`{rest}` after the end"))),
    }
}

/// Resolves a fact expression: the result reads only columns of `inputs`. All faults are returned.
pub fn resolve(
    sql: &str,
    arithmetic: Arithmetic,
    as_of: i32,
    features: &FeatureCatalogue,
    inputs: &mut Inputs,
) -> Result<Expr, Vec<Fault>> {
    let mut expr = parse(sql).map_err(|fault| vec![fault])?;
    let mut resolver = Resolver { features, as_of, inputs, arithmetic, faults: Vec::new() };
    let _ = expr.visit(&mut resolver);
    if resolver.faults.is_empty() { Ok(expr) } else { Err(resolver.faults) }
}

struct Resolver<'a> {
    features: &'a FeatureCatalogue,
    as_of: i32,
    inputs: &'a mut Inputs,
    arithmetic: Arithmetic,
    faults: Vec<Fault>,
}

impl VisitorMut for Resolver<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Some(fault) = refused(expr) {
            self.faults.push(fault);
            return ControlFlow::Break(());
        }
        let replaced = match expr {
            Expr::Identifier(ident) => self.column(&name_of(ident)),
            Expr::Function(function) => match window_name(function) {
                Some(name) => self.window(&name, function),
                None => return ControlFlow::Continue(()),
            },
            Expr::Value(value) => Ok(match (&value.value, self.arithmetic) {
                (Value::Number(text, _), Arithmetic::Exact) => exact_literal(text),
                _ => None,
            }),
            _ => Ok(None),
        };
        match replaced {
            Ok(Some(new)) => *expr = new,
            Ok(None) => {}
            Err(fault) => self.faults.push(fault),
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        rewrite_operation(expr, self.arithmetic);
        ControlFlow::Continue(())
    }
}

impl Resolver<'_> {
    fn column(&mut self, name: &str) -> Result<Option<Expr>, Fault> {
        if name == "as_of" {
            return Ok(parse_fragment(&self.as_of.to_string()));
        }
        if name == "as_of_date" {
            return Ok(period::end(self.as_of).and_then(|day| parse_fragment(&format!("DATE '{day}'"))));
        }
        let feature = self.features.get(name).ok_or_else(|| unknown_column(name, self.features))?;
        Ok(Some(identifier(&match &feature.source {
            FeatureSource::Monthly(rollup) => self.inputs.window(Window {
                rollup: rollup.clone(),
                fold: Fold::Max,
                inner: name.to_owned(),
                from: self.as_of,
                to: self.as_of,
            }),
            FeatureSource::AsOf(file) => self.inputs.as_of_column(AsOfColumn {
                file: file.clone(),
                as_of: self.as_of,
                column: name.to_owned(),
            }),
            FeatureSource::Registration => self.inputs.registration(name),
        })))
    }

    fn window(&mut self, name: &str, function: &Function) -> Result<Option<Expr>, Fault> {
        let arguments = plain_arguments(function).ok_or_else(|| {
            Fault::new(name, format!("`{name}` with other than plain arguments"), usage(name))
        })?;
        let [inner, numbers @ ..] = arguments.as_slice() else {
            return Err(Fault::new(name, format!("`{name}` without arguments"), usage(name)));
        };
        let numbers: Vec<i32> = numbers
            .iter()
            .map(|n| n.to_string().parse().ok().filter(|n| (0..=MONTHS_MAX).contains(n)))
            .collect::<Option<_>>()
            .ok_or_else(|| {
                let message = format!("months of `{name}` must be whole numbers from 0 to {MONTHS_MAX}");
                Fault::new(name, message, usage(name))
            })?;
        let (fold, months, back) = match (name, numbers.as_slice()) {
            ("lag", [back]) => (Fold::Max, 1, *back),
            ("trailing", [n] | [n, _]) => (Fold::Sum, *n, numbers.get(1).copied().unwrap_or(0)),
            ("trailing_max", [n] | [n, _]) => (Fold::Max, *n, numbers.get(1).copied().unwrap_or(0)),
            ("trailing_min", [n] | [n, _]) => (Fold::Min, *n, numbers.get(1).copied().unwrap_or(0)),
            ("trailing_avg", [n] | [n, _]) => (Fold::Avg, *n, numbers.get(1).copied().unwrap_or(0)),
            ("months", [n] | [n, _]) => (Fold::Months, *n, numbers.get(1).copied().unwrap_or(0)),
            _ => {
                return Err(Fault::new(
                    name,
                    format!("`{name}` with {} numbers", numbers.len()),
                    usage(name),
                ));
            }
        };
        if months == 0 {
            return Err(Fault::new(name, format!("`{name}` over 0 months"), usage(name)));
        }
        let (inner, rollup) = self.monthly(name, (*inner).clone())?;
        let window = Window {
            rollup,
            fold,
            inner,
            from: period::add(self.as_of, 1 - back - months),
            to: period::add(self.as_of, -back),
        };
        Ok(Some(identifier(&self.inputs.window(window))))
    }

    /// Resolves what stands inside a window: scalar SQL over the monthly columns of one rollup.
    fn monthly(&mut self, window: &str, mut inner: Expr) -> Result<(String, String), Fault> {
        let mut monthly = Monthly { features: self.features, rollup: None, fault: None };
        let _ = inner.visit(&mut monthly);
        if let Some(fault) = monthly.fault {
            return Err(fault);
        }
        let rollup = monthly.rollup.ok_or_else(|| {
            Fault::new(
                window,
                format!("`{window}` reads no monthly column"),
                "use a monthly column inside it",
            )
        })?;
        Ok((inner.to_string(), rollup))
    }
}

struct Monthly<'a> {
    features: &'a FeatureCatalogue,
    rollup: Option<String>,
    fault: Option<Fault>,
}

impl Monthly<'_> {
    fn column(&mut self, ident: &mut Ident) -> Result<(), Fault> {
        let name = name_of(ident);
        if name == "period" {
            return Ok(());
        }
        let feature = self.features.get(&name).ok_or_else(|| unknown_column(&name, self.features))?;
        let FeatureSource::Monthly(rollup) = &feature.source else {
            let message = format!("`{name}` is not monthly");
            return Err(Fault::new(&name, message, "use it outside of the window function"));
        };
        if let Some(other) = self.rollup.as_ref().filter(|other| *other != rollup) {
            let message = format!("a window over two tables, `{other}` and `{rollup}` (`{name}`)");
            return Err(Fault::new(&name, message, "write one window for each table"));
        }
        self.rollup = Some(rollup.clone());
        *ident = Ident::new(name);
        Ok(())
    }
}

impl VisitorMut for Monthly<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let result = match refused(expr) {
            Some(fault) => Err(fault),
            None => match expr {
                Expr::Identifier(ident) => self.column(ident),
                Expr::Function(function) => match window_name(function) {
                    Some(name) => Err(Fault::new(&name, "a window inside a window", "keep one of them")),
                    None => Ok(()),
                },
                Expr::Value(value) => {
                    if let Value::Number(text, _) = &value.value
                        && let Some(exact) = exact_literal(text)
                    {
                        *expr = exact;
                    }
                    Ok(())
                }
                _ => Ok(()),
            },
        };
        match result {
            Ok(()) => ControlFlow::Continue(()),
            Err(fault) => {
                self.fault = Some(fault);
                ControlFlow::Break(())
            }
        }
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        rewrite_operation(expr, Arithmetic::Exact);
        ControlFlow::Continue(())
    }
}

fn unknown_column(name: &str, features: &FeatureCatalogue) -> Fault {
    Fault::new(
        name,
        format!("unknown profile column `{name}`"),
        did_you_mean(name, features.names(), "sql/features.toml"),
    )
}

/// Constructs that have no place in any expression of a definition.
pub fn refused(expr: &Expr) -> Option<Fault> {
    match expr {
        Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => {
            Some(Fault::new("select", "a query inside an expression", "declare an as-of feature for it"))
        }
        Expr::CompoundIdentifier(parts) => {
            let name = parts.iter().map(|p| p.value.as_str()).collect::<Vec<_>>().join(".");
            Some(Fault::new(&name, format!("`{name}` is qualified"), "write the name without a table"))
        }
        Expr::Function(function) if function.over.is_some() => {
            Some(Fault::new("over", "an OVER clause", "use lag or one of the trailing functions"))
        }
        Expr::Wildcard(_) | Expr::QualifiedWildcard(..) => {
            Some(Fault::new("*", "a wildcard", "name the columns"))
        }
        _ => None,
    }
}

/// The name of a window function of the language, if this is one.
fn window_name(function: &Function) -> Option<String> {
    let name = function.name.to_string().to_lowercase();
    ["lag", "trailing", "trailing_max", "trailing_min", "trailing_avg", "months"]
        .contains(&name.as_str())
        .then_some(name)
}

/// The arguments of a function call without names, filters, DISTINCT or other clauses.
pub fn plain_arguments(function: &Function) -> Option<Vec<&Expr>> {
    if function.filter.is_some() {
        return None;
    }
    let FunctionArguments::List(list) = &function.args else { return None };
    if list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
        return None;
    }
    list.args
        .iter()
        .map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
            _ => None,
        })
        .collect()
}

fn usage(name: &str) -> String {
    match name {
        "lag" => "write `lag(expression, months)`".to_owned(),
        _ => format!("write `{name}(expression, months)` or `{name}(expression, months, back)`"),
    }
}

/// A column name as SQL reads it: lower case unless quoted.
pub fn name_of(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}
