//! Drawing taxpayers and officers at random (双随机), so that hit rates have an unbiased baseline. Seed, frame and method are
//! recorded: whoever has the register of the day draws the same.

use std::collections::{BTreeMap, HashMap};

use super::error::{LedgerError, Result};
use super::filter::Filter;
use super::intake::{fresh, sequence};
use super::limits::{covering, exempt_on};
use super::rows::{Value, all, count, insert, number, text, word};
use super::state::State;
use super::store::{Kind, Stored, add, mark_drawn, read};
use super::{By, Ledger, Tx, commit};
use crate::office::Tree;
use crate::{Task, row_key, task_no};

/// Two letters in the numbers of tasks drawn at random.
const TASK_TYPE: &str = "SJ";
/// How taxpayers are chosen; recorded with each draw.
const METHOD: &str = "the smallest BLAKE3(seed, newline, taxpayer id); officers: BLAKE3(seed, newline, `officer`, newline, \
    taxpayer id), first 8 bytes, little endian, modulo the office's officers in order of name";

/// What an office does with a taxpayer that was drawn.
const CHECK_ALL: &str = "请全面核查所属期内各税种申报情况，如实反馈，无问题的填「排除」。";

/// A taxpayer that may be drawn.
#[derive(Debug, Clone, Default)]
pub struct Frame {
    /// Its key.
    pub taxpayer_key: i64,
    /// Its id.
    pub taxpayer_id: String,
    /// Its name.
    pub name: Option<String>,
    /// Its office.
    pub office_code: Option<String>,
    /// Its industry.
    pub industry_code: Option<String>,
    /// Its state in the register.
    pub status: Option<String>,
    /// Its credit rating.
    pub credit_rating: Option<String>,
}

/// What is to be drawn.
#[derive(Debug, Clone)]
pub struct DrawOrder<'a> {
    /// Month, YYYYMM.
    pub as_of: i32,
    /// Anything; the same seed and frame draw the same.
    pub seed: &'a str,
    /// How many.
    pub size: usize,
    /// What the frame is, in words.
    pub frame: &'a str,
    /// Days to respond.
    pub due_days: i32,
    /// Open audits: taxpayer and case number.
    pub audits: &'a HashMap<String, String>,
}

/// What was drawn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draw {
    /// Its number.
    pub draw_no: i64,
    /// Taxpayers in the frame.
    pub frame_size: usize,
    /// Tells the frame: BLAKE3 of its ids in order, one a line.
    pub frame_digest: String,
    /// Taxpayers drawn.
    pub drawn: usize,
    /// Tasks opened.
    pub opened: usize,
    /// Drawn taxpayers that have an open task anyway.
    pub joined: usize,
    /// Drawn taxpayers that are exempt or under audit.
    pub left_alone: usize,
}

fn draw_hash(seed: &str, parts: &[&str]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(seed.as_bytes());
    for part in parts {
        hasher.update(b"\n");
        hasher.update(part.as_bytes());
    }
    hasher.finalize()
}

/// Places of the taxpayers a seed draws.
pub(super) fn choose(frame: &[Frame], seed: &str, size: usize) -> Vec<usize> {
    let mut order: Vec<([u8; 32], usize)> = frame
        .iter()
        .enumerate()
        .map(|(at, one)| (*draw_hash(seed, &[&one.taxpayer_id]).as_bytes(), at))
        .collect();
    order.sort_unstable();
    order.into_iter().take(size).map(|(_, at)| at).collect()
}

