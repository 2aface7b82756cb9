//! Commands from a terminal or a pipe, until it ends.

use crate::shell::commands::{Call, Verb};
use crate::shell::completion::Completion;
use crate::shell::failure::Failure;
use crate::shell::session::Sessions;
use crate::shell::{Printer, Style, err, out, without_session, words};
use futures::StreamExt;
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{CompletionType, Config, Editor, ExternalPrinter};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::env;
use std::fs;
use std::io::{self, BufRead, IsTerminal};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use vivarium_client::WatchedEvent;

/// Runs commands until there are no more. Returns the exit code: that of the last failure when
/// the commands came from a pipe, else 0.
pub(crate) fn run(sessions: &Rc<RefCell<Sessions>>, printer: Printer) -> u8 {
    let shown = Arc::new(AtomicBool::new(true));
    let shell = Interactive {
        sessions: Rc::clone(sessions),
        printer,
        shown,
        entered: Vec::new(),
    };
    if io::stdin().is_terminal() {
        shell.run_terminal()
    } else {
        shell.run_pipe()
    }
}

struct Interactive {
    sessions: Rc<RefCell<Sessions>>,
    printer: Printer,
    /// Whether events are shown.
    shown: Arc<AtomicBool>,
    entered: Vec<String>,
}

/// Whether the shell goes on after a command.
enum Next {
    GoOn,
    Quit,
}

type Terminal = Editor<Completion, DefaultHistory>;

impl Interactive {
    fn run_pipe(mut self) -> u8 {
        let mut code = 0;
        if let Err(failure) = self.connect(Box::new(|text| out(&text))) {
            self.printer.failure(&failure);
            return failure.exit_code();
        }
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            match self.enter(&line, &mut || Box::new(|text: String| out(&text))) {
                Ok(Next::GoOn) => {}
                Ok(Next::Quit) => break,
                Err(failure) => {
                    self.printer.failure(&failure);
                    code = failure.exit_code();
                }
            }
        }
        code
    }

    fn run_terminal(mut self) -> u8 {
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .build();
        let terminal = Terminal::with_config(config);
        let mut terminal = match terminal {
            Ok(terminal) => terminal,
            Err(error) => {
                err(&format!("the terminal cannot be used ({error})"));
                return self.run_pipe();
            }
        };
        terminal.set_helper(Some(Completion::new(Rc::clone(&self.sessions))));
        let history = history_file();
        if let Some(file) = &history {
            // There is none before the first time.
            let _ = terminal.load_history(file);
        }
        out(&format!(
            "Connecting to {}",
            self.sessions.borrow().servers()
        ));
        out("Welcome to ZooKeeper!");
        if let Err(failure) = self.connect(sink(&mut terminal)) {
            self.printer.failure(&failure);
        }
        self.read_lines(&mut terminal);
        if let Some(file) = &history {
            // A history that cannot be kept is no loss worth a word.
            let _ = terminal.save_history(file);
        }
        0
    }

    fn read_lines(&mut self, terminal: &mut Terminal) {
        loop {
            let line = match terminal.readline(&self.prompt()) {
                Ok(line) => line,
                Err(ReadlineError::Interrupted) => continue,
                Err(ReadlineError::Eof) => return,
                Err(error) => {
                    err(&format!("the terminal cannot be read: {error}"));
                    return;
                }
            };
            if !line.trim().is_empty() {
                // It refuses repetitions, which is as well.
                let _ = terminal.add_history_entry(&line);
            }
            match self.enter(&line, &mut || sink(terminal)) {
                Ok(Next::GoOn) => {}
                Ok(Next::Quit) => return,
                Err(failure) => self.printer.failure(&failure),
            }
        }
    }

    fn prompt(&self) -> String {
        let sessions = self.sessions.borrow();
        format!(
            "[zk: {}({}) {}] ",
            sessions.servers(),
            sessions.state(),
            self.entered.len()
        )
    }

    /// Runs what was entered, or an earlier line that it names.
    fn enter(&mut self, line: &str, sink: &mut dyn FnMut() -> Sink) -> Result<Next, Failure> {
        let words = words::split(line);
        if words.is_empty() || words[0].starts_with('#') {
            return Ok(Next::GoOn);
        }
        self.entered.push(line.to_owned());
        let Some(call) = Call::parse(&words)? else {
            return Ok(Next::GoOn);
        };
        if call.spec.verb == Verb::Redo {
            let number = call.argument(0).parse::<usize>().ok();
            let earlier = number.and_then(|number| self.entered.get(number)).cloned();
            let earlier = earlier
                .filter(|line| !line.trim_start().starts_with("redo"))
                .ok_or_else(|| Failure::Sentence("Command index out of range".to_owned()))?;
            return self.enter(&earlier, sink);
        }
        self.perform(&call, sink)
    }

    fn perform(&mut self, call: &Call, sink: &mut dyn FnMut() -> Sink) -> Result<Next, Failure> {
        match call.spec.verb {
            Verb::Quit => return Ok(Next::Quit),
            Verb::Close => self.sessions.borrow_mut().end_session(),
            Verb::Connect => {
                if !call.arguments.is_empty() {
                    self.sessions.borrow_mut().set_servers(call.argument(0));
                }
                self.connect(sink())?;
            }
            Verb::History => self.show_history(),
            Verb::PrintWatches => self.print_watches(call)?,
            Verb::AddWatch
            | Verb::AddAuth
            | Verb::Config
            | Verb::Create
            | Verb::Delete
            | Verb::DeleteAll
            | Verb::DelQuota
            | Verb::Get
            | Verb::GetAcl
            | Verb::GetAllChildrenNumber
            | Verb::GetEphemerals
            | Verb::Help
            | Verb::ListQuota
            | Verb::Ls
            | Verb::Reconfig
            | Verb::Redo
            | Verb::RemoveWatches
            | Verb::Set
            | Verb::SetAcl
            | Verb::SetQuota
            | Verb::Stat
            | Verb::Sync
            | Verb::Version
            | Verb::WhoAmI => {
                let answer = match without_session(call) {
                    Some(answer) => answer,
                    None => self.sessions.borrow().run(call)?,
                };
                self.printer.answer(&answer);
            }
        }
        Ok(Next::GoOn)
    }

    fn show_history(&self) {
        let first = self.entered.len().saturating_sub(HISTORY_LINES);
        for (number, line) in self.entered.iter().enumerate().skip(first) {
            out(&format!("{number} - {line}"));
        }
    }

    fn print_watches(&self, call: &Call) -> Result<(), Failure> {
        match call.argument(0) {
            "" => {
                let state = if self.shown.load(Ordering::Relaxed) {
                    "on"
                } else {
                    "off"
                };
                out(&format!("printwatches is {state}"));
            }
            "on" => self.shown.store(true, Ordering::Relaxed),
            "off" => self.shown.store(false, Ordering::Relaxed),
            _ => return Err(call.spec.misuse().into()),
        }
        Ok(())
    }

    /// Begins a session, and shows its events as they come.
    fn connect(&mut self, mut sink: Sink) -> Result<(), Failure> {
        let mut sessions = self.sessions.borrow_mut();
        sessions.connect()?;
        let Some(mut events) = sessions.events() else {
            return Ok(());
        };
        let shown = Arc::clone(&self.shown);
        let style = self.printer.style;
        sessions.spawn(async move {
            while let Some(event) = events.next().await {
                if shown.load(Ordering::Relaxed) {
                    sink(show(&event, style));
                }
            }
        });
        Ok(())
    }
}

