//! The line editor: how the prompt looks, what the keys do, where the history is.

use std::borrow::Cow;
use std::io;

use reedline::{
    ColumnarMenu, DefaultHinter, Emacs, KeyCode, KeyModifiers, MenuBuilder as _, Prompt,
    PromptEditMode, PromptHistorySearch, PromptHistorySearchStatus, Reedline, ReedlineEvent,
    ReedlineMenu, default_emacs_keybindings,
};

use super::completion::Words;
use super::history::Discreet;
use crate::failure::Failure;
use crate::output;
use crate::server::Server;
use crate::unanswered::cause_of_io;

/// The name of the list of completions among the editor's menus.
const MENU: &str = "completions";

/// What stands before a line.
pub struct Line;

/// An editor for lines to this server. Errors: none that stop it; what is not kept is said.
pub fn editor(server: &Server) -> Result<Reedline, Failure> {
    let mut keys = default_emacs_keybindings();
    let next = vec![ReedlineEvent::Menu(MENU.to_owned()), ReedlineEvent::MenuNext];
    keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, ReedlineEvent::UntilFound(next));
    let is_plain = anstream::AutoStream::choice(&io::stderr()) == anstream::ColorChoice::Never;
    let editor = Reedline::create()
        .with_edit_mode(Box::new(Emacs::new(keys)))
        .with_hinter(Box::new(DefaultHinter::default()))
        .with_completer(Box::new(Words::for_server(server)))
        .with_quick_completions(true)
        .with_partial_completions(true)
        .with_menu(ReedlineMenu::EngineCompleter(Box::new(ColumnarMenu::default().with_name(MENU))))
        .with_ansi_colors(!is_plain);
    Ok(match Discreet::open() {
        Ok(Some(history)) => editor.with_history(Box::new(history)),
        Ok(None) => editor,
        Err(error) => {
            output::note(&format!("the history is not kept: {}", cause_of_io(&error)));
            editor
        }
    })
}

impl Prompt for Line {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        "saldo".into()
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        "".into()
    }

    fn render_prompt_indicator(&self, _mode: PromptEditMode) -> Cow<'_, str> {
        "> ".into()
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        "... ".into()
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        let found = match search.status {
            PromptHistorySearchStatus::Passing => "",
            PromptHistorySearchStatus::Failing => "nothing has ",
        };
        format!(" ({found}{}) ", search.term).into()
    }
}
