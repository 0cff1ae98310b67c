//! A drawing as SVG, by plotters. Text is drawn by the browser in the page's fonts, which the page's style names for
//! all text in charts, so that Chinese shows.

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::{EngineError, Result};

/// The font family charts name; the page's style replaces it.
pub(crate) const FONT: &str = "sans-serif";

/// Where charts are drawn.
pub(crate) type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A drawing that could not be made.
pub(crate) fn failed(error: impl std::fmt::Display) -> EngineError {
    EngineError::internal(format!("a chart cannot be drawn: {error}"))
}

/// Draws on an area of this size, which is the size the page shows.
pub(crate) fn draw(size: (u32, u32), paint: impl FnOnce(&Canvas<'_>) -> Result<()>) -> Result<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        paint(&area)?;
        area.present().map_err(failed)?;
    }
    Ok(svg)
}

/// Draws what the page may scale: only the proportions are fixed.
pub(crate) fn draw_scalable(
    (width, height): (u32, u32),
    paint: impl FnOnce(&Canvas<'_>) -> Result<()>,
) -> Result<String> {
    let svg = draw((width, height), paint)?;
    Ok(svg.replacen(&format!("width=\"{width}\" height=\"{height}\""), "role=\"img\"", 1))
}
