//! The charts of the pages: trade by month, a burden within its peers', a run of months in little, a value against its line.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::canvas::{Canvas, FONT, draw, draw_scalable, failed};
use crate::Result;

const INK: RGBColor = RGBColor(31, 41, 55);
const PALE: RGBColor = RGBColor(209, 213, 219);
const BLUE: RGBColor = RGBColor(47, 109, 179);
const ORANGE: RGBColor = RGBColor(217, 123, 41);
const RED: RGBColor = RGBColor(185, 28, 28);
const WIDTH: u32 = 860;
/// Months labelled under a chart at most.
const LABELS: usize = 14;

/// One line of a chart: name, and a value a label.
pub(super) type Series<'a> = (&'a str, Vec<Option<f64>>);

/// Values of all series, the known ones.
fn known<'a>(series: &'a [Series<'_>]) -> impl Iterator<Item = f64> + 'a {
    series.iter().flat_map(|(_, values)| values.iter().flatten().copied())
}

/// The label of a place on the axis, if one stands there.
fn label(labels: &[String], at: f64) -> String {
    let step = labels.len().div_ceil(LABELS).max(1);
    let whole = (at - at.round()).abs() < 1e-6 && at > -0.5;
    let place = at.round().max(0.0) as usize;
    labels.get(place).filter(|_| whole && place.is_multiple_of(step)).cloned().unwrap_or_default()
}

/// Two series of bars beside each other, by month.
pub(super) fn bars(labels: &[String], unit: &str, series: &[Series<'_>]) -> Result<Option<String>> {
    if labels.is_empty() || known(series).next().is_none() {
        return Ok(None);
    }
    let top = known(series).fold(0.0, f64::max).max(1e-9) * 1.4;
    let low = known(series).fold(0.0, f64::min) * 1.1;
    let drawn = draw_scalable((WIDTH, 250), |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(8)
            .x_label_area_size(28)
            .y_label_area_size(84)
            .build_cartesian_2d(-0.5..labels.len() as f64 - 0.5, low..top)
            .map_err(failed)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(PALE.mix(0.7))
            .axis_style(PALE)
            .x_labels(labels.len().max(2))
            .x_label_formatter(&|x| label(labels, *x))
            .y_labels(5)
            .y_desc(unit)
            .y_label_formatter(&|y| plain(*y))
            .label_style((FONT, 14).into_font().color(&INK))
            .draw()
            .map_err(failed)?;
        let width = 0.8 / series.len() as f64;
        for (nth, ((name, values), color)) in series.iter().zip([BLUE, ORANGE]).enumerate() {
            let bar = |(at, value): (usize, &Option<f64>)| {
                let left = at as f64 - 0.4 + width * nth as f64;
                value.map(|value| Rectangle::new([(left, 0.0), (left + width * 0.94, value)], color.filled()))
            };
            chart
                .draw_series(values.iter().enumerate().filter_map(bar))
                .map_err(failed)?
                .label(*name)
                .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 14, y + 5)], color.filled()));
        }
        legend(&mut chart)
    })?;
    Ok(Some(drawn))
}

fn legend<'a, C: CoordTranslate>(chart: &mut ChartContext<'a, SVGBackend<'a>, C>) -> Result<()> {
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.85))
        .border_style(PALE)
        .label_font((FONT, 14).into_font().color(&INK))
        .draw()
        .map_err(failed)
}

/// A share by month within its peers' tenth and ninetieth percentile.
pub(super) struct Band {
    /// Months.
    pub(super) labels: Vec<String>,
    /// Tenth percentile, median, ninetieth percentile of the peers.
    pub(super) peers: Vec<Option<(f64, f64, f64)>>,
    /// The taxpayer's.
    pub(super) own: Vec<Option<f64>>,
}

