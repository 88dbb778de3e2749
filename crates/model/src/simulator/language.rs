//! The line language: a prompt becomes a list of statements.
//!
//! Statements are separated by line ends, and by `;` or "then" where what follows is a statement too, so that
//! ordinary sentences and shell commands stay whole. Back quotes, double quotes and braces keep their content
//! together. The reference for people is `docs/simulator.md`; the tests below are its table.

use std::time::Duration;

use super::statement::{Call, Failure, FailureKind, Statement};

/// More statements than this are not carried out; `repeat` could ask for any number.
const MAX_STATEMENTS: usize = 10_000;
/// A longer prompt is no program; reading one takes time that grows faster than its length.
const MAX_PROMPT_BYTES: usize = 256 * 1024;
/// How far a possible statement is looked at before it counts as one.
const LOOKAHEAD_BYTES: usize = 4096;
/// The longest pause.
const MAX_WAIT: Duration = Duration::from_secs(3600);
const MAX_WORDS: usize = 100_000;

/// Reads a prompt. A statement that is not understood ends the program, with an explanation; a prompt that is not a
/// program at all gets a small demonstration or the list of what is understood.
pub(super) fn parse(prompt: &str) -> Vec<Statement> {
    if prompt.len() > MAX_PROMPT_BYTES {
        return vec![Statement::NotUnderstood(format!("a prompt of {} bytes", prompt.len()))];
    }
    let mut statements = program(prompt);
    // A turn should end with words.
    if statements.last().is_some_and(|last| !last.calls().is_empty()) {
        statements.push(Statement::Report);
    }
    statements
}

fn program(prompt: &str) -> Vec<Statement> {
    let mut statements = Vec::new();
    for part in lines(prompt).into_iter().flat_map(parts) {
        match statement(part) {
            Some(parsed) => statements.extend(parsed),
            None if statements.is_empty() => return conversation(prompt),
            None => {
                statements.push(Statement::NotUnderstood(part.to_owned()));
                return statements;
            }
        }
        if statements.len() > MAX_STATEMENTS {
            statements.truncate(MAX_STATEMENTS);
            return statements;
        }
    }
    if statements.is_empty() { vec![Statement::Help] } else { statements }
}

/// What a prompt in plain words gets.
fn conversation(prompt: &str) -> Vec<Statement> {
    const LOOKING: &[&str] = &[
        "look",
        "list",
        "show",
        "explore",
        "files",
        "file",
        "folder",
        "directory",
        "repo",
        "repository",
        "project",
        "here",
        "there",
        "codebase",
        "overview",
    ];
    let lower = prompt.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).collect();
    if words.iter().any(|word| word.starts_with("summar")) {
        return vec![Statement::Summarise];
    }
    if words.iter().any(|word| LOOKING.contains(word)) {
        let say = |text: &str| Statement::Say { text: text.to_owned(), commentary: true };
        return vec![
            Statement::Think { text: "Looking at the working directory first.".to_owned(), aloud: false },
            say("I am Spindle's simulator, not a model. Here is what a turn looks like: I list the directory."),
            Statement::Call(Call::Run { command: "ls".to_owned(), escalated: false, terminal: false }),
            Statement::Report,
        ];
    }
    let first = prompt.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    vec![Statement::NotUnderstood(first.to_owned())]
}

/// The prompt's lines, trimmed; a line end inside of quotes or braces does not count.
fn lines(prompt: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let (mut start, mut at) = (0, 0);
    let mut unclosed = Unclosed::default();
    while at < prompt.len() {
        if let Some(end) = enclosed(prompt, at, &mut unclosed) {
            at = end;
            continue;
        }
        if prompt.as_bytes()[at] == b'\n' {
            lines.push(prompt[start..at].trim());
            start = at + 1;
        }
        at = next_char(prompt, at);
    }
    lines.push(prompt[start..].trim());
    lines
}

