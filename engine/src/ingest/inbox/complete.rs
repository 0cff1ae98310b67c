//! When a file of the landing zone is complete: unchanged for a while, marked as done, or named by a manifest.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::naming::Name;
use super::rules::{Complete, MARKERS, PARTIAL, Rule, Rules, stem, strip_ending};
use super::zone::{Arrival, Zone};
use crate::Result;

/// Whether a file may be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Complete,
    /// Not yet, and why.
    Waiting(String),
    /// Never as it is: size or checksum differ from what was announced.
    Broken(String),
}

/// What a manifest says of a file.
#[derive(Debug, Clone, Default)]
struct Announced {
    manifest: String,
    size: Option<u64>,
    md5: Option<String>,
}

/// Judges the files of one run; manifests are read once.
pub struct Completeness<'a> {
    zone: &'a Zone,
    arrivals: &'a [Arrival],
    rules: &'a Rules,
    /// Lower-case name → file.
    by_name: HashMap<String, &'a Arrival>,
    /// File → what the manifests say of it, by the pattern of the manifest.
    manifests: BTreeMap<String, BTreeMap<String, Announced>>,
}

impl<'a> Completeness<'a> {
    /// For the files of a run.
    pub fn new(zone: &'a Zone, arrivals: &'a [Arrival], rules: &'a Rules) -> Self {
        let by_name = arrivals.iter().map(|a| (a.name.to_lowercase(), a)).collect();
        Self { zone, arrivals, rules, by_name, manifests: BTreeMap::new() }
    }

    /// Whether a file may be taken.
    pub async fn of(&mut self, arrival: &Arrival, rule: Option<&Rule>) -> Result<Verdict> {
        if let Some(ending) = PARTIAL.iter().find(|e| strip_ending(&arrival.name, e).is_some()) {
            return Ok(Verdict::Waiting(format!("{ending}: still being written (尚在传输)")));
        }
        match self.rules.complete(rule).clone() {
            Complete::Stable(wanted) => Ok(match arrival.unchanged {
                Some(age) if age >= wanted => Verdict::Complete,
                Some(age) => Verdict::Waiting(format!(
                    "changed {} s ago, taken when unchanged for {} s (尚未稳定)",
                    age.as_secs(),
                    wanted.as_secs()
                )),
                None => Verdict::Waiting(
                    "its time lies in the future; correct the clock of this machine or of the sender".into(),
                ),
            }),
            Complete::DoneFile => self.marked(arrival).await,
            Complete::Manifest(name) => self.announced(arrival, &name).await,
        }
    }

    fn arrived(&self, name: &str) -> Option<&'a Arrival> {
        self.by_name.get(&name.to_lowercase()).copied()
    }

    async fn marked(&self, arrival: &Arrival) -> Result<Verdict> {
        let marker = |ending: &str| {
            [arrival.name.as_str(), stem(&arrival.name)]
                .iter()
                .find_map(|base| self.arrived(&format!("{base}{ending}")))
        };
        // The one that can be checked decides, if it is there.
        if let Some(sum) = marker(".md5") {
            let text = self.zone.text(sum).await?;
            let Some(wanted) = text.split_whitespace().map(|w| w.trim_start_matches('*')).find(|w| is_md5(w))
            else {
                return Ok(Verdict::Broken(format!(
                    "{} holds no MD5 checksum; ask the sender for both files again",
                    sum.name
                )));
            };
            return self.compare(arrival, wanted, &sum.name).await;
        }
        match MARKERS.iter().find_map(|m| marker(m)) {
            Some(_) => Ok(Verdict::Complete),
            None => Ok(Verdict::Waiting(format!(
                "no {}.ok, .done or .md5 beside it yet (尚无完成标志)",
                arrival.file_name()
            ))),
        }
    }

    async fn compare(&self, arrival: &Arrival, wanted: &str, from: &str) -> Result<Verdict> {
        let found = self.zone.md5(arrival).await?;
        if found.eq_ignore_ascii_case(wanted) {
            return Ok(Verdict::Complete);
        }
        Ok(Verdict::Broken(format!(
            "its MD5 is {found}, {from} says {wanted}; it was damaged or cut short on its way, ask for it again \
             (校验和不符，请重新报送)"
        )))
    }

    async fn announced(&mut self, arrival: &Arrival, manifests: &Name) -> Result<Verdict> {
        if !self.manifests.contains_key(&manifests.to_string()) {
            let read = self.read_manifests(manifests).await?;
            self.manifests.insert(manifests.to_string(), read);
        }
        let said = self.manifests.get(&manifests.to_string()).and_then(|all| all.get(&arrival.name)).cloned();
        let Some(said) = said else {
            return Ok(Verdict::Waiting(format!("no manifest ({manifests}) names it yet (清单尚未列出)")));
        };
        if let Some(size) = said.size.filter(|s| *s != arrival.size) {
            return Ok(if arrival.size < size {
                Verdict::Waiting(format!(
                    "{} of {size} bytes, as {} says (尚未传完)",
                    arrival.size, said.manifest
                ))
            } else {
                Verdict::Broken(format!(
                    "it has {} bytes, {} says {size}; ask for both again (大小不符)",
                    arrival.size, said.manifest
                ))
            });
        }
        match &said.md5 {
            Some(md5) => self.compare(arrival, md5, &said.manifest).await,
            None => Ok(Verdict::Complete),
        }
    }

    /// A line names a file, then, in any order, its bytes and its MD5, apart by comma, tab or spaces; a manifest speaks
    /// of the folder it lies in.
    async fn read_manifests(&self, pattern: &Name) -> Result<BTreeMap<String, Announced>> {
        let names: Vec<&str> = self.arrivals.iter().map(|a| a.name.as_str()).collect();
        let mut all = BTreeMap::new();
        for (manifest, matched) in self.arrivals.iter().zip(pattern.read(&names)?) {
            if matched.is_none() {
                continue;
            }
            let folder = manifest.name.rsplit_once('/').map_or(String::new(), |(f, _)| format!("{f}/"));
            for line in self.zone.text(manifest).await?.lines() {
                let line = line.trim().trim_start_matches('\u{feff}');
                if line.is_empty() || line.starts_with('#') {
                    continue;
                }
                let fields: Vec<&str> =
                    line.split([',', '\t', ' ']).map(str::trim).filter(|f| !f.is_empty()).collect();
                let mut said = Announced { manifest: manifest.name.clone(), ..Announced::default() };
                let mut named = None;
                for field in fields {
                    let field = field.trim_start_matches('*');
                    if is_md5(field) {
                        said.md5 = Some(field.to_owned());
                    } else if named.is_none() {
                        named = Some(field);
                    } else if let Ok(size) = field.parse() {
                        said.size = Some(size);
                    }
                }
                if let Some(named) = named {
                    all.insert(format!("{folder}{named}"), said);
                }
            }
        }
        Ok(all)
    }

    /// Files the manifests that were read name and that are not there.
    pub fn missing(&self) -> Vec<String> {
        let mut missing = BTreeSet::new();
        for (name, said) in self.manifests.values().flatten() {
            // A header line names columns, not files.
            if self.arrived(name).is_none() && name.contains('.') {
                missing.insert(format!(
                    "{name} is named by {} and has not arrived; ask the sender for it (清单所列文件未到)",
                    said.manifest
                ));
            }
        }
        missing.into_iter().collect()
    }
}

fn is_md5(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit())
}