/// The taxpayer's line in its peers' band.
pub(super) fn band(band: &Band) -> Result<Option<String>> {
    let peers: Vec<(f64, (f64, f64, f64))> =
        band.peers.iter().enumerate().filter_map(|(at, p)| p.map(|p| (at as f64, p))).collect();
    let own: Vec<(f64, f64)> =
        band.own.iter().enumerate().filter_map(|(at, v)| v.map(|v| (at as f64, v))).collect();
    let highest = peers.iter().map(|(_, p)| p.2).chain(own.iter().map(|(_, v)| *v)).fold(0.0, f64::max);
    if band.labels.len() < 2 || (peers.is_empty() && own.is_empty()) {
        return Ok(None);
    }
    let top = (highest * 1.45).max(0.001);
    let drawn = draw_scalable((WIDTH, 260), |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(8)
            .x_label_area_size(28)
            .y_label_area_size(64)
            .build_cartesian_2d(-0.3..band.labels.len() as f64 - 0.7, 0.0..top)
            .map_err(failed)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(PALE.mix(0.7))
            .axis_style(PALE)
            .x_labels(band.labels.len() * 2)
            .x_label_formatter(&|x| label(&band.labels, *x))
            .y_labels(5)
            .y_label_formatter(&|y| format!("{}%", plain(y * 100.0)))
            .label_style((FONT, 14).into_font().color(&INK))
            .draw()
            .map_err(failed)?;
        let upper = peers.iter().map(|(x, p)| (*x, p.2));
        let lower = peers.iter().rev().map(|(x, p)| (*x, p.0));
        let area: Vec<(f64, f64)> = upper.chain(lower).collect();
        chart
            .draw_series(std::iter::once(Polygon::new(area, PALE.mix(0.6))))
            .map_err(failed)?
            .label("同业P10至P90")
            .legend(|(x, y)| Rectangle::new([(x, y - 5), (x + 18, y + 5)], PALE.mix(0.6).filled()));
        let median = peers.iter().map(|(x, p)| (*x, p.1));
        chart
            .draw_series(DashedLineSeries::new(median, 6, 4, BLUE.stroke_width(2)))
            .map_err(failed)?
            .label("同业中位数")
            .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], BLUE.stroke_width(2)));
        chart
            .draw_series(LineSeries::new(own, RED.stroke_width(2)).point_size(3))
            .map_err(failed)?
            .label("本户")
            .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], RED.stroke_width(3)));
        legend(&mut chart)
    })?;
    Ok(Some(drawn))
}

/// A run of months in little: bars, the first and last month and the largest value named.
pub(super) fn spark(labels: &[String], values: &[Option<f64>], unit: &str) -> Result<Option<String>> {
    const SIZE: (i32, i32) = (400, 92);
    const BASE: i32 = 72;
    const HEAD: i32 = 22;
    let most = values.iter().flatten().copied().fold(0.0, f64::max);
    if most <= 0.0 || values.len() < 2 {
        return Ok(None);
    }
    let step = f64::from(SIZE.0) / values.len() as f64;
    let drawn = draw((SIZE.0.unsigned_abs(), SIZE.1.unsigned_abs()), |area| {
        for (at, value) in values.iter().enumerate() {
            let Some(value) = value.filter(|v| *v > 0.0) else { continue };
            let left = (at as f64 * step + step * 0.1).round() as i32;
            let right = (at as f64 * step + step * 0.9).round() as i32;
            let top = BASE - (f64::from(BASE - HEAD) * value / most).round().max(1.0) as i32;
            area.draw(&Rectangle::new([(left, top), (right, BASE)], BLUE.mix(0.75).filled()))
                .map_err(failed)?;
        }
        area.draw(&PathElement::new([(0, BASE), (SIZE.0, BASE)], PALE)).map_err(failed)?;
        write(area, (2, 2), HPos::Left, format!("最高 {}{unit}", grouped(most)))?;
        let end = |at: usize, x: i32, side: HPos| match labels.get(at) {
            Some(label) => write(area, (x, BASE + 4), side, label.clone()),
            None => Ok(()),
        };
        end(0, 2, HPos::Left)?;
        end(labels.len() - 1, SIZE.0 - 2, HPos::Right)
    })?;
    Ok(Some(drawn))
}

/// Scores of scans, oldest first: bars with their score above.
pub(super) fn scores(points: &[(String, f64, &str)]) -> Result<Option<String>> {
    const STEP: i32 = 70;
    const HEIGHT: i32 = 130;
    const BASE: i32 = 104;
    if points.len() < 2 {
        return Ok(None);
    }
    let width = STEP * i32::try_from(points.len()).unwrap_or(1);
    let drawn = draw((width.unsigned_abs(), HEIGHT.unsigned_abs()), |area| {
        for (at, (month, score, grade)) in points.iter().enumerate() {
            let middle = STEP * i32::try_from(at).unwrap_or(0) + STEP / 2;
            let top = BASE - (score.clamp(0.0, 100.0) * 0.8).round() as i32;
            let bar = Rectangle::new(
                [(middle - 17, top.min(BASE - 1)), (middle + 17, BASE)],
                colour(grade).filled(),
            );
            area.draw(&bar).map_err(failed)?;
            write(area, (middle, top - 17), HPos::Center, format!("{score:.2}"))?;
            write(area, (middle, BASE + 6), HPos::Center, month.clone())?;
        }
        area.draw(&PathElement::new([(0, BASE), (width, BASE)], PALE)).map_err(failed)
    })?;
    Ok(Some(drawn))
}