impl Ledger {
    /// Draws taxpayers at random and opens a task for each that has none and may be visited.
    ///
    /// # Errors
    /// An empty frame, a seed that was used for the month before, or a ledger that cannot be written.
    pub async fn draw(&self, frame: &[Frame], order: &DrawOrder<'_>, by: &By) -> Result<Draw> {
        if frame.is_empty() || order.size == 0 {
            return Err(LedgerError::input("there is nobody to draw: the frame or the share is empty"));
        }
        let mut tx = self.begin_in_turn().await?;
        let again = "SELECT count(*) FROM draw WHERE as_of = $1 AND seed = $2";
        if number(&mut tx, "look for the draw", again, vec![order.as_of.into(), order.seed.into()]).await? > 0
        {
            return Err(LedgerError::input(format!(
                "seed {} was drawn for {} before; take another --seed",
                order.seed, order.as_of
            )));
        }
        let mut ids: Vec<&str> = frame.iter().map(|one| one.taxpayer_id.as_str()).collect();
        ids.sort_unstable();
        let digest = blake3::hash(ids.join("\n").as_bytes()).to_hex().to_string();
        let places = choose(frame, order.seed, order.size);
        let no =
            number(&mut tx, "number a draw", "SELECT coalesce(max(draw_no), 0) FROM draw", vec![]).await? + 1;
        let mut draw = Draw {
            draw_no: no,
            frame_size: frame.len(),
            frame_digest: digest,
            drawn: places.len(),
            ..Draw::default()
        };
        let chosen: Vec<&Frame> = places.iter().map(|at| &frame[*at]).collect();
        let rows = visit(&mut tx, &chosen, order, &mut draw, by).await?;
        let size = |n: usize| -> Value { i64::try_from(n).unwrap_or(i64::MAX).into() };
        let noted = vec![
            no.into(),
            order.as_of.into(),
            order.seed.into(),
            order.frame.into(),
            size(frame.len()),
            draw.frame_digest.as_str().into(),
            size(draw.drawn),
            METHOD.into(),
            by.who.as_str().into(),
            by.moment().into(),
        ];
        let columns = "draw_no, as_of, seed, frame, frame_size, frame_digest, size, method, who, at";
        insert(&mut tx, "draw", columns, vec![noted]).await?;
        insert(&mut tx, "drawn", "draw_no, place, taxpayer_id, office_code, officer, task_no, note", rows)
            .await?;
        commit(tx).await?;
        Ok(draw)
    }
}

/// A draw of the past, as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastDraw {
    /// Its number.
    pub draw_no: i64,
    /// Month, YYYYMM.
    pub as_of: i64,
    /// What it follows from.
    pub seed: String,
    /// What the frame was, in words.
    pub frame: String,
    /// Taxpayers in it.
    pub frame_size: i64,
    /// Tells the frame.
    pub frame_digest: String,
    /// Taxpayers drawn.
    pub size: i64,
    /// How they were chosen.
    pub method: String,
    /// By whom.
    pub who: String,
    /// When.
    pub at: String,
}

/// A taxpayer that was drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawn {
    /// Its place in the draw, 1 first.
    pub place: i64,
    /// Its id.
    pub taxpayer_id: String,
    /// Its office.
    pub office_code: Option<String>,
    /// The officer drawn.
    pub officer: Option<String>,
    /// Its task; none: it was left alone.
    pub task_no: Option<String>,
    /// Why it was left alone.
    pub note: Option<String>,
}

