//! `code_valid(list, code) -> bool` and `code_name(list, code) -> text`: is this a code of a published list
//! (`industry`, `region`, `goods`, `ownership`), and what does it mean?
//!
//! An abolished code is valid, for old rows keep old codes; `codes.region` tells in which editions a code stands. Not
//! checked: whether the code fits the rest of its row. Over a dictionary-encoded column each distinct code is looked
//! up once a batch.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayAccessor, ArrayRef, AsArray, BooleanArray, BooleanBuilder, StringArray, StringBuilder,
};
use arrow::compute::take;
use arrow::datatypes::DataType;
use assay_datasets::codes::{CodeList, Codes};
use datafusion::common::{Result, ScalarValue, internal_err, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

use super::{SECTION, check_count, documentation};

/// The types of (list, code): a dictionary of codes stays one.
fn coerce(function: &str, given: &[DataType]) -> Result<Vec<DataType>> {
    check_count(function, given, 2)?;
    let text = |kind: &DataType| match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some(kind.clone()),
        DataType::Null => Some(DataType::Utf8),
        _ => None,
    };
    let code = match &given[1] {
        DataType::Dictionary(_, value) if matches!(value.as_ref(), DataType::Utf8) => {
            Some(DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)))
        }
        other => text(other),
    };
    match (text(&given[0]), code) {
        (Some(_), Some(code)) => Ok(vec![DataType::Utf8, code]),
        _ => plan_err!(
            "{function} takes two texts, not {} and {}; cast them to text first",
            given[0],
            given[1]
        ),
    }
}

/// The list the first argument names.
fn list(function: &str, argument: &ColumnarValue) -> Result<&'static Codes> {
    let ColumnarValue::Scalar(ScalarValue::Utf8(Some(name))) = argument else {
        return plan_err!("{function}: name the list as a text, e.g. {function}('region', region_code)");
    };
    match CodeList::named(name) {
        Some(list) => Ok(list.codes()),
        None => {
            let known: Vec<&str> = CodeList::ALL.iter().map(|l| l.name()).collect();
            plan_err!("{function}: no code list {name}; there are {}", known.join(", "))
        }
    }
}

/// Applies `kernel` to the distinct values of a dictionary, to all values of other columns.
fn by_value(
    args: &ScalarFunctionArgs,
    kernel: impl Fn(&ArrayRef) -> Result<ArrayRef>,
) -> Result<ColumnarValue> {
    match &args.args[1] {
        ColumnarValue::Scalar(scalar) => {
            let result = kernel(&flat(&scalar.to_array()?)?)?;
            ScalarValue::try_from_array(&result, 0).map(ColumnarValue::Scalar)
        }
        ColumnarValue::Array(column) => match column.as_any_dictionary_opt() {
            None => kernel(column).map(ColumnarValue::Array),
            Some(dictionary) => {
                let values = kernel(dictionary.values())?;
                Ok(ColumnarValue::Array(take(&values, dictionary.keys(), None)?))
            }
        },
    }
}

fn flat(column: &ArrayRef) -> Result<ArrayRef> {
    match column.data_type() {
        DataType::Dictionary(_, value) => Ok(arrow::compute::cast(column, value)?),
        _ => Ok(Arc::clone(column)),
    }
}

fn valid(codes: &Codes, column: &ArrayRef) -> Result<ArrayRef> {
    fn run<'a>(texts: impl ArrayAccessor<Item = &'a str> + Copy, codes: &Codes) -> BooleanArray {
        let mut found = BooleanBuilder::with_capacity(texts.len());
        // Sorted units repeat codes: what was just looked up is not looked up again.
        let mut last: Option<(&str, bool)> = None;
        for row in 0..texts.len() {
            if texts.is_null(row) {
                found.append_null();
                continue;
            }
            let code = texts.value(row);
            let known = match last {
                Some((before, known)) if before == code => known,
                _ => codes.contains(code),
            };
            last = Some((code, known));
            found.append_value(known);
        }
        found.finish()
    }
    Ok(Arc::new(match column.data_type() {
        DataType::Utf8 => run(column.as_string::<i32>(), codes),
        DataType::LargeUtf8 => run(column.as_string::<i64>(), codes),
        DataType::Utf8View => run(column.as_string_view(), codes),
        other => return internal_err!("expected a text column, got {other}"),
    }))
}

fn name(codes: &Codes, column: &ArrayRef) -> Result<ArrayRef> {
    fn run<'a>(texts: impl ArrayAccessor<Item = &'a str> + Copy, codes: &Codes) -> StringArray {
        let mut names = StringBuilder::new();
        for row in 0..texts.len() {
            let found = if texts.is_null(row) { None } else { codes.field(texts.value(row), "name") };
            names.append_option(found);
        }
        names.finish()
    }
    Ok(Arc::new(match column.data_type() {
        DataType::Utf8 => run(column.as_string::<i32>(), codes),
        DataType::LargeUtf8 => run(column.as_string::<i64>(), codes),
        DataType::Utf8View => run(column.as_string_view(), codes),
        other => return internal_err!("expected a text column, got {other}"),
    }))
}

/// The SQL function `code_valid`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct CodeValid {
    signature: Signature,
}

impl CodeValid {
    /// The function, ready to register.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for CodeValid {
    fn name(&self) -> &str {
        "code_valid"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        coerce("code_valid(list, code)", given)
    }

    fn return_type(&self, _given: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let codes = list("code_valid", &args.args[0])?;
        by_value(&args, |column| valid(codes, column))
    }

    documentation!(
        SECTION,
        "True when the text is a code of the published list `industry`, `region`, `goods` or `ownership`, abolished or not. Null for null.",
        "code_valid(list, code)"
    );
}

/// The SQL function `code_name`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct CodeName {
    signature: Signature,
}

impl CodeName {
    /// The function, ready to register.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for CodeName {
    fn name(&self) -> &str {
        "code_name"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        coerce("code_name(list, code)", given)
    }

    fn return_type(&self, _given: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let codes = list("code_name", &args.args[0])?;
        by_value(&args, |column| name(codes, column))
    }

    documentation!(
        SECTION,
        "The Chinese name of a code in the published list `industry`, `region`, `goods` or `ownership`. Null for an unknown code.",
        "code_name(list, code)"
    );
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use arrow::array::DictionaryArray;
    use arrow::datatypes::Int32Type;

    #[test]
    fn a_dictionary_gives_what_plain_text_gives() {
        let codes = CodeList::Region.codes();
        let texts = [Some("310115"), None, Some("999999"), Some("310115"), Some("140726")];
        let plain: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
        let wanted = BooleanArray::from(vec![Some(true), None, Some(false), Some(true), Some(true)]);
        assert_eq!(valid(codes, &plain).unwrap().as_boolean(), &wanted);
        let dictionary: DictionaryArray<Int32Type> = texts.into_iter().collect();
        let values = valid(codes, dictionary.values()).unwrap();
        assert_eq!(take(&values, dictionary.keys(), None).unwrap().as_boolean(), &wanted);
        let names = name(codes, &plain).unwrap();
        assert_eq!(names.as_string::<i32>().value(0), "浦东新区");
        assert!(names.is_null(2));
    }
}
