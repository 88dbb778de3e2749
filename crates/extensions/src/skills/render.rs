//! The list of skills that the model sees.

use super::{Scope, Skill};

/// Share of the context window that the list may take.
const BUDGET_PERCENT: i64 = 2;
const CHARS_PER_TOKEN: i64 = 4;
/// When the context window is unknown.
const DEFAULT_BUDGET_CHARS: usize = 8000;

const INTRODUCTION: &str = "## Skills\n\
A skill is a folder with a SKILL.md that explains how to do one kind of task well. The skills below are installed; \
each line gives a name, what it is for, and the file to read.\n\
### Available skills\n";

const RULES: &str = "### Using skills\n\
- Use a skill when the user names it (plain, or as `$name`) or when the task is clearly what its line describes. \
With several candidates take the smallest set that covers the task, and say in a few words which you use and why.\n\
- Open the SKILL.md before you start and read as far as you need. Follow links to further files only when the step at \
hand needs them; relative paths start at the skill's folder.\n\
- Prefer a script or template that the skill brings over writing your own.\n\
- If a skill's file is missing or unusable, say so briefly and go on without it.\n\
- A skill counts for the turn in which it was chosen; choose again in later turns.\n";

/// The section for the model, and what the user should be told about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    pub text: String,
    /// Present when descriptions or whole skills did not fit.
    pub warning: Option<String>,
}

/// How many characters the list of skills may have: 2 % of the context window.
#[must_use]
pub fn budget_chars(context_window_tokens: Option<i64>) -> usize {
    match context_window_tokens {
        Some(tokens) if tokens > 0 => {
            usize::try_from(tokens.saturating_mul(CHARS_PER_TOKEN) / 100 * BUDGET_PERCENT).unwrap_or(usize::MAX)
        }
        _ => DEFAULT_BUDGET_CHARS,
    }
}

/// Lists the enabled skills that the model may pick by itself. `None` when there are none.
///
/// Over budget, descriptions are cut to equal lengths; when not even the lines without descriptions fit, all
/// descriptions go, and then the last skills.
#[must_use]
pub fn render(skills: &[Skill], budget_chars: usize) -> Option<Rendered> {
    let mut skills: Vec<_> = skills.iter().filter(|skill| skill.enabled && skill.implicit).collect();
    skills.sort_by_key(|skill| rank(skill.scope));
    if skills.is_empty() {
        return None;
    }
    let (lines, warning) = fit(&skills, budget_chars);
    let text = format!("<skills_instructions>\n{INTRODUCTION}{lines}{RULES}</skills_instructions>");
    Some(Rendered { text, warning })
}

/// The order for the model: what comes with the machine before what is the project's and the user's own.
fn rank(scope: Scope) -> u8 {
    match scope {
        Scope::System => 0,
        Scope::Admin => 1,
        Scope::Repo => 2,
        Scope::User => 3,
    }
}

fn line(skill: &Skill, description: &str) -> String {
    let separator = if description.is_empty() { "" } else { " " };
    format!("- {}:{separator}{description} (file: {})\n", skill.name, skill.path)
}

fn chars(text: &str) -> usize {
    text.chars().count()
}

fn fit(skills: &[&Skill], budget: usize) -> (String, Option<String>) {
    let bare: Vec<_> = skills.iter().map(|skill| line(skill, "")).collect();
    let bare_chars: usize = bare.iter().map(|line| chars(line)).sum();
    if bare_chars > budget {
        let mut left = budget;
        let kept = bare
            .iter()
            .take_while(|line| {
                let fits = chars(line) <= left;
                left = left.saturating_sub(chars(line));
                fits
            })
            .count();
        let omitted = bare.len() - kept;
        return (bare[..kept].concat(), Some(removed_warning(omitted)));
    }
    // One character more than the description: the space before it.
    let wanted: Vec<_> = skills.iter().map(|skill| chars(&skill.description) + 1).collect();
    let limit = equal_share(&wanted, budget - bare_chars);
    let mut cut = false;
    let lines = skills.iter().zip(&wanted).map(|(skill, wanted)| {
        if *wanted <= limit {
            return line(skill, &skill.description);
        }
        cut = true;
        // Room for the ellipsis and the space.
        let short: String = skill.description.chars().take(limit.saturating_sub(2)).collect();
        if short.is_empty() { line(skill, "") } else { line(skill, &format!("{}…", short.trim_end())) }
    });
    let lines: String = lines.collect();
    (lines, cut.then(shortened_warning))
}

