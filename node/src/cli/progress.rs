//! A bar for what lasts over a second, on a terminal only.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::{clean, complain};
use crate::api::Event;

/// What is done sooner needs no bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// The progress of one command.
#[derive(Debug)]
pub(super) struct Progress {
    begun: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            begun: Instant::now(),
            bar: None,
        }
    }

    /// Shows how far it is; says warnings.
    pub(super) fn show(&mut self, event: Event) {
        if let Event::Progress { task, done, total } = event {
            if self.begun.elapsed() < PATIENCE || !std::io::stderr().is_terminal() {
                return;
            }
            let bar = self.bar.get_or_insert_with(bar);
            bar.set_message(clean(&task));
            if let Some(total) = total {
                bar.set_length(total);
            }
            bar.set_position(done);
        } else if let Event::Warning { message, hint } = event {
            let text = match hint {
                Some(hint) => format!("warning: {message}\n  {hint}"),
                None => format!("warning: {message}"),
            };
            match &self.bar {
                Some(bar) => bar.suspend(|| complain(&text)),
                None => complain(&text),
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{msg}  {wide_bar} {human_pos}/{human_len}") {
        bar.set_style(style);
    }
    bar
}
