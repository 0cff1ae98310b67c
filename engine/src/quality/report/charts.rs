//! The page's charts as SVG. Text is drawn by the browser in the page's font, so that Chinese shows.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::Result;
use crate::pages::canvas::{draw, failed};

const INK: RGBColor = RGBColor(31, 41, 55);
const PALE: RGBColor = RGBColor(209, 213, 219);
const LINE: RGBColor = RGBColor(29, 78, 216);
/// Labels under a trend at most.
const LABELS: usize = 14;

/// The lower end of a scale up to 100 that shows the differences of scores.
fn floor(points: &[(String, f64)]) -> f64 {
    let least = points.iter().map(|(_, score)| *score).fold(100.0, f64::min);
    if least >= 98.0 {
        97.0
    } else if least >= 90.0 {
        88.0
    } else {
        (least / 10.0).floor() * 10.0
    }
}

/// Colour of a score's grade.
fn colour(score: f64) -> RGBColor {
    match super::level(score) {
        "excellent" => RGBColor(5, 122, 85),
        "good" => RGBColor(29, 78, 216),
        "fair" => RGBColor(180, 83, 9),
        _ => RGBColor(185, 28, 28),
    }
}

/// Scores of months in a line.
pub fn trend(points: &[(String, f64)]) -> Result<Option<String>> {
    line(points, (900, 240))
}

/// Scores after each measuring, once there are two.
pub fn history(points: &[(String, f64)]) -> Result<Option<String>> {
    line(points, (900, 180))
}

fn line(points: &[(String, f64)], size: (u32, u32)) -> Result<Option<String>> {
    if points.len() < 2 {
        return Ok(None);
    }
    let svg = draw(size, |root| {
        let low = floor(points);
        let last = points.len() - 1;
        let mut chart = ChartBuilder::on(root)
            .margin_top(14)
            .margin_right(40)
            .x_label_area_size(30)
            .y_label_area_size(44)
            .build_cartesian_2d(-0.3..last as f64 + 0.3, low..100.3_f64)
            .map_err(failed)?;
        let step = points.len().div_ceil(LABELS).max(1);
        let label = |x: &f64| {
            let at = x.round();
            let near = (x - at).abs() < 0.01 && at >= 0.0;
            // Only whole positions carry a label, and of a long series every so manyth.
            points
                .iter()
                .enumerate()
                .find(|(i, _)| near && *i as f64 == at && i % step == 0)
                .map_or(String::new(), |(_, p)| p.0.clone())
        };
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(PALE)
            .axis_style(PALE)
            .x_labels(0)
            .y_labels(5)
            .y_label_formatter(&|y| format!("{y:.0}"))
            .label_style(("sans-serif", 13).into_font().color(&INK))
            .draw()
            .map_err(failed)?;
        let path = || points.iter().enumerate().map(|(at, (_, score))| (at as f64, *score));
        chart
            .draw_series(AreaSeries::new(path(), low, LINE.mix(0.08)).border_style(LINE.stroke_width(2)))
            .map_err(failed)?;
        chart.draw_series(path().map(|(x, y)| Circle::new((x, y), 3, colour(y).filled()))).map_err(failed)?;
        let style = ("sans-serif", 12).into_font().color(&INK).pos(Pos::new(HPos::Center, VPos::Top));
        for at in 0..points.len() {
            let text = label(&(at as f64));
            let place = chart.backend_coord(&(at as f64, low));
            root.draw(&Text::new(text, (place.0, place.1 + 8), &style)).map_err(failed)?;
        }
        // The worst month is named with its score.
        if let Some((at, (_, score))) = points.iter().enumerate().min_by(|a, b| a.1.1.total_cmp(&b.1.1)) {
            let style = ("sans-serif", 13)
                .into_font()
                .color(&colour(*score))
                .pos(Pos::new(HPos::Center, VPos::Bottom));
            let place = chart.backend_coord(&(at as f64, *score));
            root.draw(&Text::new(super::points(*score), (place.0, place.1 - 8), &style)).map_err(failed)?;
        }
        Ok(())
    })?;
    Ok(Some(svg))
}

/// One bar a name, its length what is missing to 100 shown by colour.
pub fn bars(points: &[(String, f64)]) -> Result<Option<String>> {
    if points.is_empty() {
        return Ok(None);
    }
    const ROW: i32 = 34;
    const LEFT: i32 = 84;
    const RIGHT: i32 = 64;
    const WIDTH: i32 = 440;
    let height = ROW * i32::try_from(points.len()).unwrap_or(1) + 8;
    let size = (WIDTH.unsigned_abs(), height.unsigned_abs());
    let svg = draw(size, |root| {
        let low = floor(points).min(90.0);
        for (at, (name, score)) in points.iter().enumerate() {
            let top = ROW * i32::try_from(at).unwrap_or(0) + 8;
            let share = ((score - low) / (100.0 - low)).clamp(0.0, 1.0);
            let full = WIDTH - LEFT - RIGHT;
            let end = LEFT + (f64::from(full) * share).round() as i32;
            let bar =
                |right: i32, fill: RGBColor| Rectangle::new([(LEFT, top), (right, top + 18)], fill.filled());
            root.draw(&bar(LEFT + full, RGBColor(243, 244, 246))).map_err(failed)?;
            root.draw(&bar(end.max(LEFT + 2), colour(*score))).map_err(failed)?;
            let names = ("sans-serif", 14).into_font().color(&INK).pos(Pos::new(HPos::Right, VPos::Center));
            root.draw(&Text::new(name.clone(), (LEFT - 10, top + 9), &names)).map_err(failed)?;
            let scores = ("sans-serif", 14).into_font().color(&INK).pos(Pos::new(HPos::Left, VPos::Center));
            root.draw(&Text::new(super::points(*score), (LEFT + full + 10, top + 9), &scores))
                .map_err(failed)?;
        }
        Ok(())
    })?;
    Ok(Some(svg))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn charts_carry_their_labels() {
        let months: Vec<(String, f64)> =
            (1..=24).map(|m| (format!("2024{m:02}"), 99.0 - f64::from(m) / 10.0)).collect();
        let svg = trend(&months).unwrap().unwrap();
        assert!(svg.contains("202401") && svg.contains("96.6"), "{svg}");
        assert!(trend(&months[..1]).unwrap().is_none());
        let svg = bars(&[("完整性".into(), 99.2), ("一致性".into(), 71.0)]).unwrap().unwrap();
        assert!(svg.contains("完整性") && svg.contains("71.0"), "{svg}");
    }
}