/// The largest limit such that all lengths, each cut to it, fit into `budget`.
fn equal_share(lengths: &[usize], budget: usize) -> usize {
    let mut sorted = lengths.to_vec();
    sorted.sort_unstable();
    let mut left = budget;
    for (index, length) in sorted.iter().enumerate() {
        let share = left / (sorted.len() - index);
        if *length > share {
            return share;
        }
        left -= length;
    }
    usize::MAX
}

fn shortened_warning() -> String {
    format!("Skill descriptions were shortened to keep the skills list within {BUDGET_PERCENT}% of the context window.")
}

fn removed_warning(omitted: usize) -> String {
    let skills = if omitted == 1 { "1 skill is".to_owned() } else { format!("{omitted} skills are") };
    format!(
        "The skills list is over its budget of {BUDGET_PERCENT}% of the context window: descriptions were left out{}.",
        if omitted == 0 { String::new() } else { format!(" and {skills} hidden from the model") }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::AbsPath;

    fn skill(name: &str, description: &str) -> Skill {
        Skill {
            name: name.to_owned(),
            description: description.to_owned(),
            short_description: None,
            interface: None,
            dependencies: Vec::new(),
            path: AbsPath::new(format!("/s/{name}/SKILL.md")).unwrap(),
            scope: Scope::User,
            enabled: true,
            implicit: true,
        }
    }

    fn lines(rendered: &Rendered) -> Vec<&str> {
        rendered.text.lines().filter(|line| line.contains("(file: ")).collect()
    }

    #[test]
    fn skills_are_listed_with_description_and_file() {
        let rendered = render(&[skill("one", "Does things.")], 8000).unwrap();
        assert!(rendered.text.starts_with("<skills_instructions>\n## Skills\n"));
        assert!(rendered.text.ends_with("</skills_instructions>"));
        assert_eq!(lines(&rendered), ["- one: Does things. (file: /s/one/SKILL.md)"]);
        assert_eq!(rendered.warning, None);
    }

    #[test]
    fn switched_off_and_explicit_only_skills_are_not_listed() {
        let off = Skill { enabled: false, ..skill("off", "d") };
        let explicit = Skill { implicit: false, ..skill("explicit", "d") };
        assert_eq!(render(&[off, explicit], 8000), None);
    }

    #[test]
    fn the_budget_is_two_percent_of_the_window_at_four_characters_a_token() {
        assert_eq!(budget_chars(Some(100)), 8);
        assert_eq!(budget_chars(Some(272_000)), 21_760);
        assert_eq!(budget_chars(None), 8000);
    }

    #[test]
    fn long_descriptions_share_what_is_left_and_short_ones_stay_whole() {
        let skills = [skill("a", "short"), skill("b", &"x".repeat(500)), skill("c", &"y".repeat(500))];
        let rendered = render(&skills, 300).unwrap();
        let shown = lines(&rendered);
        assert_eq!(shown[0], "- a: short (file: /s/a/SKILL.md)");
        assert!(shown[1].contains("x…") && shown[2].contains("y…"), "{shown:?}");
        let total: usize = shown.iter().map(|line| line.chars().count() + 1).sum();
        assert!(total <= 300 && total > 290, "{total}");
        assert!(rendered.warning.is_some());
    }

    #[test]
    fn without_room_for_names_the_heading_stays_and_the_rest_is_counted() {
        let rendered = render(&[skill("a", "d"), skill("b", "d")], 8).unwrap();
        assert!(rendered.text.contains("## Skills"));
        assert!(lines(&rendered).is_empty());
        assert!(rendered.warning.unwrap().contains("2 skills"));
    }
}