impl Ledger {
    /// All draws, oldest first.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn draws(&self) -> Result<Vec<PastDraw>> {
        let mut tx = self.look().await?;
        let sql = "SELECT draw_no, as_of, seed, frame, frame_size, frame_digest, size, method, who, at FROM draw ORDER BY draw_no";
        let draw = |row: &sqlx::any::AnyRow| -> Result<PastDraw> {
            Ok(PastDraw {
                draw_no: count(row, 0)?,
                as_of: count(row, 1)?,
                seed: word(row, 2)?,
                frame: word(row, 3)?,
                frame_size: count(row, 4)?,
                frame_digest: word(row, 5)?,
                size: count(row, 6)?,
                method: word(row, 7)?,
                who: word(row, 8)?,
                at: word(row, 9)?,
            })
        };
        all(&mut tx, "read draws", sql, vec![]).await?.iter().map(draw).collect()
    }

    /// Whom a draw chose, in the order drawn.
    ///
    /// # Errors
    /// When there is no such draw.
    pub async fn drawn(&self, draw_no: i64) -> Result<Vec<Drawn>> {
        let mut tx = self.look().await?;
        let sql = "SELECT place, taxpayer_id, office_code, officer, task_no, note FROM drawn WHERE draw_no = $1 ORDER BY place";
        let rows = all(&mut tx, "read a draw", sql, vec![draw_no.into()]).await?;
        if rows.is_empty() {
            return Err(LedgerError::input(format!("no draw {draw_no}; all of them: assay tasks draws")));
        }
        let drawn = |row: &sqlx::any::AnyRow| -> Result<Drawn> {
            Ok(Drawn {
                place: count(row, 0)?,
                taxpayer_id: word(row, 1)?,
                office_code: text(row, 2)?,
                officer: text(row, 3)?,
                task_no: text(row, 4)?,
                note: text(row, 5)?,
            })
        };
        rows.iter().map(drawn).collect()
    }
}

/// Opens tasks for those drawn; their rows of `drawn`.
async fn visit(
    tx: &mut Tx,
    chosen: &[&Frame],
    order: &DrawOrder<'_>,
    draw: &mut Draw,
    by: &By,
) -> Result<Vec<Vec<Value>>> {
    let tree = Tree::read(tx).await?;
    let officers = officers(tx).await?;
    let open: HashMap<String, Stored> = read(tx, &Filter::open())
        .await?
        .into_iter()
        .filter(|one| one.kind != Kind::Assistance)
        .map(|one| (one.task.taxpayer_id.clone(), one))
        .collect();
    let exempt = exempt_on(tx, &by.day()).await?;
    let mut next = last_number(tx, order.as_of).await? + 1;
    let (mut tasks, mut rows) = (Vec::new(), Vec::new());
    for (place, one) in chosen.iter().enumerate() {
        let id = &one.taxpayer_id;
        let officer = one.office_code.as_ref().and_then(|code| officers.get(code)).map(|names| {
            let hash = draw_hash(order.seed, &["officer", id]);
            let mut first = [0_u8; 8];
            first.copy_from_slice(&hash.as_bytes()[..8]);
            names[(u64::from_le_bytes(first) % names.len() as u64) as usize].clone()
        });
        let (number, note) = match (open.get(id), order.audits.get(id)) {
            (Some(one), _) => {
                draw.joined += 1;
                let mut one = one.clone();
                one.officer = one.officer.or_else(|| officer.clone());
                one.task.request_zh = Some(request(draw.draw_no, one.officer.as_deref()));
                mark_drawn(tx, &one).await?;
                (Some(one.task.task_no), None)
            }
            (None, Some(case)) => (None, Some(format!("audit {case} is open"))),
            (None, None) if covering(&exempt, id, None).is_some() => (None, Some("exempt".to_owned())),
            (None, None) => {
                let mut made =
                    fresh(sample_task(one, order, draw.draw_no, next, &tree), Vec::new(), Kind::Sample, by);
                made.task.request_zh = Some(request(draw.draw_no, officer.as_deref()));
                made.officer.clone_from(&officer);
                next += 1;
                let number = made.task.task_no.clone();
                tasks.push(made);
                (Some(number), None)
            }
        };
        draw.left_alone += usize::from(note.is_some());
        rows.push(vec![
            draw.draw_no.into(),
            i64::try_from(place + 1).unwrap_or(i64::MAX).into(),
            id.as_str().into(),
            (&one.office_code).into(),
            officer.into(),
            number.into(),
            note.into(),
        ]);
    }
    draw.opened = tasks.len();
    add(tx, &tasks, by, &format!("第{}次随机抽取，种子{}", draw.draw_no, order.seed)).await?;
    Ok(rows)
}