/// The statements of a line. A separator counts where a statement follows; that is decided from the end of the line
/// to its beginning, because where a statement ends depends on the ones behind it.
fn parts(line: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut end = line.len();
    for (separator, follows) in separators(line).into_iter().rev() {
        let part = line[follows..end].trim();
        if part.is_empty() || is_statement(part) {
            parts.push(part);
            end = separator;
        }
    }
    parts.push(line[..end].trim());
    parts.reverse();
    parts.retain(|part| !part.is_empty());
    parts
}

/// Where a line has possible separators: the byte where each begins and the one behind it.
fn separators(line: &str) -> Vec<(usize, usize)> {
    const SEPARATORS: [&str; 6] = ["; then ", ";", ", and then ", ", then ", " and then ", " then "];
    let mut found = Vec::new();
    let mut at = 0;
    let mut unclosed = Unclosed::default();
    while at < line.len() {
        if let Some(end) = enclosed(line, at, &mut unclosed) {
            at = end;
            continue;
        }
        let rest = &line[at..];
        let separator = SEPARATORS
            .into_iter()
            .find(|separator| rest.get(..separator.len()).is_some_and(|head| head.eq_ignore_ascii_case(separator)));
        match separator {
            Some(separator) => {
                found.push((at, at + separator.len()));
                at += separator.len();
            }
            None => at = next_char(line, at),
        }
    }
    found
}

/// Whether a text is a statement, as far as its beginning shows.
fn is_statement(text: &str) -> bool {
    let mut end = text.len().min(LOOKAHEAD_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    statement(&text[..end]).is_some()
}

/// Openings found to be without an end; the same kind is not looked for again in the rest of the text.
#[derive(Default)]
struct Unclosed {
    fence: bool,
    back_quote: bool,
    brace: bool,
}

/// If a quoted or braced part begins at `at`, where it ends. An opening that is never closed is an ordinary character.
fn enclosed(text: &str, at: usize, unclosed: &mut Unclosed) -> Option<usize> {
    let rest = &text[at..];
    let (known, end) = match rest.as_bytes() {
        [b'`', b'`', b'`', ..] if !unclosed.fence => (&mut unclosed.fence, rest[3..].find("```").map(|end| end + 6)),
        [b'`', ..] if !unclosed.back_quote => (&mut unclosed.back_quote, rest[1..].find('`').map(|end| end + 2)),
        [b'{', ..] if !unclosed.brace => (&mut unclosed.brace, brace_end(rest)),
        [b'"', ..] => return quote_end(&rest[1..]).map(|end| at + end + 2),
        _ => return None,
    };
    *known = end.is_none();
    end.map(|end| at + end)
}

/// Where the closing double quote of a text is that follows the opening one, on the same line.
fn quote_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            '\n' => return None,
            '"' if !escaped => return Some(at),
            _ => escaped = c == '\\' && !escaped,
        }
    }
    None
}

/// Behind the brace that closes the one at the beginning; braces in JSON strings do not count.
fn brace_end(text: &str) -> Option<usize> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (at, c) in text.char_indices() {
        match c {
            '"' if !escaped => quoted = !quoted,
            '{' if !quoted => depth += 1,
            '}' if !quoted => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        escaped = c == '\\' && !escaped;
    }
    None
}

fn next_char(text: &str, at: usize) -> usize {
    at + text[at..].chars().next().map_or(1, char::len_utf8)
}

