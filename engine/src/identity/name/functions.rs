//! The SQL functions over company names: `normal_name`, `name_region`, `name_suffix`, `name_branch`.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, StringArray, StringBuilder};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{
    ColumnarValue, DocSection, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::{Name, NameParser};

/// Registers the functions. Whoever opens a session on a warehouse calls it.
pub fn register(context: &SessionContext) {
    for part in Part::ALL {
        context.register_udf(ScalarUDF::from(NameFunction::new(part)));
    }
}

/// Which part of a name a function gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    Core,
    Region,
    Suffix,
    Branch,
}

impl Part {
    const ALL: [Self; 4] = [Self::Core, Self::Region, Self::Suffix, Self::Branch];

    fn name(self) -> &'static str {
        match self {
            Self::Core => "normal_name",
            Self::Region => "name_region",
            Self::Suffix => "name_suffix",
            Self::Branch => "name_branch",
        }
    }

    fn about(self) -> &'static str {
        match self {
            Self::Core => {
                "The core of a company's name, brand and trade: half width, simplified characters, without regions, \
                 legal form, branch and punctuation. Null for null."
            }
            Self::Region => {
                "The regions a company's name gives, in short, from wide to narrow (江苏南京); null where it gives none."
            }
            Self::Suffix => {
                "The legal form of a company's name: joint_stock, group, limited, company, partnership, cooperative, \
                 factory, individual; null where it gives none."
            }
            Self::Branch => {
                "What tells a branch from others of its head office (上海, 第二; 分 where nothing does); null for a name that \
                 is no branch's."
            }
        }
    }

    fn append(self, name: &Name, out: &mut StringBuilder) {
        match self {
            Self::Core => out.append_value(&name.core),
            Self::Region if name.places.is_empty() => out.append_null(),
            Self::Region => out.append_value(name.region()),
            Self::Suffix => out.append_option(name.suffix.map(super::Suffix::class)),
            Self::Branch => out.append_option(name.branch.as_deref()),
        }
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct NameFunction {
    part: Part,
    signature: Signature,
}

impl NameFunction {
    fn new(part: Part) -> Self {
        Self { part, signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for NameFunction {
    fn name(&self) -> &str {
        self.part.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let usage = self.part.name();
        let [kind] = given else { return plan_err!("{usage}(name) takes 1 argument, not {}", given.len()) };
        match kind {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
                Ok(vec![DataType::Utf8])
            }
            DataType::Dictionary(_, value) => self.coerce_types(std::slice::from_ref(value.as_ref())),
            other => plan_err!("{usage}(name) takes text, not {other}; cast it to text first"),
        }
    }

    fn return_type(&self, _given: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = matches!(args.args.as_slice(), [ColumnarValue::Scalar(_)]);
        let rows = if constant { 1 } else { args.number_rows };
        let [argument] = args.args.as_slice() else {
            return plan_err!("{} takes 1 argument", self.part.name());
        };
        let result = part_of(self.part, argument.to_array(rows)?.as_string::<i32>());
        if constant {
            return ScalarValue::try_from_array(&result, 0).map(ColumnarValue::Scalar);
        }
        Ok(ColumnarValue::Array(result))
    }

    fn documentation(&self) -> Option<&Documentation> {
        static TEXTS: LazyLock<Vec<Documentation>> = LazyLock::new(|| {
            let section = DocSection { include: true, label: "Tax Functions", description: None };
            let of = |part: &Part| {
                Documentation::builder(section.clone(), part.about(), format!("{}(name)", part.name()))
                    .build()
            };
            Part::ALL.iter().map(of).collect()
        });
        TEXTS.get(self.part as usize)
    }
}

fn part_of(part: Part, names: &StringArray) -> ArrayRef {
    let parser = NameParser::shared();
    let mut out = StringBuilder::with_capacity(names.len(), names.value_data().len());
    for name in names {
        match name {
            Some(name) => part.append(&parser.parse(name), &mut out),
            None => out.append_null(),
        }
    }
    Arc::new(out.finish())
}
