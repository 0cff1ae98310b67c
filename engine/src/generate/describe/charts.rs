//! Charts as SVG, by plotters. Texts keep the page's fonts: the page's style names them for all text in charts.

use plotters::prelude::*;

use super::query::Month;
use super::tail::Distribution;
use crate::Result;
use crate::pages::canvas::{self, Canvas, FONT, failed};

const WIDTH: u32 = 860;
const HEIGHT: u32 = 380;
const BLUE: RGBColor = RGBColor(0x2f, 0x6d, 0xb3);
const ORANGE: RGBColor = RGBColor(0xd9, 0x7b, 0x29);
const GREY: RGBColor = RGBColor(0xb9, 0xc1, 0xcb);
const RED: RGBColor = RGBColor(0xc0, 0x39, 0x2b);

/// Draws on a white page of the usual width.
fn draw(height: u32, paint: impl FnOnce(&Canvas<'_>) -> Result<()>) -> Result<String> {
    canvas::draw_scalable((WIDTH, height), |area| {
        area.fill(&WHITE).map_err(failed)?;
        paint(area)
    })
}

/// Complementary distributions on two log scales: a straight tail is a power law.
pub(super) fn curves(what: &str, distributions: &[(&str, &Distribution)]) -> Result<String> {
    let curves: Vec<(&str, Vec<(f64, f64)>)> =
        distributions.iter().map(|(name, d)| (*name, d.curve())).collect();
    let points = || curves.iter().flat_map(|(_, points)| points.iter());
    let least = points().map(|(x, _)| *x).fold(f64::INFINITY, f64::min).max(1.0);
    let most = points().map(|(x, _)| *x).fold(1.0, f64::max);
    let lowest = points().map(|(_, y)| *y).fold(1.0, f64::min);
    let floor = |v: f64| 10_f64.powf(v.log10().floor());
    let ceiling = |v: f64| 10_f64.powf(v.log10().ceil());
    let (x, y) = (floor(least)..ceiling(most.max(least * 10.0)), floor(lowest.min(0.1))..1.0);
    draw(HEIGHT, |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(14)
            .x_label_area_size(44)
            .y_label_area_size(70)
            .build_cartesian_2d(x.log_scale(), y.log_scale())
            .map_err(failed)?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .bold_line_style(GREY.mix(0.4))
            .x_desc(what)
            .y_desc("不小于该值的占比")
            .x_label_formatter(&|v| magnitude(*v))
            .y_label_formatter(&|v| format!("{}%", trimmed(v * 100.0)))
            .label_style((FONT, 13))
            .axis_desc_style((FONT, 14))
            .draw()
            .map_err(failed)?;
        for ((name, points), color) in curves.iter().zip([BLUE, ORANGE, RED]) {
            let line = LineSeries::new(points.iter().copied(), color.stroke_width(2)).point_size(2);
            chart
                .draw_series(line)
                .map_err(failed)?
                .label(*name)
                .legend(move |(x, y)| Rectangle::new([(x, y - 4), (x + 14, y + 4)], color.filled()));
        }
        legend(&mut chart)
    })
}

fn legend<'a, C: CoordTranslate>(chart: &mut ChartContext<'a, SVGBackend<'a>, C>) -> Result<()> {
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.85))
        .border_style(GREY)
        .label_font((FONT, 14))
        .draw()
        .map_err(failed)
}

/// First digits: bars, and the law as a line.
pub(super) fn digits(shares: &[f64], law: &[f64; 9]) -> Result<String> {
    let top = shares.iter().chain(law).copied().fold(0.0, f64::max) * 1.15;
    draw(HEIGHT, |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(14)
            .x_label_area_size(44)
            .y_label_area_size(60)
            .build_cartesian_2d(0.5..9.5, 0.0..top)
            .map_err(failed)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(WHITE)
            .bold_line_style(GREY.mix(0.4))
            .x_labels(9)
            .x_desc("金额首位数字")
            .x_label_formatter(&|v| format!("{v:.0}"))
            .y_label_formatter(&|v| format!("{:.0}%", v * 100.0))
            .label_style((FONT, 13))
            .axis_desc_style((FONT, 14))
            .draw()
            .map_err(failed)?;
        let bar = |(i, share): (usize, &f64)| {
            let x = i as f64 + 1.0;
            Rectangle::new([(x - 0.32, 0.0), (x + 0.32, *share)], BLUE.mix(0.8).filled())
        };
        chart
            .draw_series(shares.iter().enumerate().map(bar))
            .map_err(failed)?
            .label("发票")
            .legend(|(x, y)| Rectangle::new([(x, y - 4), (x + 14, y + 4)], BLUE.filled()));
        let points: Vec<(f64, f64)> = law.iter().enumerate().map(|(i, p)| (i as f64 + 1.0, *p)).collect();
        chart
            .draw_series(LineSeries::new(points, ORANGE.stroke_width(2)).point_size(3))
            .map_err(failed)?
            .label("本福特定律")
            .legend(|(x, y)| Rectangle::new([(x, y - 4), (x + 14, y + 4)], ORANGE.filled()));
        legend(&mut chart)
    })
}