pub(super) async fn officers(tx: &mut Tx) -> Result<BTreeMap<String, Vec<String>>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let sql = "SELECT office_code, name FROM officer ORDER BY office_code, name";
    for row in all(tx, "read officers", sql, vec![]).await? {
        found.entry(word(&row, 0)?).or_default().push(word(&row, 1)?);
    }
    Ok(found)
}

async fn last_number(tx: &mut Tx, as_of: i32) -> Result<u32> {
    let sql = "SELECT task_no FROM task WHERE as_of = $1 AND kind = 'sample'";
    let mut last = 0;
    for row in all(tx, "read numbers", sql, vec![as_of.into()]).await? {
        last = last.max(sequence(&word(&row, 0)?));
    }
    Ok(last)
}

/// What a random check asks of an office, and of whom.
fn request(draw_no: i64, officer: Option<&str>) -> String {
    let whom = officer.map(|name| format!("抽取的检查人员：{name}。")).unwrap_or_default();
    format!("【双随机抽查，第{draw_no}次抽取】{whom}{CHECK_ALL}")
}

/// A task without a suspicion.
fn sample_task(one: &Frame, order: &DrawOrder<'_>, draw_no: i64, number: u32, tree: &Tree) -> Task {
    let route = tree.route(one.office_code.clone());
    let draw = format!("draw {draw_no}");
    Task {
        task_no: task_no(route.office_code.as_deref(), order.as_of, TASK_TYPE, number),
        row_key: row_key(&one.taxpayer_id, order.as_of, &[&draw]),
        sequence: i64::from(number),
        as_of: order.as_of,
        taxpayer_key: one.taxpayer_key,
        taxpayer_id: one.taxpayer_id.clone(),
        taxpayer_name: one.name.clone(),
        office_code: route.office_code,
        office_name: route.office_name,
        county_name: route.county_name,
        office_path: route.path,
        industry_code: one.industry_code.clone(),
        taxpayer_status: one.status.clone(),
        credit_rating: one.credit_rating.clone(),
        grade: "low".to_owned(),
        score: 0,
        hit_count: 0,
        tax: String::new(),
        period_from: crate::months_before(order.as_of, 11),
        period_to: order.as_of,
        suspicion_zh: format!("随机抽取的户，没有预设疑点。{CHECK_ALL}"),
        suspicion_en:
            "Drawn at random, without a suspicion: check all taxes of the period and say what was found."
                .to_owned(),
        request_zh: None,
        amount: None,
        response: "调查核实".to_owned(),
        due_days: order.due_days,
        due_on: 0,
        issued_on: 0,
        batch: format!("{}-SJ{draw_no}", order.as_of),
        source: "双随机抽查".to_owned(),
        pushed_by: None,
        status: State::Created.word().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(n: usize) -> Vec<Frame> {
        (0..n).map(|at| Frame { taxpayer_id: format!("T{at:05}"), ..Frame::default() }).collect()
    }

    #[test]
    fn a_draw_follows_from_seed_and_frame_alone() {
        let (all, mut turned) = (frame(500), frame(500));
        turned.reverse();
        let ids = |frame: &[Frame], seed: &str| -> Vec<String> {
            choose(frame, seed, 20).into_iter().map(|at| frame[at].taxpayer_id.clone()).collect()
        };
        assert_eq!(ids(&all, "a"), ids(&turned, "a"));
        assert_ne!(ids(&all, "a"), ids(&all, "b"));
    }

    #[test]
    fn everybody_is_drawn_equally_often() {
        let all = frame(50);
        let mut drawn = vec![0_usize; 50];
        for seed in 0..2000 {
            for at in choose(&all, &seed.to_string(), 5) {
                drawn[at] += 1;
            }
        }
        // 200 expected each, with a deviation of 13; six deviations off is no accident.
        assert!(drawn.iter().all(|n| (120..=280).contains(n)), "{drawn:?}");
    }
}
