//! Reading, converting and collecting at once: one thread reads, several convert, the caller collects in the order
//! of the input, so that results do not depend on the number of threads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use datafusion::execution::context::SessionContext;

use super::Input;
use super::convert::{Converted, Converter};
use super::repair::Repairs;
use super::source::shape::Skipped;
use super::source::{self, RawBatch, RecordSink};
use crate::{EngineError, Result};

struct Job {
    number: u64,
    input: usize,
    converter: Arc<Converter>,
    raw: RawBatch,
}

/// A batch ready to be collected.
pub struct Done {
    /// Index of the input it comes from.
    pub input: usize,
    /// The rows.
    pub converted: Converted,
}

type Outcome = (u64, Result<Done>);

/// What was met while reading, beside records.
#[derive(Debug, Default)]
pub struct Read {
    /// Rows that are no records, each with the index of its input.
    pub skipped: Vec<(usize, Skipped)>,
    /// By input: the columns of its table for which it delivers anything.
    pub delivered: Vec<BTreeSet<&'static str>>,
}

/// Runs all `inputs`; `collect` gets every batch in input order.
pub fn run(
    context: &SessionContext,
    inputs: &[Input],
    repairs: &Repairs,
    threads: usize,
    mut collect: impl FnMut(Done) -> Result<()>,
) -> Result<Read> {
    let (job_sender, job_receiver) = sync_channel::<Job>(threads + 1);
    let (done_sender, done_receiver) = sync_channel::<Outcome>(2 * threads + 2);
    // Owned by the converting threads alone: when they end, the reader's next send fails and it ends too.
    let jobs = Arc::new(Mutex::new(job_receiver));
    std::thread::scope(|scope| {
        let errors = done_sender.clone();
        let reading = scope.spawn(move || {
            let delivered = vec![BTreeSet::new(); inputs.len()];
            let read = Read { delivered, ..Read::default() };
            let mut reader = Reader { context, repairs, sender: job_sender, number: 0, read };
            if let Err(error) = reader.run(inputs) {
                // Numbered after everything sent, so the collector meets it in its turn.
                let _ = errors.send((reader.number, Err(error)));
            }
            reader.read
        });
        for _ in 0..threads.max(1) {
            let sender = done_sender.clone();
            let jobs = Arc::clone(&jobs);
            scope.spawn(move || convert(&jobs, &sender));
        }
        drop(jobs);
        drop(done_sender);
        // Leaving early drops the receiver, which ends the other threads at their next send.
        in_order(done_receiver, &mut collect)?;
        reading.join().map_err(|_| EngineError::internal("the reading thread stopped without a result"))
    })
}

fn in_order(receiver: Receiver<Outcome>, collect: &mut impl FnMut(Done) -> Result<()>) -> Result<()> {
    let mut waiting: BTreeMap<u64, Result<Done>> = BTreeMap::new();
    let mut next = 0;
    for (number, outcome) in receiver {
        waiting.insert(number, outcome);
        while let Some(outcome) = waiting.remove(&next) {
            collect(outcome?)?;
            next += 1;
        }
    }
    match waiting.into_iter().next() {
        None => Ok(()),
        Some(_) => Err(EngineError::internal("a conversion thread stopped without a result")),
    }
}

fn convert(jobs: &Mutex<Receiver<Job>>, sender: &SyncSender<Outcome>) {
    loop {
        let job = match jobs.lock() {
            Ok(receiver) => receiver.recv(),
            Err(_) => return,
        };
        let Ok(job) = job else { return };
        let outcome = job.converter.convert(&job.raw).map(|converted| Done { input: job.input, converted });
        if sender.send((job.number, outcome)).is_err() {
            return;
        }
    }
}

struct Reader<'a> {
    context: &'a SessionContext,
    repairs: &'a Repairs,
    sender: SyncSender<Job>,
    number: u64,
    read: Read,
}

impl Reader<'_> {
    fn run(&mut self, inputs: &[Input]) -> Result<()> {
        for (index, input) in inputs.iter().enumerate() {
            let mut sink = Sink { reader: self, index, input, converter: None };
            source::read(&input.member, &input.options, &mut sink)?;
        }
        Ok(())
    }
}

struct Sink<'a, 'b> {
    reader: &'a mut Reader<'b>,
    index: usize,
    input: &'a Input,
    converter: Option<Arc<Converter>>,
}

impl RecordSink for Sink<'_, '_> {
    fn header(&mut self, columns: &[String]) -> Result<()> {
        let shown = self.input.member.display();
        let (context, repairs) = (self.reader.context, self.reader.repairs);
        let converter =
            Converter::new(context, self.input.table, &self.input.feed, repairs, &shown, columns)?;
        let unused = converter.unused();
        if !unused.is_empty() {
            tracing::warn!("{shown}: columns not mapped and left out: {}", unused.join(", "));
        }
        self.reader.read.delivered[self.index].extend(converter.delivered());
        self.converter = Some(Arc::new(converter));
        Ok(())
    }

    fn skipped(&mut self, row: Skipped) -> Result<()> {
        self.reader.read.skipped.push((self.index, row));
        Ok(())
    }

    fn batch(&mut self, raw: RawBatch) -> Result<()> {
        let Some(converter) = &self.converter else {
            return Err(EngineError::internal("records before a header"));
        };
        let job =
            Job { number: self.reader.number, input: self.index, converter: Arc::clone(converter), raw };
        // A closed channel means that the collector stopped with an error of its own, which is the one to report.
        self.reader.sender.send(job).map_err(|_| EngineError::internal("stopped"))?;
        self.reader.number += 1;
        Ok(())
    }
}