/// Sales by month.
pub(super) fn months(months: &[Month]) -> Result<String> {
    let top = months.iter().map(|m| m.sales).fold(0.0, f64::max).max(1.0) * 1.1;
    let unit = if top >= 1e9 { (1e8, "销售额（亿元）") } else { (1e4, "销售额（万元）") };
    draw(HEIGHT - 80, |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(14)
            .x_label_area_size(34)
            .y_label_area_size(76)
            .build_cartesian_2d(-0.5..months.len() as f64 - 0.5, 0.0..top / unit.0)
            .map_err(failed)?;
        let label = |v: &f64| {
            let at = v.round();
            let whole = (v - at).abs() < 1e-9 && at >= 0.0;
            let month = months.get(at.max(0.0) as usize).filter(|_| whole);
            month.map_or(String::new(), |m| m.period.to_string())
        };
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(WHITE)
            .bold_line_style(GREY.mix(0.4))
            .x_labels(months.len().clamp(2, 12))
            .x_label_formatter(&label)
            .y_desc(unit.1)
            .y_label_formatter(&|v| trimmed(*v))
            .label_style((FONT, 13))
            .axis_desc_style((FONT, 14))
            .draw()
            .map_err(failed)?;
        let bar = |(i, m): (usize, &Month)| {
            let x = i as f64;
            Rectangle::new([(x - 0.36, 0.0), (x + 0.36, m.sales / unit.0)], BLUE.mix(0.8).filled())
        };
        chart.draw_series(months.iter().enumerate().map(bar)).map_err(failed)?;
        Ok(())
    })
}

/// Burdens and the ranges they should lie in: industry, burden, low, high.
pub(super) fn ranges(burdens: &[(String, f64, f64, f64)]) -> Result<String> {
    let top = burdens.iter().map(|(_, b, _, high)| b.max(*high)).fold(0.0, f64::max) * 1.08;
    let height = 70 + 20 * u32::try_from(burdens.len()).unwrap_or(100);
    let rows = burdens.len() as f64;
    draw(height, |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(14)
            .x_label_area_size(40)
            .y_label_area_size(70)
            // Two rows more, for the legend.
            .build_cartesian_2d(0.0..top, -0.5..rows + 1.5)
            .map_err(failed)?;
        let label = |v: &f64| {
            let whole = (v - v.round()).abs() < 1e-9 && *v > -0.1;
            let at = burdens.len().checked_sub(1 + v.round().max(0.0) as usize);
            at.filter(|_| whole).map_or(String::new(), |at| burdens[at].0.clone())
        };
        chart
            .configure_mesh()
            .disable_y_mesh()
            .light_line_style(WHITE)
            .bold_line_style(GREY.mix(0.4))
            .x_desc("增值税 ÷ 应税销售额")
            .x_label_formatter(&|v| format!("{}%", trimmed(v * 100.0)))
            .y_labels(burdens.len() + 2)
            .y_label_formatter(&label)
            .label_style((FONT, 12))
            .axis_desc_style((FONT, 14))
            .draw()
            .map_err(failed)?;
        let place = |i: usize| rows - 1.0 - i as f64;
        let bar = |(i, (_, _, low, high)): (usize, &(String, f64, f64, f64))| {
            Rectangle::new([(*low, place(i) - 0.28), (*high, place(i) + 0.28)], GREY.mix(0.7).filled())
        };
        chart
            .draw_series(burdens.iter().enumerate().map(bar))
            .map_err(failed)?
            .label("参照区间")
            .legend(|(x, y)| Rectangle::new([(x, y - 4), (x + 14, y + 4)], GREY.filled()));
        let point = |(i, (_, burden, low, high)): (usize, &(String, f64, f64, f64))| {
            let color = if (low..=high).contains(&burden) { BLUE } else { RED };
            Circle::new((*burden, place(i)), 4, color.filled())
        };
        chart
            .draw_series(burdens.iter().enumerate().map(point))
            .map_err(failed)?
            .label("模拟经济（区间外为红色）")
            .legend(|(x, y)| Circle::new((x + 7, y), 4, BLUE.filled()));
        legend(&mut chart)
    })
}

/// `1`, `1万`, `1亿`.
fn magnitude(value: f64) -> String {
    if value >= 1e8 {
        format!("{}亿", trimmed(value / 1e8))
    } else if value >= 1e4 {
        format!("{}万", trimmed(value / 1e4))
    } else {
        trimmed(value)
    }
}

fn trimmed(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
