//! The third sheet: how to fill in the list, what its columns, grades and codes mean.

use rust_xlsxwriter::{Worksheet, XlsxError};

use super::columns::list_columns;
use super::feedback::{CONCLUSIONS, EXCLUSION_REASONS, HANDLINGS, feedback_columns};
use super::model::Task;
use super::sheet::{Formats, margins, protect, row_height};
use super::words;
use super::workbook::{OfficeList, row_number};

/// Name of the sheet.
const GUIDE_SHEET: &str = "填表说明";
const WIDTHS: [f64; 2] = [22.0, 98.0];

enum Line {
    Section(&'static str),
    Entry(String, String),
}

pub(super) fn write(
    sheet: &mut Worksheet,
    list: &OfficeList<'_>,
    formats: &Formats,
) -> Result<(), XlsxError> {
    sheet.set_name(GUIDE_SHEET)?;
    for (at, width) in (0..).zip(WIDTHS) {
        sheet.set_column_width(at, width)?;
    }
    sheet.set_row_height(0, 26.0)?;
    sheet.write_string_with_format(0, 0, list.title(GUIDE_SHEET), &formats.title)?;
    for (at, line) in lines(list).iter().enumerate() {
        let row = row_number(at + 1);
        match line {
            Line::Section(title) => {
                sheet.set_row_height(row, 22.0)?;
                sheet.merge_range(row, 0, row, 1, title, &formats.band)?;
            }
            Line::Entry(name, text) => {
                let texts = [(name.as_str(), WIDTHS[0]), (text.as_str(), WIDTHS[1])];
                sheet.set_row_height(row, row_height(texts.into_iter(), 18.0))?;
                sheet.write_string_with_format(row, 0, name, &formats.text)?;
                sheet.write_string_with_format(row, 1, text, &formats.text)?;
            }
        }
    }
    sheet.set_freeze_panes(1, 0)?;
    sheet.set_portrait().set_paper_size(9).set_margins(0.5, 0.5, 0.5, 0.5, 0.25, 0.25);
    sheet.set_print_fit_to_pages(1, 0);
    margins(sheet, "", &list.batch());
    protect(sheet);
    Ok(())
}

fn lines(list: &OfficeList<'_>) -> Vec<Line> {
    let entry = |name: &str, text: &str| Line::Entry(name.to_owned(), text.to_owned());
    let mut lines = vec![Line::Section("一、怎样填")];
    if list.unknown {
        lines.push(entry(
            "主管机关不明",
            "本表纳税人的登记数据中没有主管税务机关，任务编号的机关代码以000000000代替。请先查明主管机关，补充登记数据后重新生成任务，再分派应对；不要直接转发本表。",
        ));
    }
    lines.extend([
        entry("只填黄色列", "「任务清单」中黄色的反馈列由应对人员填写，其余各列已锁定（未设密码，仅防误改）。回传后系统逐行与下发时的数据核对，锁定列被改动的行将被退回，并注明「原始表与汇总表数据不一致」。"),
        entry("不要动的", "不要删除、增加、合并行或列，不要修改行标识，不要改工作表名称；请保持xlsx格式回传。可以筛选、调整列宽和行高；因单元格锁定，不能排序（已按风险积分从高到低排列）。"),
        entry("疑点与定性", "疑点是数据比对发现的线索，不是结论。请先核实「核查建议」中的合理情形，不能合理解释的再按应对方式处理。每个疑点的取数、正当理由和证据查询见「疑点明细及证据」。"),
        entry("一户一任务", "一户纳税人的全部疑点合并为一个任务，一次应对，避免多头重复。疑点①积分最高；指标值、预警值、偏离度三列为疑点①的数值。"),
        entry("新增疑点", "任务下发后又有疑点并入的，重新导出的工作簿中「核实结论」标红；请在「疑点明细及证据」对标红的疑点单独填写「该疑点核实结论」，原已填写的结论不自动适用。各疑点数据截止月份不同的，在疑点描述中注明。"),
        entry("空白的含义", "下发列空白表示数据未知或无法估算，不等于零。"),
    ]);
    lines.push(Line::Section("二、风险等级与应对时限"));
    lines.extend(grades(list));
    lines.push(Line::Section("三、反馈列"));
    lines.extend(feedback_columns().iter().map(|column| entry(column.zh, column.help)));
    lines.push(Line::Section("四、代码表"));
    lines.push(entry("核实结论", &CONCLUSIONS.join("　")));
    lines.push(entry("排除原因码", &EXCLUSION_REASONS.join("\n")));
    lines.push(entry("处理方式", &HANDLINGS.join("　")));
    lines.push(Line::Section("五、下发列"));
    let helped = list_columns().iter().filter(|column| !column.help.is_empty());
    lines.extend(helped.map(|column| entry(column.zh, column.help)));
    lines
}

/// The grades as this list uses them; a grade no task has is not explained by guess.
fn grades(list: &OfficeList<'_>) -> Vec<Line> {
    let describe = |task: &Task| {
        let response = task.response.replace('/', "或");
        format!("应对方式：{response}；自下发日期起{}个自然日内完成并反馈。", task.due_days)
    };
    let of_grade = |grade: &str| list.tasks.iter().find(|(task, _)| task.grade == grade);
    ["high", "medium", "low"]
        .into_iter()
        .filter_map(|grade| of_grade(grade).map(|(task, _)| (grade, task)))
        .map(|(grade, task)| Line::Entry(format!("{}风险", words::grade(grade)), describe(task)))
        .collect()
}