/// Understands one statement, which `repeat` turns into several.
fn statement(text: &str) -> Option<Vec<Statement>> {
    let text = without_ornament(text);
    let (keyword, rest) = keyword(text);
    let one = |statement: Statement| Some(vec![statement]);
    match keyword.as_str() {
        "repeat" => repeat(rest),
        "say" | "answer" | "reply" => one(say(rest)?),
        "remark" => one(Statement::Say { text: words(rest)?, commentary: true }),
        "propose" => one(Statement::Say {
            text: format!("<proposed_plan>\n{}\n</proposed_plan>", words(rest)?),
            commentary: false,
        }),
        "think" => one(think(rest)?),
        "report" => one(Statement::Report),
        "summarise" | "summarize" => one(Statement::Summarise),
        "help" => one(Statement::Help),
        "in" => {
            let calls: Option<Vec<_>> = split_bars(strip_word(rest, "parallel:")?).into_iter().map(call).collect();
            calls.filter(|calls| !calls.is_empty()).and_then(|calls| one(Statement::Together(calls)))
        }
        "search" => {
            let rest = strip_word(rest, "the web").unwrap_or(rest);
            let rest = strip_word(rest, "for").unwrap_or(rest);
            one(Statement::Search(unquoted(non_empty(rest)?)))
        }
        "open" => {
            let url = unquoted(non_empty(rest)?);
            url.contains("://").then_some(()).and_then(|()| one(Statement::Open(url)))
        }
        "draw" => one(Statement::Draw(unquoted(non_empty(rest)?))),
        "wait" | "pause" | "sleep" => {
            one(Statement::Wait(duration(strip_word(rest, "for").unwrap_or(rest))?.min(MAX_WAIT)))
        }
        "pace" => one(Statement::Pace(duration(rest)?.min(MAX_WAIT))),
        "hang" if rest.is_empty() => one(Statement::Hang),
        "fail" => one(Statement::Fail(failure(rest)?)),
        "usage" => one(usage(rest)?),
        "limits" => {
            let percent: f64 = rest.trim_end_matches('%').trim().parse().ok()?;
            percent.is_finite().then_some(()).and_then(|()| one(Statement::Limits(percent)))
        }
        "reroute" => one(Statement::Reroute(unquoted(non_empty(strip_word(rest, "to").unwrap_or(rest))?))),
        "stop" if rest.is_empty() => one(Statement::Stop),
        _ => one(Statement::Call(call(text)?)),
    }
}

/// Understands a statement that calls a tool.
fn call(text: &str) -> Option<Call> {
    let text = without_ornament(text);
    let (keyword, rest) = keyword(text);
    match keyword.as_str() {
        "run" => run(rest),
        "type" => Some(Call::Type(format!("{}\n", unescape(&unquoted(rest))))),
        "press" => match rest.to_ascii_lowercase().as_str() {
            "enter" | "return" => Some(Call::Type("\n".to_owned())),
            "ctrl-c" => Some(Call::Type("\u{3}".to_owned())),
            "ctrl-d" => Some(Call::Type("\u{4}".to_owned())),
            _ => None,
        },
        "write" | "create" => write(rest),
        "edit" => edit(rest),
        "delete" | "remove" => {
            let path = path(rest)?;
            Some(Call::Patch(format!("*** Delete File: {path}")))
        }
        "plan" => plan(rest),
        "view" => Some(Call::View(path(rest)?)),
        "look" => {
            let path = path(strip_word(rest, "at")?)?;
            let extension = path.rsplit_once('.')?.1.to_ascii_lowercase();
            matches!(extension.as_str(), "png" | "jpg" | "jpeg" | "gif" | "webp").then_some(Call::View(path))
        }
        "ask" => ask(rest),
        "call" => {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let name = non_empty(&rest[..end])?.trim_matches('`').to_owned();
            Some(Call::Tool { name, input: rest[end..].trim().to_owned() })
        }
        _ => None,
    }
}

/// Without list markers and words of politeness in front.
fn without_ornament(mut text: &str) -> &str {
    loop {
        let trimmed = text.trim();
        let plain = trimmed.trim_start_matches(['-', '*', '•']).trim_start();
        let digits = plain.len() - plain.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let plain = match plain.as_bytes().get(digits) {
            Some(b'.' | b')') if digits > 0 => plain[digits + 1..].trim_start(),
            _ => plain,
        };
        let plain = ["please", "now", "first", "next", "finally", "and", "then"]
            .into_iter()
            .find_map(|word| strip_word(plain, word).or_else(|| strip_word(plain, &format!("{word},"))))
            .unwrap_or(plain);
        if plain.len() == text.len() {
            return text;
        }
        text = plain;
    }
}