/// Where lines go that nobody waits for.
type Sink = Box<dyn FnMut(String) + Send>;

/// Shows lines above the one that is being entered.
fn sink(terminal: &mut Terminal) -> Sink {
    match terminal.create_external_printer() {
        Ok(mut printer) => Box::new(move |text| {
            // There is nobody to tell when the terminal is gone.
            let _ = printer.print(format!("{text}\n"));
        }),
        Err(_) => Box::new(|text| out(&text)),
    }
}

fn show(event: &WatchedEvent, style: Style) -> String {
    let zxid = event.zxid.map(|zxid| zxid.0);
    match style {
        Style::Text => {
            let path = if event.path.is_empty() {
                "null"
            } else {
                &event.path
            };
            let zxid = zxid.map_or_else(|| "-1".to_owned(), |zxid| zxid.to_string());
            format!(
                "\nWATCHER::\n\nWatchedEvent state:{:?} type:{:?} path:{path} zxid: {zxid}",
                event.state, event.kind
            )
        }
        Style::Json => {
            let path = if event.path.is_empty() {
                Value::Null
            } else {
                json!(event.path)
            };
            let zxid = zxid.map(|zxid| format!("{zxid:#x}"));
            let (state, kind) = (format!("{:?}", event.state), format!("{:?}", event.kind));
            json!({ "event": { "state": state, "type": kind, "path": path, "zxid": zxid } })
                .to_string()
        }
    }
}

/// Where lines are remembered between runs.
fn history_file() -> Option<PathBuf> {
    let variable = |name| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let state = variable("XDG_STATE_HOME")
        .or_else(|| variable("HOME").map(|home| home.join(".local/state")))?;
    let directory = state.join("vivarium");
    fs::create_dir_all(&directory).ok()?;
    Some(directory.join("shell_history"))
}

const HISTORY_LINES: usize = 11;
