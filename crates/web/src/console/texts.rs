//! Every text of the console in both languages. One table: a row without one of them does not
//! compile. `{}` stands for what is filled in.

use ledger::Rejection;

use super::frame::Frame;
use super::moving::Kind;

macro_rules! texts {
    ($($name:ident: $english:literal, $portuguese:literal;)*) => {
        /// The words of one language.
        pub(super) struct Texts { $(pub(super) $name: &'static str,)* }

        pub(super) const ENGLISH: Texts = Texts { $($name: $english,)* };
        pub(super) const PORTUGUESE: Texts = Texts { $($name: $portuguese,)* };

        #[cfg(test)]
        const ROWS: &[(&str, &str, &str)] = &[$((stringify!($name), $english, $portuguese),)*];
    };
}

texts! {
    // Around every page.
    skip: "Skip to the content", "Ir para o conteúdo";
    navigation: "Pages", "Páginas";
    search_accounts: "Find an account", "Buscar conta";
    overview: "Overview", "Visão geral";
    accounts: "Accounts", "Contas";
    transactions: "Transactions", "Transações";
    move_money: "Move money", "Movimentar";
    integrity: "Integrity", "Integridade";
    settings: "Settings", "Configuração";
    new_transfer: "New transfer", "Nova transferência";
    new_deposit: "New deposit", "Novo depósito";
    language: "Language", "Idioma";
    theme: "Theme", "Tema";
    theme_auto: "Auto", "Auto";
    theme_light: "Light", "Claro";
    theme_dark: "Dark", "Escuro";
    keys: "Keys", "Teclas";
    close: "Close", "Fechar";
    copied: "Copied", "Copiado";
    // Times.
    ago_now: "just now", "agora";
    ago_seconds: "{} s ago", "há {} s";
    ago_minutes: "{} min ago", "há {} min";
    ago_hours: "{} h ago", "há {} h";
    ago_days: "{} d ago", "há {} d";
    // Words of the bank.
    account: "Account", "Conta";
    balance: "Balance", "Saldo";
    amount: "Amount", "Valor";
    seq: "Seq", "Seq";
    kind: "Kind", "Tipo";
    parties: "From → to", "De → para";
    when: "When", "Quando";
    time: "Time", "Hora";
    kind_init: "Opening", "Abertura";
    kind_deposit: "Deposit", "Depósito";
    kind_withdraw: "Withdrawal", "Saque";
    kind_transfer: "Transfer", "Transferência";
    kind_refused: "Refused", "Recusada";
    kind_void: "Void", "Anulada";
    void_note: "given up before any request came", "desistida antes de qualquer pedido";
    one_account: "1 account", "1 conta";
    many_accounts: "{} accounts", "{} contas";
    money_in: "Money in", "Entradas";
    money_out: "Money out", "Saídas";
    in_the_bank: "In the bank", "No banco";
    position: "Position", "Posição";
    // Overview.
    rate: "Transactions per second", "Transações por segundo";
    per_second: "per second", "por segundo";
    rate_chart: "Chart of the transactions per second of the last two minutes",
        "Gráfico das transações por segundo nos últimos dois minutos";
    recent: "Recent transactions", "Transações recentes";
    all_transactions: "All transactions", "Todas as transações";
    empty_bank: "Nothing has happened yet. Begin in a terminal, or with a form:",
        "Ainda não aconteceu nada. Comece em um terminal, ou com um formulário:";
    // Lists.
    pages: "Pages of the list", "Páginas da lista";
    newest: "Newest", "Mais recentes";
    older: "Older", "Mais antigas";
    first_page: "First page", "Primeira página";
    next_page: "Next page", "Próxima página";
    find: "Find", "Buscar";
    show: "Show", "Mostrar";
    pause: "Pause", "Pausar";
    resume: "Go on", "Continuar";
    find_transaction: "Seq or tx_id", "Seq ou tx_id";
    of_account: "Of account", "Da conta";
    no_such_transaction: "There is no such transaction", "Não existe essa transação";
    names_that_begin: "Names that begin with", "Nomes que começam com";
    empty_accounts: "There is no account yet. The first deposit opens one:",
        "Ainda não há contas. O primeiro depósito abre uma:";
    no_account_begins: "No account begins with that.", "Nenhuma conta começa assim.";
    last_change: "Last change", "Última mudança";
    // An account.
    balance_over_time: "Balance over time", "Saldo ao longo do tempo";
    newest_changes: "the newest 1,000 changes", "as 1.000 mudanças mais recentes";
    balance_at: "Balance at a time", "Saldo em uma data";
    time_utc: "Time (UTC)", "Data e hora (UTC)";
    was_not_there: "The account did not exist then.", "A conta não existia nessa data.";
    not_yet: "That time has not come yet.", "Essa data ainda não chegou.";
    no_time: "That is no time.", "Isso não é uma data.";
    statement: "Statement", "Extrato";
    other: "With", "Com";
    no_such_account: "There is no account of that name. A deposit or a transfer to it opens it.",
        "Não existe conta com esse nome. Um depósito ou uma transferência a abre.";
    // A transaction.
    transaction: "Transaction", "Transação";
    previous: "Previous", "Anterior";
    next: "Next", "Próxima";
    legs: "What it changed", "O que mudou";
    before: "Before", "Antes";
    after: "After", "Depois";
    change: "Change", "Mudança";
    facts: "Facts", "Dados";
    elsewhere: "The same elsewhere", "O mesmo em outro lugar";
    repeat_is_safe: "Sending it again is safe: a tx_id happens once, and the answer is this transaction.",
        "Enviar de novo é seguro: um tx_id acontece uma vez, e a resposta é esta transação.";
    by: "By", "Por";
    json_line: "JSON line", "Linha JSON";
    record: "Record", "Registro";
    copy: "Copy", "Copiar";
    done: "Done.", "Feito.";
    done_text: "It is on the disk.", "Está no disco.";
    done_before: "Already done.", "Já estava feito.";
    done_before_text: "This form had been sent before: the money moved once.",
        "Este formulário já tinha sido enviado: o dinheiro se moveu uma vez.";
    // Moving money.
    from: "From account", "Da conta";
    to: "To account", "Para a conta";
    look_first: "Look at it first", "Conferir";
    nothing_moves_yet: "Nothing moves yet. It will happen once, as", "Nada se move ainda. Acontecerá uma vez, como";
    look_again: "Something needs another look.", "Algo precisa ser revisto.";
    holds: "holds", "tem";
    is_not_there_yet: "is not there yet; money that comes in opens it", "ainda não existe; dinheiro que entra a abre";
    confirm: "Is this right?", "Está certo?";
    new_account: "new", "nova";
    send_transfer: "Transfer", "Transferir";
    send_deposit: "Deposit", "Depositar";
    send_withdraw: "Withdraw", "Sacar";
    change_it: "Change", "Alterar";
    as_it_stands: "Balances at position", "Saldos na posição";
    title_transfer: "New transfer", "Nova transferência";
    title_deposit: "New deposit", "Novo depósito";
    title_withdraw: "New withdrawal", "Novo saque";
    fault_no_account: "Which account?", "Qual conta?";
    fault_long_name: "A name has at most 64 bytes.", "Um nome tem no máximo 64 bytes.";
    fault_bad_name: "A name holds no control characters.", "Um nome não tem caracteres de controle.";
    fault_reserved_name: "Names that begin with @ are the bank's own.", "Nomes que começam com @ são do banco.";
    fault_same_account: "This is the account that pays.", "Esta é a conta que paga.";
    fault_no_amount: "How much?", "Quanto?";
    fault_no_number: "Write it like {}.", "Escreva como {}.";
    fault_too_fine: "This currency has {} decimals.", "Esta moeda tem {} casas decimais.";
    fault_zero: "It must be more than nothing.", "Precisa ser mais que nada.";
    fault_too_large: "At most {}.", "No máximo {}.";
    fault_short: "The account holds {}: {} short.", "A conta tem {}: faltam {}.";
    fault_too_full: "The account cannot hold that much.", "A conta não comporta tanto.";
    form_used: "This form was used for something else before. Look at that first, then send again.",
        "Este formulário já foi usado para outra coisa. Veja aquilo primeiro e envie de novo.";
    nothing_done: "Nothing was done. Send again: it happens once.",
        "Nada foi feito. Envie de novo: acontece uma vez.";
    may_have_happened: "The answer was lost: it may have happened. Send again: it happens once, and you will know.",
        "A resposta se perdeu: pode ter acontecido. Envie de novo: acontece uma vez, e você saberá.";
    // Refusals.
    refused_funds: "The account held {}, less than was asked.", "A conta tinha {}, menos que o pedido.";
    refused_range: "The receiving account held {} and could not hold that much.",
        "A conta de destino tinha {} e não comportava tanto.";
    refused_late: "Its deadline had passed.", "O prazo tinha passado.";
    refused_void: "The tx_id was given up: nothing will be done under it.",
        "O tx_id foi anulado: nada será feito com ele.";
    refused_reused: "The tx_id stands for something else.", "O tx_id é de outra coisa.";
    refused_invalid: "The request was not valid.", "O pedido não era válido.";
    // Integrity.
    books_right: "The books are right.", "As contas fecham.";
    books_right_text: "All accounts together hold what came in less what went out.",
        "Todas as contas juntas têm o que entrou menos o que saiu.";
    books_wrong: "The books are not right.", "As contas não fecham.";
    books_wrong_text: "Stop what moves money, and prove the bank:", "Pare o que move dinheiro e prove o banco:";
    trial_balance: "Trial balance", "Balancete";
    item: "Item", "Item";
    expected: "What there must be", "O que deve haver";
    sum_of_accounts: "Sum of all accounts", "Soma de todas as contas";
    difference: "Difference", "Diferença";
    proof: "Proof of all history", "Prova de todo o histórico";
    proof_text: "Every byte hashed, every seq in its place, each tx_id once, and the books right after every event:",
        "Cada byte conferido, cada seq no seu lugar, cada tx_id uma vez, e as contas fechando após cada evento:";
    verify_now: "Verify now", "Verificar agora";
    checkpoint_now: "Checkpoint now", "Checkpoint agora";
    checkpoint_made: "The checkpoint is made: the next start reads less.",
        "O checkpoint está feito: o próximo início lê menos.";
    verify_never: "Not verified since this server started.", "Não verificado desde que este servidor iniciou.";
    verify_running: "A verification is running; it has come to", "Uma verificação está em curso; chegou a";
    verify_proven: "Proven up to", "Provado até";
    verify_failed: "The verification failed:", "A verificação falhou:";
    verify_large: "This history is too long to be proven within the server.",
        "Este histórico é longo demais para ser provado dentro do servidor.";
    last_seal: "Last seal; keep it elsewhere", "Último selo; guarde em outro lugar";
    refresh: "Look again", "Ver de novo";
    // Settings.
    setting: "Setting", "Item";
    value: "Value", "Valor";
    flag: "Set by", "Definido por";
    fixed: "fixed", "fixo";
    settings_text: "What is set by a flag is set by its variable too: saldo help environment.",
        "O que uma opção define, sua variável também define: saldo help environment.";
    set_version: "Version", "Versão";
    set_ledger: "Ledger", "Livro";
    set_keeper: "Kept in", "Guardado em";
    kept_in_folder: "a folder", "uma pasta";
    kept_in_database: "a database", "um banco de dados";
    set_lines: "TCP address", "Endereço TCP";
    set_connections: "Most HTTP connections", "Máximo de conexões HTTP";
    set_streams: "Most live streams", "Máximo de fluxos ao vivo";
    set_currency: "Currency", "Moeda";
    set_http: "HTTP address", "Endereço HTTP";
    set_asked_by: "This page came from", "Esta página veio de";
    set_hosts: "Other names", "Outros nomes";
    set_drain: "Time to answer at a stop", "Tempo para responder ao parar";
    set_head_timeout: "Time for the head of a request", "Tempo para o cabeçalho de um pedido";
    set_body: "Largest request", "Maior pedido";
    set_page: "Longest page of a list", "Maior página de uma lista";
    bytes: "{} bytes", "{} bytes";
    // What went wrong.
    not_found: "Not found", "Não encontrado";
    no_such_page: "There is no such page.", "Essa página não existe.";
    bad_address: "That address is not right", "Esse endereço não está certo";
    bad_address_text: "Something in the address is missing or is not what belongs there.",
        "Algo no endereço falta ou não é o que deveria estar ali.";
    foreign_form: "This form was not sent", "Este formulário não foi enviado";
    foreign_form_text: "It came from elsewhere, or this browser has forgotten who it was. Nothing was done. Open the page again, and send it from there.",
        "Ele veio de outro lugar, ou este navegador esqueceu quem era. Nada foi feito. Abra a página de novo e envie dali.";
    unreadable_form: "This form cannot be read", "Este formulário não pode ser lido";
    unreadable_form_text: "Nothing was done.", "Nada foi feito.";
    not_allowed: "Not allowed", "Não permitido";
    not_at_the_moment: "Not at the moment", "Agora não";
    something_failed: "Something failed", "Algo falhou";
}

impl Texts {
    /// How many accounts, in words.
    pub(super) fn accounts_count(&self, f: &Frame, count: u64) -> String {
        match count {
            1 => self.one_account.to_owned(),
            _ => self.many_accounts.replace("{}", &f.count(count)),
        }
    }

    /// What a form is called.
    pub(super) fn move_title(&self, kind: &Kind) -> &'static str {
        match kind {
            Kind::Transfer => self.title_transfer,
            Kind::Deposit => self.title_deposit,
            Kind::Withdraw => self.title_withdraw,
        }
    }

    /// What its last button says.
    pub(super) fn send(&self, kind: &Kind) -> &'static str {
        match kind {
            Kind::Transfer => self.send_transfer,
            Kind::Deposit => self.send_deposit,
            Kind::Withdraw => self.send_withdraw,
        }
    }

    /// The bank's no, in words.
    pub(super) fn rejection(&self, f: &Frame, rejection: &Rejection) -> String {
        match rejection {
            Rejection::InsufficientFunds { balance } => {
                self.refused_funds.replace("{}", &f.money(balance.get()).shown)
            }
            Rejection::BalanceOutOfRange { balance } => {
                self.refused_range.replace("{}", &f.money(balance.get()).shown)
            }
            Rejection::DeadlinePassed { .. } => self.refused_late.to_owned(),
            Rejection::Voided => self.refused_void.to_owned(),
            Rejection::TxIdReused => self.refused_reused.to_owned(),
            Rejection::SameAccount => self.fault_same_account.to_owned(),
            Rejection::InvalidName(_) | Rejection::InvalidAmount(_) | Rejection::InvalidTxId(_) => {
                self.refused_invalid.to_owned()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_there_and_both_languages_fill_in_the_same() {
        for (name, english, portuguese) in ROWS {
            assert!(!english.is_empty() && !portuguese.is_empty(), "{name}");
            let places = |text: &str| text.matches("{}").count();
            assert_eq!(places(english), places(portuguese), "{name}");
        }
    }

    #[test]
    fn portuguese_has_the_words_of_the_original_program() {
        let words = [
            (PORTUGUESE.account, "Conta"),
            (PORTUGUESE.balance, "Saldo"),
            (PORTUGUESE.kind_deposit, "Depósito"),
            (PORTUGUESE.kind_withdraw, "Saque"),
            (PORTUGUESE.kind_transfer, "Transferência"),
        ];
        for (word, expected) in words {
            assert_eq!(word, expected);
        }
    }
}
