//! Planning, asking, and carrying out: what `up`, `destroy` and `refresh --accept` have in common.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::plan::PREVIEW_AGAIN;
use super::run_page::RunPage;
use crate::apply::{Cancel, Report, Timeouts};
use crate::cli::args::Run;
use crate::cli::belonging::is_unbound;
use crate::cli::events::EventFile;
use crate::cli::exit;
use crate::cli::failure::Failure;
use crate::cli::progress::Display;
use crate::cli::prompt::{Answer, ask};
use crate::cli::report::{report_json, report_line};
use crate::cli::session::{Planning, Prepared, Session, hash_with};
use crate::duration::for_people;
use crate::engine::{Engine, ExecuteRequest, Planned};
use crate::plan::names::first_few;
use crate::plan::{Action, Mode, Plan, Step};
use crate::render::{Diagnostic, sanitize};
use crate::review::{TextOptions, View, short_name};
use crate::saved::{Moved, SavedPlan, compare};
use crate::state::{RunInfo, State, Store, Writer};
use crate::value::Value;

/// The number of steps that a refusal names.
const NAMED: usize = 5;

/// The time that giving the lease back may take at the end of a run that did nothing.
const GIVING_BACK: Duration = Duration::from_secs(5);

/// A job to carry out: the plan's inputs and the options of the run.
pub(super) struct Job<'a> {
    /// The verb, for the history and for messages.
    pub(super) verb: &'static str,
    /// The question that is asked before; the stack's name follows.
    pub(super) question: &'static str,
    pub(super) planning: Planning<'a>,
    /// The plan that was reviewed; it is carried out as it stands, or not at all.
    pub(super) saved: Option<&'a SavedPlan>,
    /// True if the plan may change nothing but the record.
    pub(super) refactor_only: bool,
    pub(super) run: &'a Run,
}

/// Reads the state, for a run that may go ahead: it can ask, and the stack belongs to the program.
pub(super) async fn recorded(session: &Session, verb: &str, yes: bool) -> Result<State, Failure> {
    if !yes && !session.ui.is_interactive() {
        let message = format!("{verb} asks before it acts, and there is no terminal to ask on");
        return Err(Failure::usage(message).hint("--yes goes ahead without asking"));
    }
    session.interrupts.end(session.load()).await
}

/// Plans, shows, asks, and carries out. The lease is taken last, so that nobody is locked out while somebody thinks.
pub(super) async fn carry_out(session: &Session, job: &Job<'_>, state: State) -> Result<u8, Failure> {
    let store = (*session.store()?).clone();
    let store = job.run.keep.into_iter().fold(store, Store::keep_versions);
    let page = job.run.report.as_deref().map(RunPage::open).transpose()?;
    let planned = session.interrupts.end(job.plan(session, &store, &state)).await?;
    job.show(session, &planned.plan)?;
    job.check(session, &planned.plan)?;
    if !job.has_work(session, &store, &state, &planned).await? {
        return job.nothing_to_do(session, &planned.plan, page);
    }
    if !job.run.yes && !job.confirmed(session, &planned.plan).await? {
        session.ui.say("Nothing was done.");
        return Ok(exit::FAILED);
    }
    let path = job.run.events.as_deref();
    let events = path.map(|path| EventFile::open(path, &session.ui)).transpose()?;
    let run = RunInfo::current(job.command(), session.build()).at_commit(session.commit());
    let writer = session
        .interrupts
        .end(async { Ok(store.begin(run, session.lock_timeout).await?) })
        .await?;
    let planned = job.settle(session, &store, &writer, planned).await;
    let planned = match planned {
        Ok(planned) => job.bind(session, &writer).await.map(|()| planned),
        failed => failed,
    };
    match planned {
        Ok(planned) => job.execute(session, &store, writer, planned, events, page).await,
        Err(failure) => {
            // The storage may be what holds us up; a lease that is not given back runs out.
            let _ = tokio::time::timeout(GIVING_BACK, writer.abandon()).await;
            Err(failure)
        }
    }
}

/// Refuses a plan of a refactoring that changes more than the record.
fn check_refactoring(session: &Session, plan: &Plan) -> Result<(), Failure> {
    let touching: Vec<&Step> = plan.steps.iter().filter(|step| step.action.touches_world()).collect();
    if touching.is_empty() {
        return Ok(());
    }
    let named = touching
        .iter()
        .map(|step| format!("{} {}", step.action.name(), step.key.short()));
    let (stack, named) = (&session.stack, first_few(named, NAMED));
    let message = format!("stack {stack} was not touched, since this plan changes more than the record: {named}");
    let failure = Failure::failed(message);
    let moved = plan.steps.iter().any(|step| step.action == Action::Delete)
        && plan
            .steps
            .iter()
            .any(|step| matches!(step.action, Action::Create | Action::Adopt));
    Err(match moved {
        true => failure.hint("`state mv NAME NEW` renames a resource in the record, as the program does"),
        false => failure.hint("leave out --refactor-only to apply it"),
    })
}