/// The first word in lower case, and what follows it and an optional colon.
fn keyword(text: &str) -> (String, &str) {
    let end = text.find(|c: char| !c.is_alphanumeric()).unwrap_or(text.len());
    let rest = &text[end..];
    // "say: x" and "say x", but not "say-so".
    if !rest.is_empty() && !rest.starts_with(|c: char| c == ':' || c.is_whitespace()) {
        return (String::new(), text);
    }
    let rest = rest.trim_start();
    (text[..end].to_lowercase(), rest.strip_prefix(':').unwrap_or(rest).trim())
}

/// What follows a word (or words) at the beginning, in any case; `None` if it does not begin so.
fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let head = text.get(..word.len()).filter(|head| head.eq_ignore_ascii_case(word))?;
    let rest = &text[head.len()..];
    (rest.is_empty() || word.ends_with(':') || rest.starts_with(char::is_whitespace)).then(|| rest.trim())
}

fn non_empty(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// Without the quotes that enclose the whole text: back quotes, double quotes, or a fence of three back quotes.
fn unquoted(text: &str) -> String {
    let text = text.trim();
    if text.len() >= 6 && text.starts_with("```") && text.ends_with("```") {
        let inner = &text[3..text.len() - 3];
        // The first line of a fence names a language.
        let inner = inner.split_once('\n').map_or(inner, |(_, body)| body);
        return inner.strip_suffix('\n').unwrap_or(inner).to_owned();
    }
    for quote in ['`', '"'] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote))
            && !inner.contains(quote)
        {
            return inner.to_owned();
        }
    }
    text.to_owned()
}

/// `\n` and `\t` as in most languages.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, chars.clone().next()) {
            ('\\', Some(escape @ ('n' | 't' | '\\'))) => {
                chars.next();
                out.push(match escape {
                    'n' => '\n',
                    't' => '\t',
                    _ => '\\',
                });
            }
            _ => out.push(c),
        }
    }
    out
}

/// A path: one word, or anything in back quotes.
fn path(text: &str) -> Option<String> {
    let text = non_empty(text)?;
    let quoted = text.starts_with('`') && text.ends_with('`') && text.len() > 2;
    let path = unquoted(text);
    (quoted || !path.contains(char::is_whitespace)).then_some(path).filter(|path| !path.contains('\n'))
}

/// A text to be said: without its quotes, with its line ends.
fn words(text: &str) -> Option<String> {
    Some(unescape(&unquoted(non_empty(text)?)))
}

fn say(rest: &str) -> Option<Statement> {
    let rest = non_empty(rest)?;
    if let Some(number) = strip_suffix_word(rest, "words").and_then(|number| number.parse::<usize>().ok()) {
        return Some(Statement::Words(number.min(MAX_WORDS)));
    }
    Some(Statement::Say { text: words(rest)?, commentary: false })
}

fn strip_suffix_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let rest = text.strip_suffix(word)?;
    rest.ends_with(char::is_whitespace).then(|| rest.trim())
}