/// A value against its line: where the line stands and how far beyond it the value goes. `None` where a bar would mislead
/// (another sign, nothing to measure by).
pub(super) fn against(value: f64, line: f64) -> Result<Option<String>> {
    const WIDTH: i32 = 220;
    const HEIGHT: i32 = 16;
    let span = value.max(line);
    if !(value.is_finite() && line.is_finite()) || value < 0.0 || line < 0.0 || span <= 0.0 {
        return Ok(None);
    }
    // A value many times the line leaves the line at the left edge, which says as much.
    let place = |v: f64| (f64::from(WIDTH - 8) * v / (span * 1.05)).round() as i32;
    let drawn = draw((WIDTH.unsigned_abs(), HEIGHT.unsigned_abs()), |area| {
        let back = RGBColor(243, 244, 246);
        area.draw(&Rectangle::new([(0, 4), (WIDTH, 12)], back.filled())).map_err(failed)?;
        area.draw(&Rectangle::new([(0, 4), (place(value).max(2), 12)], RED.mix(0.8).filled()))
            .map_err(failed)?;
        let at = place(line).max(1);
        area.draw(&Rectangle::new([(at, 0), (at + 2, HEIGHT)], INK.filled())).map_err(failed)
    })?;
    Ok(Some(drawn))
}

fn write(area: &Canvas<'_>, at: (i32, i32), side: HPos, text: String) -> Result<()> {
    let style = (FONT, 13).into_font().color(&INK).pos(Pos::new(side, VPos::Top));
    area.draw(&Text::new(text, at, &style)).map_err(failed)
}

fn colour(grade: &str) -> RGBColor {
    match grade {
        "high" => RED,
        "medium" => ORANGE,
        "low" => BLUE,
        _ => RGBColor(156, 163, 175),
    }
}

fn grouped(value: f64) -> String {
    super::figures::count(Some(value))
}

/// `1,250` or `0.25`: as many digits as tell ticks apart.
fn plain(value: f64) -> String {
    if value.abs() >= 10.0 || value == 0.0 {
        return grouped(value);
    }
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn months(n: i32) -> Vec<String> {
        (1..=n).map(|m| format!("2025-{m:02}")).collect()
    }

    #[test]
    fn charts_name_what_they_show() {
        let one = |v: f64| vec![Some(v), None, Some(v * 2.0)];
        let svg = bars(&months(3), "万元", &[("销项", one(5.0)), ("进项", one(3.0))]).unwrap().unwrap();
        assert!(svg.contains("2025-03") && svg.contains("进项") && svg.contains("万元"), "{svg}");
        assert!(bars(&months(3), "万元", &[("销项", vec![None; 3])]).unwrap().is_none());
        let svg = spark(&months(3), &one(1_200.0), "度").unwrap().unwrap();
        assert!(svg.contains("最高 2,400度") && svg.contains("2025-01"), "{svg}");
        let points = [("2025-01".to_owned(), 12.5, "low"), ("2025-02".to_owned(), 80.0, "high")];
        assert!(scores(&points).unwrap().unwrap().contains("80.00"));
        assert!(scores(&points[..1]).unwrap().is_none());
    }

    #[test]
    fn a_band_has_its_peers_and_its_own() {
        let band_of = Band {
            labels: months(3),
            peers: vec![Some((0.01, 0.02, 0.05)); 3],
            own: vec![Some(0.0), None, Some(0.03)],
        };
        let svg = band(&band_of).unwrap().unwrap();
        assert!(svg.contains("同业中位数") && svg.contains("本户") && svg.contains('%'), "{svg}");
    }

    #[test]
    fn a_bar_that_would_mislead_is_not_drawn() {
        assert!(against(0.2, 0.1).unwrap().is_some());
        assert!(against(0.0, 0.5).unwrap().is_some());
        assert!(against(-0.2, 0.1).unwrap().is_none());
        assert!(against(0.0, 0.0).unwrap().is_none());
        assert!(against(f64::NAN, 1.0).unwrap().is_none());
    }
}