impl Job<'_> {
    /// A plan with problems is shown and not carried out.
    fn check(&self, session: &Session, plan: &Plan) -> Result<(), Failure> {
        if !plan.problems.is_empty() {
            let message = format!("stack {} was not touched, since its plan has problems", session.stack);
            return Err(Failure::unsound(plan, message).hint("see above what is wrong"));
        }
        match self.refactor_only {
            true => check_refactoring(session, plan),
            false => Ok(()),
        }
    }

    /// The command, for the history. A run about a part of the stack is not one that deployed its commit.
    fn command(&self) -> String {
        let selection = &self.planning.options.selection;
        match selection.is_all() {
            true => self.verb.to_owned(),
            false => format!("{} {}", self.verb, selection.arguments()),
        }
    }

    async fn plan(&self, session: &Session, store: &Store, state: &State) -> Result<Planned, Failure> {
        let Prepared { planned, vault } = session.prepare(store, state, &self.planning).await?;
        if let Some(saved) = self.saved {
            saved.check_seal(&vault).map_err(|error| {
                let failure = Failure::new(exit::STALE, Diagnostic::from_error(&error));
                failure.hint(PREVIEW_AGAIN)
            })?;
            let comparison = compare(saved, &planned.plan, &hash_with(&vault));
            if !comparison.moved.is_empty() {
                return Err(refused(&comparison.moved, session));
            }
            for key in &comparison.done {
                session.ui.say(&format!("note: {key} is as planned already"));
            }
        }
        Ok(planned)
    }

    /// Shows the plan: as data, unless standard output is to hold JSON alone.
    fn show(&self, session: &Session, plan: &Plan) -> Result<(), Failure> {
        let reviewed = self.run.yes || self.saved.is_some();
        let text = |options: TextOptions| {
            let options = TextOptions {
                brief: reviewed,
                ..options
            };
            View::of(plan, options.verbose).to_text(&options)
        };
        if self.run.json {
            session.ui.talk(&text(session.ui.talk_options()));
        } else {
            session.ui.data(&text(session.ui.text_options()))?;
        }
        Ok(())
    }

    /// Whether there is anything to do: steps, what an interrupted run left, or exports.
    async fn has_work(
        &self,
        session: &Session,
        store: &Store,
        state: &State,
        planned: &Planned,
    ) -> Result<bool, Failure> {
        if !planned.plan.is_empty() || planned.recovers() {
            return Ok(true);
        }
        if self.planning.options.mode != Mode::Up || self.saved.is_some() {
            return Ok(false);
        }
        if is_unbound(state) {
            return Ok(true);
        }
        let vault = session.vault(store, state).await?;
        let recorded = state.open_exports(&vault)?;
        Ok(planned.plan.exports.values().all(Value::is_known) && recorded != planned.plan.exports)
    }

    fn nothing_to_do(&self, session: &Session, plan: &Plan, page: Option<RunPage<'_>>) -> Result<u8, Failure> {
        let report = Report::default();
        if let Some(page) = page {
            page.write(plan, &report, "nothing to do")?;
        }
        if self.run.json {
            session.ui.json(&report_json(plan, &report, self.verb))?;
        }
        Ok(exit::DONE)
    }

    async fn confirmed(&self, session: &Session, plan: &Plan) -> Result<bool, Failure> {
        let question = format!("{} {}?", self.question, session.stack);
        let details = || {
            let options = TextOptions {
                verbose: true,
                ..session.ui.talk_options()
            };
            session.ui.talk(&View::of(plan, true).to_text(&options));
        };
        Ok(ask(session, &question, details).await? == Answer::Yes)
    }

    /// The plan to carry out under the lease: the same, unless somebody else wrote meanwhile. Then a plan that was shown
    /// to somebody who said yes is refused by the engine, and one that nobody was asked about is made again.
    async fn settle(
        &self,
        session: &Session,
        store: &Store,
        writer: &Writer,
        planned: Planned,
    ) -> Result<Planned, Failure> {
        let state = writer.state();
        if state.generation == planned.generation || !self.run.yes {
            return Ok(planned);
        }
        session
            .ui
            .say("Another run changed the state meanwhile; planning again.");
        let planned = session.interrupts.end(self.plan(session, store, state)).await?;
        self.show(session, &planned.plan)?;
        self.check(session, &planned.plan)?;
        Ok(planned)
    }

    /// Holds the stack to what it belongs to, under the lease; an `up` binds one that belongs to nobody.
    async fn bind(&self, session: &Session, writer: &Writer) -> Result<(), Failure> {
        let state = writer.state();
        let binding = session.check_binding(state).await?;
        let (Mode::Up, Some(binding)) = (self.planning.options.mode, binding) else {
            return Ok(());
        };
        if is_unbound(state) {
            let name = binding.to_string();
            session.ui.say(&format!(
                "Stack {} belongs to {} from now on",
                session.stack,
                sanitize(&name)
            ));
        }
        Ok(writer.bind(binding).await?)
    }

    async fn execute(
        &self,
        session: &Session,
        store: &Store,
        writer: Writer,
        planned: Planned,
        events: Option<Arc<EventFile>>,
        page: Option<RunPage<'_>>,
    ) -> Result<u8, Failure> {
        let plan = planned.plan.clone();
        let display = Arc::new(Display::new(&session.ui, &plan));
        let (cancel, cancelled) = watch::channel(Cancel::No);
        let lease = writer.clone();
        let request = ExecuteRequest {
            planned,
            declaration: self.planning.declaration,
            writer,
            parallel: self.run.parallel,
            events: match &events {
                Some(events) => events.sink(&plan, display.sink()),
                None => display.sink(),
            },
            cancel: cancelled,
        };
        let began = std::time::Instant::now();
        let engine = self.engine(session);
        let run = engine.execute(request);
        tokio::pin!(run);
        let result = loop {
            tokio::select! {
                result = &mut run => break result,
                () = session.interrupts.raise(&cancel, &session.ui) => {}
                () = lease.lost(), if *cancel.borrow() != Cancel::AtOnce => {
                    cancel.send_replace(Cancel::AtOnce);
                }
            }
        };
        display.close();
        let interrupted = *cancel.borrow() != Cancel::No;
        let report = result.map_err(|error| Failure::engine(&error, &session.stack))?;
        let elapsed = began.elapsed();
        let line = report_line(&plan, &report, &for_people(elapsed));
        session.ui.say(&line);
        session.ui.talk(&display.slowest(&report, elapsed));
        let written = page.map_or(Ok(()), |page| page.write(&plan, &report, &line));
        self.finish(session, store, &plan, &report).await?;
        if interrupted {
            return Err(Failure::quiet(exit::INTERRUPTED));
        }
        if !report.is_ok() {
            let message = format!("{} of stack {} is not complete", self.verb, session.stack);
            let hint = format!("what was done is recorded; `{}` goes on from there", self.verb);
            return Err(Failure::failed(message).hint(hint));
        }
        // Every other failure tells more.
        written.map(|()| exit::DONE)
    }

    /// The engine with the limits of the command line.
    fn engine(&self, session: &Session) -> Engine {
        let usual = Timeouts::default();
        let engine = session.engine.clone().with_fail_fast(self.run.fail_fast);
        engine.with_timeouts(Timeouts {
            operation: self.run.step_timeout.unwrap_or(usual.operation),
            ready: self.run.ready_timeout.unwrap_or(usual.ready),
        })
    }

    /// Prints what the run gave: a report as JSON, or the exports as they are now.
    async fn finish(&self, session: &Session, store: &Store, plan: &Plan, report: &Report) -> Result<(), Failure> {
        if self.run.json {
            session.ui.json(&report_json(plan, report, self.verb))?;
        } else if self.planning.options.mode == Mode::Up {
            super::stack::print_exports(session, store).await?;
        }
        Ok(())
    }
}

/// Returns the refusal of a saved plan: a diagnostic for each thing that moved.
fn refused(moved: &[Moved], session: &Session) -> Failure {
    let mut failure = Failure::quiet(exit::STALE);
    for moved in moved {
        let about = match &moved.key {
            Some(key) => format!("{}: ", short_name(key, &moved.identity)),
            None => String::new(),
        };
        let message = format!("{about}{} moved since the plan was made", moved.what);
        let mut diagnostic = Diagnostic::error(message).at(moved.source.clone());
        diagnostic.urn = moved.key.as_ref().map(|key| key.in_stack(&session.stack));
        diagnostic.details.push(format!("planned: {}", moved.planned));
        diagnostic.details.push(format!("now:     {}", moved.now));
        failure.diagnostics.push(diagnostic);
    }
    let last = Diagnostic::error("the saved plan is refused; nothing was done");
    failure.diagnostics.push(last.hint(PREVIEW_AGAIN));
    failure
}