fn think(rest: &str) -> Option<Statement> {
    let (rest, aloud) = match strip_word(rest, "aloud") {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    let rest = strip_word(rest, "about").unwrap_or(rest);
    Some(Statement::Think { text: words(rest)?, aloud })
}

fn repeat(rest: &str) -> Option<Vec<Statement>> {
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let times: usize = rest[..end].parse().ok()?;
    let body = rest[end..].trim_start();
    let body = strip_word(body, "times").or_else(|| strip_word(body, "times:")).unwrap_or(body);
    let body = body.strip_prefix(':').unwrap_or(body);
    // One level: repeating what repeats could ask for any number.
    if keyword(without_ornament(body)).0 == "repeat" {
        return None;
    }
    let body = statement(body)?;
    Some(body.iter().cycle().take(times.min(MAX_STATEMENTS).saturating_mul(body.len())).cloned().collect())
}

fn run(rest: &str) -> Option<Call> {
    const AS_ROOT: &[&str] = &["as root", "unsandboxed", "outside the sandbox", "escalated"];
    const TERMINAL: &[&str] = &["in a terminal", "in a tty"];
    let (mut escalated, mut terminal, mut rest) = (false, false, rest);
    let quoted_first = rest.starts_with('`');
    loop {
        let before = rest;
        for (phrases, flag) in [(AS_ROOT, &mut escalated), (TERMINAL, &mut terminal)] {
            for phrase in phrases {
                // Behind the command only when quotes show where it ends.
                let stripped = strip_word(rest, phrase)
                    .or_else(|| strip_word(rest, &format!("{phrase}:")))
                    .or_else(|| rest.strip_suffix(phrase).filter(|_| quoted_first).map(str::trim_end));
                if let Some(stripped) = stripped {
                    rest = stripped;
                    *flag = true;
                }
            }
        }
        if rest == before {
            break;
        }
    }
    let rest = non_empty(rest)?;
    let first = rest.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    // "run the tests" is a wish, not a command.
    if matches!(first.as_str(), "the" | "a" | "an" | "all" | "my" | "our" | "this" | "that" | "these" | "it") {
        return None;
    }
    Some(Call::Run { command: unquoted(rest), escalated, terminal })
}

/// `FILE: content`
fn write(rest: &str) -> Option<Call> {
    let (name, content) = split_outside(rest, ":")?;
    let path = path(name)?;
    let content = unescape(&unquoted(content));
    let mut patch = format!("*** Add File: {path}");
    for line in content.lines() {
        patch.push_str("\n+");
        patch.push_str(line);
    }
    Some(Call::Patch(patch))
}

/// `FILE: old => new`, whole lines
fn edit(rest: &str) -> Option<Call> {
    let (name, change) = split_outside(rest, ":")?;
    let (old, new) = split_outside(change, "=>")?;
    let mut patch = format!("*** Update File: {}\n@@", path(name)?);
    for (sign, text) in [('-', old), ('+', new)] {
        let text = unescape(&unquoted(text));
        for line in text.lines() {
            patch.push('\n');
            patch.push(sign);
            patch.push_str(line);
        }
    }
    Some(Call::Patch(patch))
}

/// `[x] a / [~] b / c`; without marks the first step is the one in progress.
fn plan(rest: &str) -> Option<Call> {
    let mut steps = Vec::new();
    let mut marked = false;
    for step in rest.split('/').map(str::trim).filter(|step| !step.is_empty()) {
        let marks = [("[x]", "completed"), ("[~]", "in_progress"), ("[ ]", "pending")];
        let found = marks.iter().find_map(|(mark, status)| {
            let (head, text) = step.split_at_checked(mark.len())?;
            head.eq_ignore_ascii_case(mark).then(|| (text.trim().to_owned(), *status))
        });
        marked |= found.is_some();
        steps.push(found.unwrap_or_else(|| (step.to_owned(), "pending")));
    }
    if !marked {
        steps.first_mut()?.1 = "in_progress";
    }
    (!steps.is_empty()).then_some(Call::Plan(steps))
}

/// `Which? a | b | c`
fn ask(rest: &str) -> Option<Call> {
    let rest = non_empty(rest)?;
    let (question, options) = match rest.find('?') {
        Some(at) => (rest[..=at].trim().to_owned(), &rest[at + 1..]),
        None => (rest.to_owned(), ""),
    };
    let mut options: Vec<_> =
        options.split('|').map(str::trim).filter(|option| !option.is_empty()).map(str::to_owned).collect();
    if options.is_empty() {
        options = vec!["Yes".to_owned(), "No".to_owned()];
    }
    Some(Call::Ask { question, options })
}

fn failure(rest: &str) -> Option<Failure> {
    let lower = rest.to_ascii_lowercase();
    let mut rest = lower.as_str();
    let mut times = None;
    if let Some(after) = strip_word(rest, "once") {
        (times, rest) = (Some(1), after);
    } else if let Some(after) = strip_word(rest, "twice") {
        (times, rest) = (Some(2), after);
    } else if let Some((number, after)) = rest.split_once(' ')
        && let Ok(number) = number.parse()
        && let Some(after) = strip_word(after, "times")
    {
        (times, rest) = (Some(number), after);
    }
    let what = strip_word(rest, "with").unwrap_or(rest);
    let what = strip_word(what, "a").or_else(|| strip_word(what, "an")).unwrap_or(what);
    let what = strip_word(what, "status").unwrap_or(what).trim_end_matches('.');
    let kind = match what {
        "" | "disconnect" | "disconnection" => FailureKind::Disconnect,
        "usage limit" => FailureKind::UsageLimit,
        "plan" | "usage not included" => FailureKind::NotIncluded,
        "quota" => FailureKind::Quota,
        "context window" | "context" => FailureKind::ContextWindow,
        "overload" | "overloaded" => FailureKind::Overloaded,
        "rate limit" => FailureKind::RateLimit,
        "policy" | "cyber policy" => FailureKind::Policy,
        "invalid prompt" => FailureKind::InvalidPrompt,
        "invalid image" | "image" => FailureKind::InvalidImage,
        "incomplete" => FailureKind::Incomplete,
        "no connection" | "unreachable" => FailureKind::Unreachable,
        number => FailureKind::Status(number.parse().ok().filter(|status| (300..600).contains(status))?),
    };
    Some(Failure { kind, times })
}

/// `INPUT/OUTPUT` or `INPUT/OUTPUT/CACHED`
fn usage(rest: &str) -> Option<Statement> {
    let mut numbers = rest.split('/').map(|number| number.trim().parse::<i64>().ok().filter(|number| *number >= 0));
    let (input, output) = (numbers.next()??, numbers.next()??);
    let cached = numbers.next().map_or(Some(0), |cached| cached)?;
    // Sums of several must not overflow.
    const MAX: i64 = 1 << 40;
    Some(Statement::Usage { input: input.min(MAX), output: output.min(MAX), cached: cached.min(MAX) })
}

fn duration(text: &str) -> Option<Duration> {
    let text = text.trim().trim_end_matches('.');
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let amount: f64 = text[..end].parse().ok()?;
    let seconds = match text[end..].trim().to_ascii_lowercase().as_str() {
        "ms" | "milliseconds" => amount / 1000.0,
        "" | "s" | "sec" | "second" | "seconds" => amount,
        "m" | "min" | "minute" | "minutes" => amount * 60.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

/// What stands before and behind the first separator outside of quotes and braces.
fn split_outside<'a>(text: &'a str, separator: &str) -> Option<(&'a str, &'a str)> {
    let mut at = 0;
    let mut unclosed = Unclosed::default();
    while at < text.len() {
        if let Some(end) = enclosed(text, at, &mut unclosed) {
            at = end;
        } else if let Some(rest) = text[at..].strip_prefix(separator) {
            return Some((&text[..at], rest));
        } else {
            at = next_char(text, at);
        }
    }
    None
}

/// Parts between bars that stand outside of quotes and braces.
fn split_bars(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut at) = (0, 0);
    let mut unclosed = Unclosed::default();
    while at < text.len() {
        if let Some(end) = enclosed(text, at, &mut unclosed) {
            at = end;
            continue;
        }
        if text.as_bytes()[at] == b'|' {
            parts.push(text[start..at].trim());
            start = at + 1;
        }
        at = next_char(text, at);
    }
    parts.push(text[start..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}
