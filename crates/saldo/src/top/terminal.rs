//! The screen and its keys.
//!
//! **Invariant:** however it ends, the terminal is given back as it was.

use std::io;
use std::mem::ManuallyDrop;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::Pace;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::poll::{News, begin};
use super::screen::{View, draw};
use super::watch::Watch;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::http::Http;
use crate::unanswered::cause_of_io;

/// How long a key is waited for before a page that came is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Quit,
    Interrupt,
    Pause,
    Help,
    /// The screen is to be drawn again, or nothing at all.
    Nothing,
}

/// Why the screen ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Somebody wanted it, or it has been so many intervals.
    Done,
    /// By Ctrl-C or a signal.
    Interrupted,
    /// There is no terminal any more.
    Gone,
}

/// Shows the server until somebody quits, or so many intervals are over.
pub fn run(http: &Http, pace: Pace, is_coloured: bool) -> Result<(), Failure> {
    let news = begin(http.clone(), pace.every, true)?;
    let failed = |error: io::Error| {
        let text = format!("the terminal cannot be used: {}", cause_of_io(&error));
        Failure::usage(text).hint("saldo top -o jsonl")
    };
    // Dropped only where there is still a terminal: it would complain to one that is gone, and panic.
    let mut terminal = ManuallyDrop::new(ratatui::try_init().map_err(failed)?);
    let ended = show(&mut terminal, http, pace, &news, is_coloured);
    let restored = ratatui::try_restore();
    let end = ended.map_err(failed)?;
    if end == End::Gone {
        return Err(Failure::told(Exit::Interrupted));
    }
    drop(ManuallyDrop::into_inner(terminal));
    restored.map_err(failed)?;
    match end {
        End::Done => Ok(()),
        End::Interrupted | End::Gone => Err(Failure::told(Exit::Interrupted)),
    }
}

fn show(
    terminal: &mut DefaultTerminal,
    http: &Http,
    pace: Pace,
    news: &Receiver<News>,
    is_coloured: bool,
) -> io::Result<End> {
    let (mut watch, mut shows_help, mut pages) = (Watch::default(), false, 0_u32);
    let place = http.address().as_str();
    let mut is_stale = true;
    loop {
        match news.try_recv() {
            Ok(News::Read(read)) => {
                watch.take(read);
                pages = pages.saturating_add(1);
                is_stale = true;
            }
            Err(TryRecvError::Empty) => {}
            Ok(News::Ending) | Err(TryRecvError::Disconnected) => return Ok(End::Interrupted),
        }
        if is_stale {
            let every = pace.every;
            let view = View { watch: &watch, place, every, is_coloured, shows_help };
            terminal.draw(|frame| draw(frame, &view))?;
            is_stale = false;
        }
        // The first page only begins the first interval.
        if pace.count.is_some_and(|count| pages > count) {
            return Ok(End::Done);
        }
        if is_hung_up(LOOK_EVERY)? {
            return Ok(End::Gone);
        }
        // What is there; a new size comes by a signal and not through the terminal.
        if !event::poll(Duration::ZERO)? {
            continue;
        }
        is_stale = true;
        match wish(&event::read()?) {
            Wish::Quit if shows_help => shows_help = false,
            Wish::Quit => return Ok(End::Done),
            Wish::Interrupt => return Ok(End::Interrupted),
            Wish::Pause => watch.is_paused = !watch.is_paused,
            Wish::Help => shows_help = !shows_help,
            Wish::Nothing => {}
        }
    }
}

/// Waits so long for a key; whether the terminal is gone instead. The library that reads keys would ask a
/// terminal that is gone again and again, without end.
fn is_hung_up(patience: Duration) -> io::Result<bool> {
    let stdin = io::stdin();
    let mut keys = [PollFd::new(&stdin, PollFlags::IN)];
    let patience = Timespec::try_from(patience).map_err(io::Error::other)?;
    match poll(&mut keys, Some(&patience)) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    Ok(keys.iter().any(|key| key.revents().intersects(gone)))
}

fn wish(event: &Event) -> Wish {
    let Event::Key(KeyEvent { code, modifiers, kind: KeyEventKind::Press, .. }) = event else {
        return Wish::Nothing;
    };
    if *code == KeyCode::Esc {
        return Wish::Quit;
    }
    let KeyCode::Char(letter) = *code else { return Wish::Nothing };
    match letter {
        'c' if modifiers.contains(KeyModifiers::CONTROL) => Wish::Interrupt,
        'q' | 'Q' => Wish::Quit,
        'p' | 'P' | ' ' => Wish::Pause,
        '?' | 'h' => Wish::Help,
        _ => Wish::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_do_what_the_help_says() {
        let key = |code, modifiers| wish(&Event::Key(KeyEvent::new(code, modifiers)));
        let none = KeyModifiers::NONE;
        assert_eq!(key(KeyCode::Char('q'), none), Wish::Quit);
        assert_eq!(key(KeyCode::Char('c'), KeyModifiers::CONTROL), Wish::Interrupt);
        assert_eq!(key(KeyCode::Char('c'), none), Wish::Nothing);
        assert_eq!(key(KeyCode::Esc, none), Wish::Quit);
        assert_eq!(key(KeyCode::Char('p'), none), Wish::Pause);
        assert_eq!(key(KeyCode::Char('?'), KeyModifiers::SHIFT), Wish::Help);
        assert_eq!(wish(&Event::Resize(10, 10)), Wish::Nothing);
    }
}
