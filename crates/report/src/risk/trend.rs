//! The trend as a drawing.

use std::fmt::Write;

use tegmen_posture::risk::Run;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 60.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 34.0;
/// At most so many runs are drawn: the last ones.
const RUNS: usize = 40;

/// Likelihood × impact of all threats over the runs, as SVG; empty for less than two. Numbers and days only: nothing in it needs
/// to be escaped but what a file may have in the place of a day.
pub fn svg(runs: &[Run]) -> String {
    let runs = &runs[runs.len().saturating_sub(RUNS)..];
    if runs.len() < 2 {
        return String::new();
    }
    let top = runs.iter().map(|run| run.total).fold(1.0, f64::max);
    // A round number above it.
    let step = [5.0, 10.0, 25.0, 50.0, 100.0].into_iter().find(|step| top / step <= 4.0).unwrap_or(200.0);
    let most = (top / step).ceil() * step;
    let x = |index: usize| LEFT + (WIDTH - LEFT - RIGHT) * index as f64 / (runs.len() - 1) as f64;
    let y = |value: f64| TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - value / most);
    let mut out = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"Risk of all threats together over {} reports: from {:.0} to {:.0}\">",
        runs.len(),
        runs[0].total,
        runs[runs.len() - 1].total
    );
    let mut mark = 0.0;
    while mark <= most {
        let _ = write!(
            out,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{0:.1}\" y1=\"{1:.1}\" y2=\"{1:.1}\"/><text class=\"axis\" x=\"{2:.1}\" y=\"{3:.1}\" text-anchor=\"end\">{mark:.0}</text>",
            WIDTH - RIGHT,
            y(mark),
            LEFT - 8.0,
            y(mark) + 4.0
        );
        mark += step;
    }
    let points: Vec<String> =
        runs.iter().enumerate().map(|(index, run)| format!("{:.1},{:.1}", x(index), y(run.total))).collect();
    let _ = write!(out, "<polyline class=\"line\" points=\"{}\"/>", points.join(" "));
    let last = runs.len() - 1;
    for (index, run) in runs.iter().enumerate() {
        let level = run.level.as_str();
        let day = day(run);
        let _ = write!(
            out,
            "<circle class=\"dot {level}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"4.5\"><title>{day}: {level}, {:.0}</title></circle>",
            x(index),
            y(run.total),
            run.total
        );
        // Where the level changes, and at the end, it is written: nothing is said by colour alone.
        if index == 0 || index == last || runs[index - 1].level != run.level {
            let anchor = if index == last { "start" } else { "middle" };
            let (dx, dy) = if index == last { (9.0, 4.0) } else { (0.0, -9.0) };
            let _ = write!(
                out,
                "<text class=\"word {level}\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{level}</text>",
                x(index) + dx,
                y(run.total) + dy
            );
        }
        if index == 0 || index == last {
            let anchor = if index == 0 { "start" } else { "end" };
            let _ = write!(
                out,
                "<text class=\"axis\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{day}</text>",
                x(index),
                HEIGHT - 10.0
            );
        }
    }
    out.push_str("</svg>");
    out
}

/// The day of a run, whatever its file has there.
fn day(run: &Run) -> String {
    run.time.chars().take(10).filter(|c| c.is_ascii_digit() || *c == '-').collect()
}
