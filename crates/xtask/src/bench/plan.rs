//! The cost of planning in memory as a stack grows: the figures of the planner's own benchmark, as ratios.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

/// The benchmark's figures: by what is measured and how the resources depend on each other, nanoseconds by their number.
type Figures = BTreeMap<String, BTreeMap<u64, f64>>;

/// The table of what the last run of the benchmark left in the target folder.
pub(super) fn table(target: &Path) -> Result<String, Box<dyn Error>> {
    let folder = target.join("criterion/plan");
    let mut figures = Figures::new();
    for path in results(&folder)? {
        let what = read(&path.with_file_name("benchmark.json"))?;
        let time = read(&path)?;
        if let (Some(name), Some(count), Some(time)) = (
            what["function_id"].as_str(),
            what["value_str"].as_str().and_then(|count| count.parse().ok()),
            time.pointer("/median/point_estimate").and_then(Json::as_f64),
        ) {
            figures.entry(name.to_owned()).or_default().insert(count, time);
        }
    }
    Ok(text(&figures))
}

/// Where the benchmark left the figures of its last run.
fn results(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "report") {
            found.extend(results(&path)?);
        } else if path.ends_with("new/estimates.json") {
            found.push(path);
        }
    }
    Ok(found)
}

fn read(path: &Path) -> Result<Json, Box<dyn Error>> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(serde_json::from_str(&text)?)
}

/// How much longer ten times the resources may take.
const BAR: f64 = 12.0;

fn told(growth: f64) -> String {
    let missed = if growth > BAR { "   BAR MISSED" } else { "" };
    format!("{growth:.1}x{missed}")
}

fn text(figures: &Figures) -> String {
    let mut text = format!(
        "{:<28} {:>10} {:>12}   ten times the resources (bar: {BAR:.0}x)\n",
        "planning", "resources", "time"
    );
    for (name, by_count) in figures {
        for (count, time) in by_count {
            let before = count / 10;
            let growth = by_count
                .get(&before)
                .map(|before| told(time / before))
                .unwrap_or_default();
            text.push_str(&format!("{name:<28} {count:>10} {:>9.2} ms   {growth}\n", time / 1e6));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_size_is_beside_a_tenth_of_it() {
        let by_count = BTreeMap::from([(100, 1e5), (1_000, 1.1e6), (10_000, 2.2e7)]);
        let text = text(&Figures::from([("flat, graph".to_owned(), by_count)]));
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        assert!(lines[1].ends_with("0.10 ms"), "{text}");
        assert!(lines[2].ends_with("1.10 ms   11.0x"), "{text}");
        assert!(lines[3].ends_with("22.00 ms   20.0x   BAR MISSED"), "{text}");
    }
}
